"""The demo's story and books."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from athlete_ally.demo.account import Books, Heard, percentile
from athlete_ally.demo.picture import sparkline
from athlete_ally.demo.recordings import load
from athlete_ally.demo.story import BEATS_A_MINUTE_READING, tell

TODAY = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_the_story_is_told_the_same_way_again() -> None:
    """
    For one day it is always the same requests: gzip with its time, single readings, batches, repeats, mistakes.
    """
    story = tell(load(), TODAY)

    assert story == tell(load(), TODAY)
    assert {"application/json", "application/x-ndjson"} == {post.headers["Content-Type"] for post in story.first}
    assert (bool(story.repeats), all(post in story.first for post in story.repeats)) == (True, True)
    assert story.readings == sum(post.readings for post in story.first) + sum(post.readings for post in story.repeats)


def test_a_recording_is_cut_into_whole_minutes() -> None:
    """
    No reading of the demo is shorter than the shortest that rMSSD is commonly taken from.
    """
    assert all(recording.beats >= 2 * BEATS_A_MINUTE_READING for recording in load())


def _books(heard: Heard, stored: int, dead: int) -> Books:
    return Books(heard, stored, 0, dead, 0, {}, {}, [], {}, 1.0)


def test_the_books_balance_only_when_everything_is_found() -> None:
    """
    A reading that was accepted and is nowhere shows as unaccounted; so does one whose request got a 5xx.
    """
    heard = Heard()
    for status, duplicate in ((202, False), (202, False), (202, True), (422, False)):
        heard.hear(status, 1, duplicate=duplicate)
    assert (
        _books(heard, 1, 1).is_balanced,
        _books(heard, 1, 0).is_balanced,
        _books(heard, 1, 0).unaccounted,
    ) == (True, False, 1)

    heard.hear(503, 1, duplicate=False)
    assert _books(heard, 1, 1).unaccounted == 1


@given(st.lists(st.floats(0, 1e6), min_size=1), st.integers(1, 100))
def test_a_percentile_covers_its_share(values: list[float], percent: int) -> None:
    """
    At least `percent` of all values are no greater, up to rounding to a tenth.
    """
    found = percentile(values, percent)

    assert found is not None
    assert sum(value <= found + 0.1 for value in values) * 100 >= percent * len(values)


@given(st.lists(st.floats(0, 300)), st.integers(1, 30))
def test_a_sparkline_is_never_wider_than_asked(values: list[float], width: int) -> None:
    """
    One bar for each value, or for an equal share of them.
    """
    assert min(len(values), width) == len(sparkline(values, width))
