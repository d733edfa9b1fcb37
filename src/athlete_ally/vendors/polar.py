"""Polar AccessLink: notifications that name what changed.

Docs: https://www.polar.com/accesslink-api/#webhooks
"""

from urllib.parse import quote

import msgspec

from athlete_ally.core.api import Api, Call, Judgement, OAuth, Rate, by_status
from athlete_ally.core.errors import InvalidMessage
from athlete_ally.core.signature import Hmac, Request
from athlete_ally.core.vendor import NOTHING, Answer, Resource, Secrets, Unpacked, Vendor, Webhook
from athlete_ally.core.vendor_json import decoded

_DOCS = "https://www.polar.com/accesslink-api/#webhooks"
_REFERENCE = (
    "https://raw.githubusercontent.com/api-evangelist/polar/main/openapi/_original/polar-accesslink-api-openapi.yml"
)
_PING = "PING"
_SLEEP = "SLEEP"
_RECHARGE = "NIGHTLY_RECHARGE"
_PATHS = {
    "EXERCISE": "/v3/exercises/",
    _SLEEP: "/v3/users/sleep/",
    _RECHARGE: "/v3/users/nightly-recharge/",
    "ACTIVITY_SUMMARY": "/v3/users/activities/",
}


class _Notification(msgspec.Struct, frozen=True):
    """`entity_id` names an exercise; events without one name a date or only an address in `url`."""

    event: str
    user_id: int | None = None
    entity_id: str | None = None
    date: str | None = None
    url: str | None = None


def unpack(webhook: Webhook) -> Unpacked:
    """Read a notification (EXERCISE, SLEEP, ACTIVITY_SUMMARY ...)."""
    notification = decoded(webhook.body, _Notification)
    if notification.event == _PING:
        return NOTHING
    if notification.user_id is None:
        raise InvalidMessage("user_id: needed")
    name = notification.entity_id or notification.date or notification.url or ""
    # Nothing tells of a Nightly Recharge: it comes of the night, and has its date.
    types = (_SLEEP, _RECHARGE) if notification.event == _SLEEP else (notification.event,)
    return Unpacked(resources=tuple(Resource(str(notification.user_id), each, name) for each in types))


# A PING has to be answered with 200 before Polar creates the webhook and tells the secret: it can't be verified.
# https://www.polar.com/accesslink-api/#create-webhook
def handshake(request: Request, _secrets: Secrets) -> Answer | None:
    """Answer a PING, from whomever: nothing of it is kept, and nothing is told."""
    if request.method != "POST":
        return None
    try:
        return Answer(200) if decoded(request.body, _Notification).event == _PING else None
    except InvalidMessage:
        return None


# https://www.polar.com/accesslink-api/#exercises, #sleep, #nightly-recharge and #daily-activity. The address that a
# notification holds is not followed: whoever knew the secret could lead a token anywhere with it.
def call(resource: Resource) -> Call | None:
    """Return how to ask for an exercise by its id, or for a night or day by its date."""
    if resource.type not in _PATHS or not resource.id:
        return None
    return Call(_PATHS[resource.type] + quote(resource.id, safe=""))


# "Once partner has been authorized by user, partner must register the user before being able to access its data."
# https://www.polar.com/accesslink-api/#register-user
def enrol(account: str) -> Call:
    """Return how to register a person, by an identifier that tells Polar nothing that it does not know."""
    return Call("/v3/users", json={"member-id": account})


def judge(status: int, body: bytes) -> Judgement:
    """Judge by status: 204 is a day without data, 409 a person who is registered already, 403 a missing consent.

    https://www.polar.com/accesslink-api/#register-user and #get-activity-for-given-date
    """
    match status:
        case 204:
            return "gone"
        case 409:
            return "ok"
        case _:
            return by_status(status, body)


API = Api(
    base_url="https://www.polaraccesslink.com",
    # https://www.polar.com/accesslink-api/#authentication: there is no refresh token, and `x_user_id` is the person.
    oauth=OAuth(
        authorize_url="https://flow.polar.com/oauth2/authorization",
        token_url="https://polarremote.com/v2/oauth2/token",  # noqa: S106  # an address
        scopes=("accesslink.read_all",),
        account_field="x_user_id",
        client_by="basic",
        enrol=enrol,
    ),
    call=call,
    rates=(Rate(500, 900), Rate(5_000, 86_400)),
    judge=judge,
    sources=("https://www.polar.com/accesslink-api/#authentication", _REFERENCE),
    unconfirmed=(
        "the limits, which grow with the number of people: 500 in 15 minutes and 5,000 a day is for none",
        "what the headers of a refusal say: how long to wait is read from `Retry-After` only",
        "that `x_user_id` is the `user_id` of webhooks: the reference calls both the Polar user id",
    ),
)


POLAR = Vendor(
    name="polar",
    title="Polar AccessLink",
    # Lower-case hex of HMAC-SHA256 over the body, keyed with signature_secret_key; no timestamp.
    # https://www.polar.com/accesslink-api/#webhooks
    signature=Hmac(header="polar-webhook-signature", signed=("body",)),
    unpack=unpack,
    carries="ids",
    sources=(
        _DOCS,
        "https://raw.githubusercontent.com/api-evangelist/polar/main/openapi/polar-accesslink-webhooks-asyncapi.yml",
    ),
    unconfirmed=("the case of the hex digits; how long Polar waits for an answer",),
    handshake=handshake,
    shakes_hands="POST `PING`: 200, before there is a secret",
    api=API,
    kept_headers=("polar-webhook-signature", "polar-webhook-event"),
)
