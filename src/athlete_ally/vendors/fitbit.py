"""Fitbit's own Web API: notifications that name what changed. Google Health succeeds it.

Docs: https://dev.fitbit.com/build/reference/web-api/developer-guide/using-subscriptions/
Google turns this API off on 2 November 2026: https://developers.google.com/health/reference/rest/v4beta/Subscription
"""

from typing import Any

import msgspec

from athlete_ally.core.errors import InvalidMessage
from athlete_ally.core.signature import Hmac, Request, is_secret
from athlete_ally.core.vendor import Answer, Resource, Secrets, Unpacked, Unusable, Vendor, Webhook
from athlete_ally.core.vendor_json import converted, decoded

_DOCS = "https://dev.fitbit.com/build/reference/web-api/developer-guide/using-subscriptions/"
_REVOKED = "userRevokedAccess"


class _Notification(msgspec.Struct, frozen=True):
    collectionType: str  # noqa: N815  # the vendor's name
    ownerId: str  # noqa: N815  # the vendor's name
    date: str = ""


def unpack(webhook: Webhook) -> Unpacked:
    """Read a list of notifications; a person who took the permission back is one of them."""
    resources: list[Resource] = []
    withdrawn: list[str] = []
    unusable: list[Unusable] = []
    for index, item in enumerate(decoded(webhook.body, list[Any])):
        try:
            notification = converted(item, _Notification)
        except InvalidMessage as error:
            unusable.append(Unusable(index, str(error)))
            continue
        if notification.collectionType == _REVOKED:
            withdrawn.append(notification.ownerId)
        else:
            resources.append(Resource(notification.ownerId, notification.collectionType, notification.date))
    return Unpacked(resources=tuple(resources), withdrawn=tuple(withdrawn), unusable=tuple(unusable))


def key(secret: str) -> bytes:
    """Return the client secret followed by an ampersand."""
    # https://dev.fitbit.com/build/reference/web-api/developer-guide/best-practices/#Subscriber-Security
    return f"{secret}&".encode()


# A GET with the right verify code wants 204, one with a wrong code 404; Fitbit tries both.
# https://dev.fitbit.com/build/reference/web-api/developer-guide/using-subscriptions/#Verifying-a-Subscriber
def handshake(request: Request, secrets: Secrets) -> Answer | None:
    """Tell whether the code is the one that Fitbit showed when the subscriber was added."""
    if request.method != "GET" or "verify" not in request.query:
        return None
    return Answer(204 if is_secret(request.query["verify"], secrets.tokens) else 404)


FITBIT = Vendor(
    name="fitbit",
    title="Fitbit Web API",
    # Base64 of HMAC-SHA1 over the body, keyed with the client secret and an ampersand; no timestamp.
    # https://dev.fitbit.com/build/reference/web-api/developer-guide/best-practices/#Subscriber-Security
    signature=Hmac(header="x-fitbit-signature", signed=("body",), algorithm="sha1", encoding="base64", key=key),
    unpack=unpack,
    carries="ids",
    sources=(_DOCS,),
    handshake=handshake,
    shakes_hands="GET with `verify`: 204 for the right code, 404 for a wrong one",
    asks_for_token=True,
    # The same text again, later on the same day, tells of another change.
    repeats_are_news=True,
    # "a 204 No Content within 5 seconds":
    # https://dev.fitbit.com/build/reference/web-api/developer-guide/using-subscriptions/
    accepted=Answer(204),
    deadline_s=5.0,
    kept_headers=("x-fitbit-signature",),
)
