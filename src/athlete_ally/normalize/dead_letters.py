"""Dead letters: a copy of what could not be used, with everything a person needs to understand and replay it. Pure."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby

from athlete_ally import __version__
from athlete_ally.core.broker import topology
from athlete_ally.core.messages import headers
from athlete_ally.core.messages.identity import derived_id, fingerprint
from athlete_ally.core.messages.message import Delivery, OutgoingMessage
from athlete_ally.core.readings.reading import pick_readings
from athlete_ally.core.receipts import Rejected, StoreRequest
from athlete_ally.core.verdict import Reason

# Long enough for a field and its limit; short enough that all headers stay within 16 KiB.
_MAX_ERROR_CHARACTERS = 500
_MAX_INDEX_CHARACTERS = 4000
# A header that the client library delivers but would refuse to send again must not keep a letter from being written.
_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_HEADER_VALUE = re.compile(r"[ -~]*")
_MAX_COPIED_BYTES = 4096
# Headers of the server and of the original's own identity would act on the copy.
_NOT_COPIED = ("nats-", "aa-dlq-", "aa-original-", "aa-reading")


def dead_letters(
    kind: str, delivery: Delivery, request: StoreRequest, rejected: Sequence[Rejected], *, at: datetime
) -> list[OutgoingMessage]:
    """Return a letter for each reason; a letter holds only the readings rejected for it, byte for byte.

    The ids are the same whenever the letters are made again, so that a second attempt is a duplicate.
    """
    by_reason = groupby(sorted(rejected, key=lambda each: each.reason), key=lambda each: each.reason)
    return [_letter(kind, delivery, request, list(each), at) for _, each in by_reason]


def _letter(
    kind: str, delivery: Delivery, request: StoreRequest, rejected: list[Rejected], at: datetime
) -> OutgoingMessage:
    reason = rejected[0].reason
    indexes = [each.index for each in rejected]
    is_whole = len(rejected) == request.readings
    first_error = printable(rejected[0].error)
    mark = fingerprint(kind, reason, shape_of(first_error))
    stated = why_and_whence(delivery, request.message_id, reason, first_error, fingerprint=mark, at=at)
    stated[headers.READINGS] = str(len(rejected))
    if delivery.attempt == 1:
        stated[headers.DLQ_FIRST_DELIVERED] = instant(at)
    if not is_whole:
        stated[headers.READING_INDEXES] = listed(indexes)
    return OutgoingMessage(
        stream=topology.DLQ,
        subject=topology.dead_letter_subject(kind, reason),
        body=delivery.body if is_whole else pick_readings(delivery.body, indexes),
        message_id=derived_id("dlq", request.message_id, delivery.sequence, reason),
        headers={**copied_headers(delivery.headers), **stated},
    )


def why_and_whence(  # one for each thing that is stated
    delivery: Delivery, identity: str, reason: Reason, error: str, *, fingerprint: str, at: datetime
) -> dict[str, str]:
    """Return the headers that every letter has: what was wrong with the message of this `identity`, and its origin."""
    return {
        headers.DLQ_REASON: reason,
        headers.DLQ_ERROR: error,
        headers.DLQ_FINGERPRINT: fingerprint,
        headers.DLQ_ATTEMPTS: str(delivery.attempt),
        headers.DLQ_AT: instant(at),
        headers.DLQ_WORKER_VERSION: __version__,
        headers.ORIGINAL_SUBJECT: delivery.subject,
        headers.ORIGINAL_STREAM: delivery.stream,
        headers.ORIGINAL_SEQUENCE: str(delivery.sequence),
        headers.ORIGINAL_TIME: instant(delivery.stored_at),
        headers.ORIGINAL_MSG_ID: identity,
        headers.ORIGINAL_CONSUMER: delivery.consumer,
    }


def copied_headers(original: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of an original that its letter may carry: none that acts on the letter or is unsafe."""
    copied: dict[str, str] = {}
    room = _MAX_COPIED_BYTES
    for name, value in original.items():
        is_safe = _HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(value)
        if is_safe and not name.lower().startswith(_NOT_COPIED) and len(name) + len(value) <= room:
            copied[name] = value
            room -= len(name) + len(value)
    return copied


def listed(indexes: Sequence[int]) -> str:
    """Return the indexes; where they are too many, the first ones, and a sign that more were left out."""
    text = ",".join(map(str, indexes))
    return text if len(text) <= _MAX_INDEX_CHARACTERS else text[:_MAX_INDEX_CHARACTERS].rpartition(",")[0] + ",..."


def shape_of(error: str) -> str:
    """Return the error without what varies from one occurrence to the next."""
    return re.sub(r"\d+", "#", error)


def printable(text: str) -> str:
    """Return one line of ASCII without quoted values: msgspec quotes wrong enum values."""
    masked = re.sub(r"'[^']*'", "'...'", text)
    return "".join(character if " " <= character <= "~" else "?" for character in masked)[:_MAX_ERROR_CHARACTERS]


def instant(moment: datetime) -> str:
    """Return a moment as our headers write it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")
