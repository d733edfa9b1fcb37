"""What a worker would do with a delivery, worked out without any effect: the value, and the port. Pure."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from athlete_ally.core.messages.message import Delivery
from athlete_ally.core.readings.record import Record
from athlete_ally.core.receipts import Rejected


@dataclass(frozen=True, slots=True)
class DryRunResult:
    """What today's code makes of a message.

    `records` are those that it would store, by kind, or that would follow from what it would publish. `duplicate`
    counts readings of messages that are on record, which nothing follows from; `ignored` items that are of no use to
    us. `unknown` says why it can't be told.
    """

    records: Mapping[str, tuple[Record, ...]] = field(default_factory=dict[str, tuple[Record, ...]])
    duplicate: int = 0
    ignored: int = 0
    rejected: tuple[Rejected, ...] = ()
    unknown: str = ""

    @property
    def passed(self) -> int:
        """How many records there would be."""
        return sum(map(len, self.records.values()))


DryRun = Callable[[Sequence[Delivery]], Awaitable[Sequence[DryRunResult]]]
"""Does what the worker of a durable does with deliveries, except for its effects; it may look into the database.

A delivery that the code crashes on is rejected. Raises `Unavailable` where the database can't be reached.
"""
