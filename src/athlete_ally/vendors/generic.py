"""Any sender that speaks Standard Webhooks and sends readings of our shape: attached by configuration alone.

Spec: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
from functools import partial
from typing import Annotated, Any

import msgspec

from athlete_ally.core.errors import InvalidMessage
from athlete_ally.core.vendor.json_body import converted, decoded
from athlete_ally.core.vendor.plugin import Vendor
from athlete_ally.core.vendor.signature import Hmac, Request
from athlete_ally.core.vendor.webhook import Found, Unpacked, Unusable, Webhook

_SPEC = "https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md"


class _Person(msgspec.Struct, frozen=True, rename="camel"):
    user_id: Annotated[str, msgspec.Meta(min_length=1)]


class _Event(msgspec.Struct, frozen=True):
    """`type` is a kind; `data` one reading or a list of them, each with the sender's own `userId`."""

    type: str
    data: dict[str, Any] | list[Any]


def unpack(source: str, webhook: Webhook) -> Unpacked:
    """Return the readings; each is `source`'s unless it says otherwise."""
    event = decoded(webhook.body, _Event)
    items: list[Any] = event.data if isinstance(event.data, list) else [event.data]
    found: list[Found] = []
    unusable: list[Unusable] = []
    for index, item in enumerate(items):
        try:
            fields = converted(item, dict[str, Any])
            account = converted(item, _Person).user_id
        except InvalidMessage as error:
            unusable.append(Unusable(index, f"no reading: {error}"))
            continue
        own = {name: value for name, value in fields.items() if name != "userId"}
        found.append(Found(index, event.type, account, {"source": source, **own}))
    return Unpacked(found=tuple(found), unusable=tuple(unusable))


def key(secret: str) -> bytes:
    """Return the key in a `whsec_` secret.

    Raises:
        ValueError: it is not Base64.
    """
    # "the secret is base64 encoded and prefixed with whsec_": symmetric secrets, in the spec's section on signatures.
    # https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error as error:
        raise ValueError("not Base64 after `whsec_`") from error


# "webhook-id ... stays the same when the same webhook is resent".
# https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
def delivery_id(request: Request) -> str | None:
    """Return the id that stays the same over all attempts."""
    return request.headers.get("webhook-id") or None


def generic(name: str) -> Vendor:
    """Return the vendor for a sender of this name."""
    return Vendor(
        name=name,
        title=f"{name} (Standard Webhooks)",
        # `v1,` and Base64 of HMAC-SHA256 over id, timestamp and body, joined by full stops; several while keys rotate.
        # https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
        signature=Hmac(
            header="webhook-signature",
            signed=("id", ".", "timestamp", ".", "body"),
            encoding="base64",
            layout="versions",
            id_header="webhook-id",
            timestamp_header="webhook-timestamp",
            # Each attempt is signed anew; five minutes are what the reference libraries allow.
            max_age_s=300,
            key=key,
        ),
        unpack=partial(unpack, name),
        carries="data",
        sources=(_SPEC,),
        delivery_id=delivery_id,
        # The spec recommends senders to wait 15 to 30 seconds.
        deadline_s=15.0,
        kept_headers=("webhook-id", "webhook-timestamp", "webhook-signature"),
    )
