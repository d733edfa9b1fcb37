"""Oura: notifications that name what changed.

Docs: https://cloud.ouraring.com/v2/docs#tag/Webhook-Subscription-Routes
"""

from urllib.parse import quote

import msgspec

from athlete_ally.core.api import Api, Call, OAuth, Rate
from athlete_ally.core.signature import Hmac, Request, is_secret
from athlete_ally.core.vendor import Answer, Resource, Secrets, Unpacked, Vendor, Webhook
from athlete_ally.core.vendor_json import decoded

_DOCS = "https://cloud.ouraring.com/v2/docs#tag/Webhook-Subscription-Routes"
_LONGEST_CHALLENGE = 1024
_FETCHED = {"sleep", "daily_sleep", "daily_activity", "daily_readiness", "workout"}


class _Notification(msgspec.Struct, frozen=True):
    event_type: str
    data_type: str
    object_id: str
    user_id: str


def unpack(webhook: Webhook) -> Unpacked:
    """Read a notification; a deletion is named like any other change: who fetches it finds nothing."""
    notification = decoded(webhook.body, _Notification)
    resource = Resource(notification.user_id, notification.data_type, notification.object_id)
    return Unpacked(resources=(resource,))


# The subscription's verification: Oura sends verification_token and challenge, and wants the challenge back as JSON.
# https://cloud.ouraring.com/v2/docs#tag/Webhook-Subscription-Routes
def handshake(request: Request, secrets: Secrets) -> Answer | None:
    """Give the challenge back to whoever knows the token."""
    challenge = request.query.get("challenge")
    if request.method != "GET" or challenge is None or len(challenge) > _LONGEST_CHALLENGE:
        return None
    if not is_secret(request.query.get("verification_token", ""), secrets.tokens):
        return Answer(401)
    return Answer(200, msgspec.json.encode({"challenge": challenge}), "application/json")


def call(resource: Resource) -> Call | None:
    """Return how to ask for a document; https://cloud.ouraring.com/v2/docs names the routes."""
    if resource.type not in _FETCHED:
        return None
    return Call(f"/v2/usercollection/{resource.type}/{quote(resource.id, safe='')}")


API = Api(
    base_url="https://api.ouraring.com",
    # https://cloud.ouraring.com/docs/authentication
    oauth=OAuth(
        authorize_url="https://cloud.ouraring.com/oauth/authorize",
        token_url="https://api.ouraring.com/oauth/token",  # noqa: S106  # an address
        scopes=("personal", "daily", "workout"),
        who=Call("/v2/usercollection/personal_info"),
        account_field="id",
    ),
    call=call,
    # "5000 requests in a 5-minute period": https://cloud.ouraring.com/docs/error-handling
    rates=(Rate(5000, 300),),
    sources=("https://cloud.ouraring.com/docs/authentication", _DOCS),
    unconfirmed=("that `id` of personal_info is the `user_id` of webhooks; the scope that SpO2 needs",),
)


OURA = Vendor(
    name="oura",
    title="Oura",
    # Hex in upper case of HMAC-SHA256 over timestamp and body, keyed with the client secret.
    # https://cloud.ouraring.com/v2/docs#tag/Webhook-Subscription-Routes
    signature=Hmac(
        header="x-oura-signature",
        signed=("timestamp", "body"),
        encoding="upper-case hex",
        timestamp_header="x-oura-timestamp",
        # Unconfirmed: neither the timestamp's unit nor whether a retry is signed anew. A day outlives the retries, and
        # a replay within it is a duplicate.
        max_age_s=86_400,
    ),
    unpack=unpack,
    carries="ids",
    sources=(_DOCS,),
    unconfirmed=("unit of `x-oura-timestamp`; whether a retry carries a new one",),
    handshake=handshake,
    shakes_hands="GET with `verification_token` and `challenge`: 200 with the challenge as JSON, or 401",
    asks_for_token=True,
    deadline_s=10.0,
    api=API,
    kept_headers=("x-oura-signature", "x-oura-timestamp"),
)
