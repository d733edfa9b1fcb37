"""Polar AccessLink: notifications that name what changed.

Docs: https://www.polar.com/accesslink-api/#webhooks
"""

import msgspec

from athlete_ally.core.errors import InvalidMessage
from athlete_ally.core.signature import Hmac, Request
from athlete_ally.core.vendor import NOTHING, Answer, Resource, Secrets, Unpacked, Vendor, Webhook
from athlete_ally.core.vendor_json import decoded

_DOCS = "https://www.polar.com/accesslink-api/#webhooks"
_PING = "PING"


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
    return Unpacked(resources=(Resource(str(notification.user_id), notification.event, name),))


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
    kept_headers=("polar-webhook-signature", "polar-webhook-event"),
)
