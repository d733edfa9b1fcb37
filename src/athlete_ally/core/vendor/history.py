"""How a vendor lists what it has of a person's past, and how a past becomes requests. Pure."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Protocol

from athlete_ally.core.vendor.call import Call

_DAY = timedelta(days=1)
# The offsets of the IANA database's zones: where a day begins first, and where it ends last.
_FIRST_ZONE, _LAST_ZONE = timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """Days of a person's calendar; the first and the last are part of it."""

    first: date
    last: date

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.last - self.first).days + 1

    @property
    def instants(self) -> tuple[datetime, datetime]:
        """From when to when (the latter excluded) these days are, wherever on Earth the person is."""
        starts = datetime.combine(self.first, time(), _FIRST_ZONE)
        ends = datetime.combine(self.last + _DAY, time(), _LAST_ZONE)
        return starts.astimezone(UTC), ends.astimezone(UTC)

    def padded(self) -> "Window":
        """Return it with a day more on either side."""
        return Window(self.first - _DAY, self.last + _DAY)

    def halves(self) -> "tuple[Window, ...]":
        """Return its two halves; nothing of a single day, which has none."""
        if self.days == 1:
            return ()
        middle = self.first + timedelta(days=self.days // 2)
        return Window(self.first, middle - _DAY), Window(middle, self.last)


def latest_day(now: datetime) -> date:
    """Return the latest day that has begun somewhere on Earth."""
    return now.astimezone(_FIRST_ZONE).date()


@dataclass(frozen=True, slots=True, eq=False)
class Listing:
    """One way to ask a vendor for what it has of a window.

    `type` names the answers: `Api.read` reads them by it. `call` makes the first request, and the `then` of each the
    next page. `longest_days` is the longest window of one request, by the vendor's limit or so that an answer stays far
    below the size of a message. `reaches_days`: how many days back from today the vendor has it, where it says so.
    `names` finds in an answer the ids of resources of this type, which are asked for one by one as after a webhook; the
    answer itself is not kept then. `docs` is where the vendor documents it.
    """

    type: str
    call: Callable[[Window], Call]
    longest_days: int
    docs: str
    reaches_days: int | None = None
    names: Callable[[bytes], tuple[str, ...]] | None = None


@dataclass(frozen=True, slots=True)
class Portion:
    """One window of one listing: what is asked, published and then put on record as a whole."""

    listing: Listing
    window: Window


@dataclass(frozen=True, slots=True)
class OutOfReach:
    """Days that the vendor does not have of a listing any more."""

    listing: Listing
    window: Window


def cut(listing: Listing, wanted: Window, today: date) -> tuple[list[Portion], OutOfReach | None]:
    """Return the portions of a listing, and what of the wanted days it can't give."""
    first, beyond = wanted.first, None
    if listing.reaches_days is not None:
        earliest = today - timedelta(days=listing.reaches_days - 1)
        if first < earliest:
            beyond = OutOfReach(listing, Window(first, min(wanted.last, earliest - _DAY)))
            first = earliest
    portions: list[Portion] = []
    while first <= wanted.last:
        last = min(first + timedelta(days=listing.longest_days - 1), wanted.last)
        portions.append(Portion(listing, Window(first, last)))
        first = last + _DAY
    return portions, beyond


@dataclass(frozen=True, slots=True)
class Had:
    """A window that was fetched: its listing, and when."""

    type: str
    window: Window
    at: datetime

    def covers(self, portion: Portion) -> bool:
        """Tell whether nothing is to be expected of asking again: the days were had, and over everywhere."""
        was_over = portion.window.instants[1] <= self.at
        is_within = self.window.first <= portion.window.first and portion.window.last <= self.window.last
        return self.type == portion.listing.type and is_within and was_over


def left_of(portions: Iterable[Portion], had: Sequence[Had]) -> list[Portion]:
    """Return the portions that are still to be taken, the most recent days first."""
    left = [portion for portion in portions if not any(each.covers(portion) for each in had)]
    return sorted(left, key=lambda portion: portion.window.last, reverse=True)


class BackfillStore(Protocol):
    """Keeps which windows of whom were had."""

    async def had(self, grant: int) -> Sequence[Had]:
        """Return the windows that were fetched with a grant.

        Raises:
            Unavailable: the database can't be reached.
        """
        ...

    async def remember(self, grant: int, portion: Portion, answers: int) -> None:
        """Record that a window was fetched, with this many answers in the stream. May be repeated. Raises as `had`."""
        ...
