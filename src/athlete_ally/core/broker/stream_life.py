"""The lives of a stream: each restore to an earlier state begins one. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last message that was seen in a stream; sequence 0 where there was none yet."""

    stream: str
    created_at: datetime
    sequence: int
    stored_at: datetime


@dataclass(frozen=True, slots=True)
class Life:
    """What began when a stream was restored, or deleted and created anew.

    From `from_sequence` on, messages stored before `started_at` are gone; the last of them that was seen had the
    sequence `lost_to`. All messages up to `lost_since` are still there.
    """

    stream: str
    started_at: datetime
    created_at: datetime
    from_sequence: int
    lost_to: int
    lost_since: datetime


class LifeStore(Protocol):
    """Keeps cursors and lives. All of it raises `Unavailable`: wait."""

    async def cursor(self, stream: str) -> Cursor | None:
        """Return the last message that was seen; None where none was."""
        ...

    async def advance(self, cursor: Cursor, life: Life | None) -> None:
        """Keep a cursor, and the life that begins with it, if one does; both or neither. May be repeated."""
        ...


@dataclass(frozen=True, slots=True)
class LostMessages:
    """What a restored stream had lost when that was noticed: `processed` of `messages` have receipts."""

    stream: str
    noticed_at: datetime
    from_sequence: int
    lost_since: datetime
    messages: int
    processed: int
