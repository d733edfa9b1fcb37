"""Keeping a webhook: the bytes as received, into AA_VENDOR_HOT, acknowledged. Verified before, understood later."""

import asyncio
import re
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus

from athlete_ally.core.broker import topology
from athlete_ally.core.errors import MessageTooLarge, Misconfigured, Unavailable
from athlete_ally.core.messages import headers
from athlete_ally.core.messages.identity import message_id
from athlete_ally.core.messages.message import OutgoingMessage
from athlete_ally.core.messages.parts import NotSplittable, part_headers, split
from athlete_ally.core.messages.trace import handed_on
from athlete_ally.core.ports import Publisher
from athlete_ally.core.series import Cause
from athlete_ally.core.vendor.plugin import Vendor
from athlete_ally.core.vendor.signature import Request
from athlete_ally.ingest.refusal import Refusal, cause_of

_RETRY_AFTER_S = 5
# What is left of a vendor's deadline for the way there and back.
_SHARE_OF_DEADLINE = 0.8
_PRINTABLE = re.compile(r"[ -~]{1,512}")
_ALWAYS_KEPT = ("content-type", "content-encoding")
# A vendor's id may be anything; one that can't travel as a header is hashed like content.
_ID = re.compile(r"[!-~]{1,200}")


@dataclass(frozen=True, slots=True)
class WebhookKeeper:
    """Publishes webhooks."""

    publisher: Publisher

    async def keep(self, vendor: Vendor, request: Request, received_at: datetime) -> bool:
        """Publish, and return whether the stream held it already. When this returns, the stream holds it on disk.

        Raises:
            Refusal: 413 too large for a message, 503 no acknowledgement within the vendor's deadline. After a 503 the
                stream may hold it or not: sending it again is always right.
        """
        if len(request.body) > topology.MAX_BODY_BYTES:
            # A hundred megabytes take two seconds: others are answered meanwhile.
            messages = await asyncio.to_thread(webhook_messages, vendor, request, received_at)
        else:
            messages = webhook_messages(vendor, request, received_at)
        try:
            async with asyncio.timeout(_SHARE_OF_DEADLINE * vendor.deadline_s):
                acknowledged = [await self.publisher.publish(message) for message in messages]
                return all(each.duplicate for each in acknowledged)
        except MessageTooLarge as error:
            raise _too_large(len(request.body)) from error
        except TimeoutError as error:
            raise _not_kept("no acknowledgement within the sender's deadline") from error
        except (Unavailable, Misconfigured) as error:
            raise _not_kept(str(error), cause_of(error)) from error


def webhook_messages(vendor: Vendor, request: Request, received_at: datetime) -> list[OutgoingMessage]:
    """Return the message that keeps a webhook, or those that keep its parts: all of them, or the vendor sends it again.

    Raises:
        Refusal: 413, no message can hold it, and it is not to be split, or can't be.
    """
    whole = webhook_message(vendor, request, received_at)
    if len(whole.body) <= topology.MAX_BODY_BYTES:
        return [whole]
    if vendor.largest_body_bytes is None or "content-encoding" in request.headers:
        raise _too_large(len(whole.body))
    try:
        parts = split(whole.body, topology.MAX_BODY_BYTES)
    except NotSplittable as error:
        raise _too_large(len(whole.body)) from error
    stated = part_headers(parts, whole.body)
    return [
        replace(
            whole,
            body=part.body,
            message_id=f"{whole.message_id}-{number}",
            headers={**whole.headers, headers.CE_ID: f"{whole.message_id}-{number}", **of},
        )
        for number, (part, of) in enumerate(zip(parts, stated, strict=True), 1)
    ]


def webhook_message(vendor: Vendor, request: Request, received_at: datetime) -> OutgoingMessage:
    """Return the message that keeps a webhook; its id is the same for every attempt of the vendor."""
    subject = topology.webhook_subject(vendor.name)
    identity = _identity(vendor, subject, request, received_at)
    kept = {
        name: request.headers[name]
        for name in (*_ALWAYS_KEPT, *vendor.kept_headers)
        if _PRINTABLE.fullmatch(request.headers.get(name, ""))
    }
    attributes = {
        headers.CE_SPECVERSION: "1.0",
        headers.CE_ID: identity,
        headers.CE_TYPE: subject,
        headers.CE_SOURCE: "/athlete-ally/ingest",
        headers.CE_TIME: received_at.isoformat(timespec="milliseconds"),
        **handed_on(request.headers),
    }
    return OutgoingMessage(topology.VENDOR_HOT, subject, request.body, identity, {**kept, **attributes})


def _identity(vendor: Vendor, subject: str, request: Request, received_at: datetime) -> str:
    given = vendor.delivery_id(request)
    if given is not None:
        return f"{vendor.name}-{given}" if _ID.fullmatch(given) else message_id(subject, given.encode())
    if vendor.repeats_are_news:
        # Losing the news of a change is worse than fetching the same thing twice.
        return message_id(f"{subject} {received_at.isoformat()}", request.body)
    return message_id(subject, request.body)


def _too_large(size: int) -> Refusal:
    detail = f"the webhook has {size} bytes; the limit is {topology.MAX_BODY_BYTES}: have smaller batches sent"
    return Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)


def _not_kept(reason: str, cause: Cause = "broker") -> Refusal:
    detail = f"not stored: {reason}. Send the same again; nothing is stored twice"
    return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, detail, retry_after_s=_RETRY_AFTER_S, cause=cause)
