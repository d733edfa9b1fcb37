"""The change feed: what was created, updated, deleted or erased, in one order. Pure.

Promise: a reader that goes on from the position of the last page hears of every committed change at least once, and of
the changes of one key in their order. A row that changed several times since is told once, as it is now.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import msgspec

ChangeType = Literal["created", "updated", "deleted", "erased"]


class Position(msgspec.Struct, frozen=True, array_like=True, order=False):
    """The place behind one change: `place` is that of its transaction, the rest that of the row within it.

    The places of transactions increase; 0 is what was stored before places were kept. `series` is of a time series,
    0 for other kinds.
    """

    place: int = 0
    kind: str = ""
    user_id: str = ""
    period: str = ""
    source: str = ""
    context: str = ""
    series: int = 0


BEGINNING = Position()
"""Before every change."""


class Change(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One change. `record` is the row as it is now: None where it is gone, and for time series.

    A change of a time series says which UTC day (`period`) of which series has new points. A change of type `erased`
    concerns everything of a person: kind, period, source and context are None.
    """

    type: ChangeType
    user_id: str
    kind: str | None
    period: str | None
    source: str | None
    context: str | None
    code: str | None = None
    device: str | None = None
    record: msgspec.Raw | None


@dataclass(frozen=True, slots=True)
class ChangePage:
    """Changes in order, and the position behind them; `is_last` where nothing more was there at that time."""

    changes: Sequence[Change]
    position: Position
    is_last: bool


@dataclass(frozen=True, slots=True)
class ChangeFilter:
    """Which changes to tell: those of these kinds and people (None: all), whose id begins with `prefix`.

    The erasure of a person is told whatever the kinds.
    """

    kinds: Collection[str] | None = None
    people: Collection[str] | None = None
    prefix: str = ""


class ChangeFeed(Protocol):
    """Reads changes. Both raise Unavailable when the database can't be reached."""

    async def read(self, after: Position, limit: int, wanted: ChangeFilter) -> ChangePage:
        """Return up to `limit` changes behind a position, in order.

        An empty page moves the position too: what was not wanted is not looked at again.
        """
        ...

    async def newest(self) -> int:
        """Return the place of the newest change that a page may hold now; 0 where there is none."""
        ...

    async def horizon(self) -> Position:
        """Return the position behind all changes that are complete now."""
        ...
