"""WHOOP: notifications that name what changed.

Docs: https://developer.whoop.com/docs/developing/webhooks/
"""

import msgspec

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
    kept_headers=("x-whoop-signature", "x-whoop-signature-timestamp"),
)
