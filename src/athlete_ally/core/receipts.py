"""The records of one message that are to be stored, and the outcome. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from athlete_ally.core.messages.parent import Parent
from athlete_ally.core.readings.record import Record
from athlete_ally.core.readings.sessions import Removal, Removed
from athlete_ally.core.verdict import Reason


@dataclass(frozen=True, slots=True)
class Rejected:
    """One reading of a message that goes to AA_DLQ: which, and why (in words without values)."""

    index: int
    reason: Reason
    error: str


@dataclass(frozen=True, slots=True)
class StoreRequest:
    """What one message wants to store: its records, and the readings already rejected.

    `readings` counts all readings of the message. `stored_at` is when the stream stored it: after a restore two
    messages have one sequence. `replay_of` is the identity of the dead letter that the message
    replays, if it does: its readings were dead-lettered before, and that letter is still in AA_DLQ. `traceparent` is
    what the message says, and may be anything. `parent` is the message that it was unpacked from, if it was.
    `removals` are what sources took back.
    """

    message_id: str
    stream: str
    sequence: int
    readings: int
    received_at: datetime
    stored_at: datetime
    records: tuple[Record, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    replay_of: str | None = None
    traceparent: str | None = None
    parent: Parent | None = None
    removals: tuple[Removal, ...] = ()
    sender: str | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one lot, on record in the database from now on.

    `is_redelivery`: this very message was stored before, and its effects may have to be announced again.
    `is_duplicate`: another message with the same content was stored before; nothing is left to do.
    `stored`: the lot's records that are the current ones of their keys. `superseded`: how many were older than what is
    there, or take something back. `rejected`: the lot's own rejections and those of the database. `removed`: rows that
    are there no more because of it.
    """

    is_redelivery: bool
    is_duplicate: bool
    stored: tuple[Record, ...]
    superseded: int
    rejected: tuple[Rejected, ...]
    removed: tuple[Removed, ...] = ()


@dataclass(frozen=True, slots=True)
class UnpackReceipt:
    """What is on record of a webhook or a fetched document.

    `readings` is how many were published for the kinds' workers; `children` are the messages with them that have
    receipts of their own, with the readings in each. `awaits_fetch`: it names resources, and fetch is not done with it.
    """

    readings: int
    awaits_fetch: bool
    children: Mapping[str, int] = field(default_factory=dict[str, int])

    @property
    def is_complete(self) -> bool:
        """Tell whether all that was made of it has receipts."""
        return not self.awaits_fetch and sum(self.children.values()) >= self.readings
