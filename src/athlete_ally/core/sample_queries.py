"""What readers of time series ask for, and the port that answers. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, Protocol

import msgspec

Resolution = Literal["raw", "1m", "5m", "15m", "1h", "1d"]
RESOLUTIONS: Final[tuple[Resolution, ...]] = ("raw", "1m", "5m", "15m", "1h", "1d")

Aggregate = Literal["sum", "mean"]


@dataclass(frozen=True, slots=True)
class SampleQuery:
    """Which points of one person and code: from `from_instant` (included) to `to_instant` (not included).

    A bucket begins at a full minute, hour or day of `time_zone` (an IANA name). `aggregate` is what adds up the code's
    points: their sum, or their mean with minimum and maximum. Implausible points are in no aggregate.
    """

    user_id: str
    code: str
    aggregate: Aggregate
    from_instant: datetime
    to_instant: datetime
    resolution: Resolution = "raw"
    time_zone: str = "UTC"
    sources: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()


class SamplePlace(msgspec.Struct, frozen=True, array_like=True):
    """The place behind one point or bucket: its instant, and its series."""

    at: datetime
    series: int


@dataclass(frozen=True, slots=True)
class SamplePage:
    """Points or buckets as JSON objects, oldest first, and the place behind the last one; None where none is left."""

    rows: Sequence[msgspec.Raw]
    next: SamplePlace | None


class SampleReader(Protocol):
    """Reads time series."""

    async def page(self, query: SampleQuery, after: SamplePlace | None, limit: int) -> SamplePage:
        """Return up to `limit` points or buckets behind a place.

        Raises:
            Unavailable: the database can't be reached in time.
        """
        ...
