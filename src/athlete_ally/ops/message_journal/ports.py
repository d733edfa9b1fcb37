"""What replaying the message journal works with."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from athlete_ally.core.broker.state import LiveStream
from athlete_ally.core.messages.journal_entry import JournalEntry
from athlete_ally.core.messages.message import StoredMessage
from athlete_ally.core.receipts import UnpackReceipt


class JournalReader(Protocol):
    """Reads the journal's segments."""

    def entries(self, since: datetime | None) -> AsyncGenerator[JournalEntry]:
        """Yield what was accepted since then, at least once each, in no order.

        Raises:
            Misconfigured: the folder is missing, or a segment is encrypted with a key that is not among ours.
        """
        ...

    @property
    def damaged(self) -> int:
        """How many places the last reading found that can't be read."""
        ...

    @property
    def oldest_at(self) -> datetime | None:
        """When the oldest segment was begun that the last reading found."""
        ...


class ReceiptLookup(Protocol):
    """The receipts in the database. All of it raises Unavailable when the database can't be reached."""

    async def normalized(self, message_ids: Sequence[str]) -> frozenset[str]:
        """Return which of these messages of readings have a receipt."""
        ...

    async def unpacked(self, message_ids: Sequence[str]) -> Mapping[str, UnpackReceipt]:
        """Return what is on record of these webhooks and documents; those without a receipt are left out."""
        ...


class StreamReader(Protocol):
    """The streams. All of it raises Unavailable without an answer."""

    async def stream(self, name: str) -> LiveStream | None:
        """Return a stream, or None."""
        ...

    def messages(self, stream: LiveStream, since: datetime | None = None) -> AsyncGenerator[tuple[int, StoredMessage]]:
        """Yield every message that was stored since then, up to the last one of this look at the stream."""
        ...
