"""The limits and flags of sleep, to the last digit."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from athlete_ally.core.errors import InvalidReading
from athlete_ally.core.readings.measurement import Rules
from athlete_ally.core.readings.record import Arrival
from athlete_ally.measurements.sleep import SLEEP, SleepReading, SleepRecord, SleepStages

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ARRIVAL = Arrival(message_id="m1", stream_sequence=7, received_at=NOW)


def normalise(asleep: float, **values: Any) -> SleepRecord:
    """Return the record of a night with these values."""
    reading = SleepReading(user_id="someone", captured_at=NOW, day=NOW.date(), duration_minutes=asleep, **values)
    record = SLEEP.normalise(reading, ARRIVAL, 0, Rules())
    assert isinstance(record, SleepRecord)
    return record


def test_a_day_is_the_longest_night() -> None:
    """
    1,440 minutes are possible, the next number is not; the same holds for all stages together.
    """
    assert normalise(1440.0, stages=SleepStages(awake=40.0, light=1400.0)).asleep_min == 1440.0
    with pytest.raises(InvalidReading, match=r"^durationMinutes: not in"):
        normalise(math.nextafter(1440.0, math.inf))
    with pytest.raises(InvalidReading, match=r"^stages: not in"):
        normalise(400.0, stages=SleepStages(awake=40.5, light=1400.0))


@pytest.mark.parametrize(
    ("asleep", "flags"), [(29.9, ("duration-implausible",)), (30, ()), (960, ()), (960.1, ("duration-implausible",))]
)
def test_the_implausible_is_flagged(asleep: float, flags: tuple[str, ...]) -> None:
    """
    Less than half an hour or more than 16 hours is worth a second look.
    """
    assert flags == normalise(asleep).quality_flags


@pytest.mark.parametrize(("rem", "flags"), [(63.0, ()), (63.5, ("stages-exceed-duration",))])
def test_rounding_of_stages_is_forgiven(rem: float, flags: tuple[str, ...]) -> None:
    """
    Three stages may add up to three minutes more than the sleep; time awake is no sleep and does not count.
    """
    stages = SleepStages(awake=90.0, light=200.0, deep=40.0, rem=rem)

    assert flags == normalise(300.0, stages=stages).quality_flags


@pytest.mark.parametrize(("asleep", "flags"), [(483.0, ()), (483.5, ("duration-exceeds-interval",))])
def test_nobody_sleeps_longer_than_in_bed(asleep: float, flags: tuple[str, ...]) -> None:
    """
    More sleep than the interval holds is flagged, beyond three minutes of rounding.
    """
    assert flags == normalise(asleep, start=NOW - timedelta(hours=9), end=NOW - timedelta(hours=1)).quality_flags


def test_zero_minutes_of_a_stage_are_not_nothing() -> None:
    """
    A stage of 0 is stored as 0; one that is not known stays empty.
    """
    record = normalise(300.0, stages=SleepStages(rem=0.0))

    assert (record.rem_min, record.deep_min) == (0.0, None)
