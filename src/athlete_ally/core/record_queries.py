"""What readers of records ask for, and the ports that answer. Pure."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, Protocol

import msgspec

from athlete_ally.core.readings.measurement import Measurement

StreamForm = Literal["ndjson", "csv"]


@dataclass(frozen=True, slots=True)
class RecordQuery:
    """Which rows of a kind: those that meet everything that is named; empty means any.

    `first_day` and `last_day` are included. `from_instant` is included, `to_instant` is not; they concern the start of
    the interval, and the capture of what has none. `prefix` begins the ids of the people that the reader may see.
    """

    user_id: str | None = None
    prefix: str = ""
    first_day: date | None = None
    last_day: date | None = None
    from_instant: datetime | None = None
    to_instant: datetime | None = None
    sources: tuple[str, ...] = ()
    contexts: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    newest_first: bool = True
    lineage: bool = False
    include: frozenset[str] = frozenset()


class RecordPlace(msgspec.Struct, frozen=True, array_like=True):
    """The place behind one row. Rows of one person are in the order of their days, those of all in that of keys."""

    day: date
    user_id: str
    period: str
    source: str
    context: str


@dataclass(frozen=True, slots=True)
class RecordPage:
    """Rows as JSON objects, and the place behind the last one; None where no row is left."""

    rows: Sequence[msgspec.Raw]
    next: RecordPlace | None


class RecordReader(Protocol):
    """Reads the records of kinds. All of it raises Unavailable when the database can't be reached in time."""

    async def page(
        self, measurement: Measurement, query: RecordQuery, after: RecordPlace | None, limit: int
    ) -> RecordPage:
        """Return up to `limit` rows behind a place."""
        ...

    async def estimate(self, measurement: Measurement, query: RecordQuery) -> int:
        """Return about how many rows there are, as the database's planner thinks: quick at any size."""
        ...

    def stream(self, measurement: Measurement, query: RecordQuery, form: StreamForm) -> AsyncIterator[bytes]:
        """Return all rows in memory of constant size: a JSON object a line, or CSV with a line of names."""
        ...
