"""An entry of the message journal: a message that was accepted, and when. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import msgspec

from athlete_ally.core.errors import InvalidMessage
from athlete_ally.core.messages.message import OutgoingMessage

JournalMode = Literal["required", "best-effort", "off"]
"""Whether a message has to be in the journal to be accepted, is written there if possible, or is not written there."""


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """A message that was accepted, and when."""

    at: datetime
    message: OutgoingMessage


@dataclass(frozen=True, slots=True)
class JournalFolder:
    """What the journal's folder on this machine holds; `is_writable` as seen by the user who asks."""

    path: str
    bytes: int
    free_bytes: int
    oldest_at: datetime | None
    is_writable: bool


class _Entry(msgspec.Struct, frozen=True, array_like=True):
    at_ms: int
    stream: str
    subject: str
    message_id: str
    headers: dict[str, str]
    body: bytes


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Entry)


def encode_entry(entry: JournalEntry) -> bytes:
    """Return an entry as bytes."""
    message = entry.message
    at_ms = int(entry.at.timestamp() * 1000)
    stated = dict(message.headers)
    return _encoder.encode(_Entry(at_ms, message.stream, message.subject, message.message_id, stated, message.body))


def decode_entry(data: bytes) -> JournalEntry:
    """Return the entry that `encode_entry` made bytes of.

    Raises:
        InvalidMessage: it is none.
    """
    try:
        entry = _decoder.decode(data)
    except msgspec.DecodeError as error:
        raise InvalidMessage("an entry of the message journal can't be read") from error
    message = OutgoingMessage(entry.stream, entry.subject, entry.body, entry.message_id, entry.headers)
    return JournalEntry(datetime.fromtimestamp(entry.at_ms / 1000, UTC), message)
