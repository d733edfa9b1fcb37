"""How a past becomes requests."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from athlete_ally.core.vendor.call import Call
from athlete_ally.core.vendor.history import Had, Listing, OutOfReach, Portion, Window, cut, latest_day, left_of

TODAY = date(2026, 11, 24)
DAYS = st.dates(date(2020, 1, 1), TODAY)


def listing(longest_days: int = 30, reaches_days: int | None = None) -> Listing:
    """Return a listing that is cut like this."""
    return Listing("night", lambda _window: Call("/"), longest_days, "https://example.org", reaches_days)


def windows_of(days: st.SearchStrategy[date]) -> st.SearchStrategy[Window]:
    """Return windows between any two days."""
    return st.tuples(days, days).map(lambda pair: Window(min(pair), max(pair)))


def days_of(window: Window) -> list[date]:
    """Return its days."""
    return [window.first + timedelta(days=number) for number in range(window.days)]


@given(
    wanted=windows_of(DAYS),
    longest_days=st.integers(1, 400),
    reaches_days=st.one_of(st.none(), st.integers(1, 400)),
)
def test_every_day_is_asked_for_once_or_named(wanted: Window, longest_days: int, reaches_days: int | None) -> None:
    """
    Each day that was wanted is in one window, or in what the vendor does not have; no window is too long.
    """
    portions, beyond = cut(listing(longest_days, reaches_days), wanted, TODAY)
    asked = [day for portion in portions for day in days_of(portion.window)]
    named = [] if beyond is None else days_of(beyond.window)

    assert days_of(wanted) == [*named, *asked]
    assert all(portion.window.days <= longest_days for portion in portions)


def test_a_vendor_that_keeps_28_days_has_today_and_27_before() -> None:
    """
    What is older is named with its listing.
    """
    kept = listing(1, reaches_days=28)
    portions, beyond = cut(kept, Window(date(2026, 10, 1), TODAY), TODAY)

    assert (28, date(2026, 10, 28)) == (len(portions), portions[0].window.first)
    assert OutOfReach(kept, Window(date(2026, 10, 1), date(2026, 10, 27))) == beyond


@given(window=windows_of(DAYS))
def test_halves_are_the_whole(window: Window) -> None:
    """
    The halves of a window hold its days in their order; a day has none.
    """
    halves = window.halves()

    assert [day for half in halves for day in days_of(half)] == (days_of(window) if window.days > 1 else [])
    assert len(halves) in {0, 2}


def test_a_day_lasts_from_the_first_zone_to_the_last() -> None:
    """
    It begins in Kiritimati, and is over at the latest on Baker Island.
    """
    begins, ends = Window(TODAY, TODAY).instants

    assert (datetime(2026, 11, 23, 10, tzinfo=UTC), datetime(2026, 11, 25, 12, tzinfo=UTC)) == (begins, ends)
    assert TODAY == latest_day(begins) == latest_day(begins + timedelta(hours=23, minutes=59))


def test_a_fetched_day_is_not_requested_again_once_it_was_over() -> None:
    """
    A window within a fetched one is left out, unless its days were not over when it was fetched; the latest come first.
    """
    kept, over_at = listing(10), datetime(2026, 11, 12, 12, tzinfo=UTC)
    portions, _ = cut(kept, Window(date(2026, 11, 1), date(2026, 11, 24)), TODAY)
    first, second, third = portions
    had = [
        Had("night", Window(date(2026, 10, 20), date(2026, 11, 10)), over_at),
        Had("night", second.window, over_at),
        Had("day", third.window, datetime(2026, 12, 1, tzinfo=UTC)),
    ]

    assert [third, second] == left_of(portions, had)
    assert portions == [first, second, third]
    assert left_of([Portion(kept, first.window)], had) == []
