"""WHOOP: notifications that name what changed.

Docs: https://developer.whoop.com/docs/developing/webhooks/
"""

from urllib.parse import quote

import msgspec

from athlete_ally.core.api import Api, Call, OAuth, Rate, field_of
from athlete_ally.core.signature import Hmac
from athlete_ally.core.vendor import NOTHING, Resource, Unpacked, Vendor, Webhook
from athlete_ally.core.vendor_json import decoded

_DOCS = "https://developer.whoop.com/docs/developing/webhooks/"
_TYPES = {"workout", "sleep", "recovery"}


class _Notification(msgspec.Struct, frozen=True):
    """`id` is a number in the first version of the webhooks, a UUID in the second."""

    user_id: int
    id: int | str
    type: str


def unpack(webhook: Webhook) -> Unpacked:
    """Read a notification (`sleep.updated`, `workout.deleted` ...)."""
    notification = decoded(webhook.body, _Notification)
    what, _, _ = notification.type.partition(".")
    if what not in _TYPES:
        return NOTHING
    return Unpacked(resources=(Resource(str(notification.user_id), what, str(notification.id)),))


# https://developer.whoop.com/docs/developing/v1-v2-migration
def call(resource: Resource) -> Call | None:
    """Return how to ask for a sleep, workout or recovery; a recovery is named by its cycle, or by its sleep."""
    name = quote(resource.id, safe="")
    if resource.type != "recovery":
        return Call(f"/developer/v2/activity/{resource.type}/{name}")
    return _recovery(name) if resource.id.isdigit() else Call(f"/developer/v2/activity/sleep/{name}", then=_of_sleep)


def _of_sleep(sleep: bytes) -> Call:
    return _recovery(quote(field_of(sleep, "cycle_id"), safe=""))


def _recovery(cycle: str) -> Call:
    return Call(f"/developer/v2/cycle/{cycle}/recovery")


API = Api(
    base_url="https://api.prod.whoop.com",
    # https://developer.whoop.com/docs/developing/oauth
    oauth=OAuth(
        authorize_url="https://api.prod.whoop.com/oauth/oauth2/auth",
        token_url="https://api.prod.whoop.com/oauth/oauth2/token",  # noqa: S106  # an address
        scopes=("offline", "read:profile", "read:cycles", "read:sleep", "read:recovery", "read:workout"),
        who=Call("/developer/v2/user/profile/basic"),
        account_field="user_id",
    ),
    call=call,
    # https://developer.whoop.com/docs/developing/rate-limiting/
    rates=(Rate(100, 60), Rate(10_000, 86_400)),
    sources=("https://developer.whoop.com/docs/developing/oauth", "https://developer.whoop.com/api"),
    unconfirmed=("that a sleep of the second version names its `cycle_id`",),
)


WHOOP = Vendor(
    name="whoop",
    title="WHOOP",
    # Base64 of HMAC-SHA256 over timestamp (milliseconds) and body, keyed with the client secret.
    # https://developer.whoop.com/docs/developing/webhooks/
    signature=Hmac(
        header="x-whoop-signature",
        signed=("timestamp", "body"),
        encoding="base64",
        timestamp_header="x-whoop-signature-timestamp",
        # Unconfirmed: whether a retry is signed anew. They go on for about an hour; twice that loses none.
        max_age_s=7_200,
    ),
    unpack=unpack,
    carries="ids",
    sources=(_DOCS,),
    unconfirmed=(
        "whether a retry carries a new timestamp; whether `trace_id` stays the same over retries; how long WHOOP waits",
    ),
    api=API,
    kept_headers=("x-whoop-signature", "x-whoop-signature-timestamp"),
)
