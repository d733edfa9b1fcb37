"""What is told to the person who has the file, and what of it is kept."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athlete_ally.formats.parse_result import Found, Skipped
from athlete_ally.wiring.commands.import_check import Refusals, sound

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
WORKOUT = {
    "userId": "me",
    "capturedAt": "2026-11-19T08:00:00+00:00",
    "start": "2026-11-19T07:00:00+00:00",
    "end": "2026-11-19T08:00:00+00:00",
    "sport": "running",
    "distanceMeters": 10_000.0,
}
RUN = {
    **{name: WORKOUT[name] for name in ("userId", "capturedAt", "start", "end")},
    "code": "heart_rate",
    "unit": "/min",
    "values": [60.0, 600.0, 61.0],
    "offsetsSeconds": [0.0, 5.0, 10.0],
}


def checked(kind: str, reading: dict[str, Any]) -> tuple[list[dict[str, Any]], Refusals]:
    """Return the readings that can be stored, and what is counted."""
    refusals: Refusals = Counter()
    kept = list(sound([Found(kind, reading), Skipped("x")], refusals, at=NOW))
    assert kept[-1] == Skipped("x")
    return [each.reading for each in kept if isinstance(each, Found)], refusals


@pytest.mark.parametrize(
    "wrong", [{"maxBpm": 600.0}, {"maxBpm": -1.0}, {"energyKcal": 1e9, "ascentMeters": "high"}, {"mood": 3}]
)
def test_an_impossible_field_costs_itself(wrong: dict[str, Any]) -> None:
    """
    The workout stays with what else is known of it, and each field is counted with its reason.
    """
    kept, refusals = checked("workout", WORKOUT | wrong)

    assert ([WORKOUT], set(wrong)) == (kept, {field for _, field, _ in refusals})


@pytest.mark.parametrize("wrong", [{"start": "2026-11-10T07:00:00+00:00"}, {"sport": ""}, {"capturedAt": "1970"}])
def test_without_time_or_sense_a_reading_is_refused_once(wrong: dict[str, Any]) -> None:
    """
    What a reading is about, and what it needs, can't be left out of it.
    """
    kept, refusals = checked("workout", WORKOUT | wrong)

    assert (kept, refusals.total()) == ([], 1)


def test_points_that_are_left_out_of_a_run_are_counted() -> None:
    """
    The worker leaves them out; the person who has the file is told.
    """
    kept, refusals = checked("samples", RUN)

    assert (kept, refusals) == ([RUN], {("samples", "values", "heart_rate: impossible, left out of its run"): 1})


@given(st.dictionaries(st.sampled_from([*WORKOUT, "maxBpm", "load"]), st.none() | st.floats() | st.text(max_size=3)))
def test_whatever_is_wrong_the_rest_is_possible(wrong: dict[str, Any]) -> None:
    """
    What passes has nothing left to refuse.
    """
    kept, _ = checked("workout", WORKOUT | wrong)
    for each in kept:
        assert checked("workout", each) == ([each], Counter())
