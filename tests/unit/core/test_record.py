"""Day, period and times of a record: across midnight, clock changes and date lines."""

from datetime import UTC, date, datetime, timedelta, timezone
from itertools import permutations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from athlete_ally.core.errors import InvalidReading
from athlete_ally.core.readings.measurement import Rules
from athlete_ally.core.readings.reading import Reading
from athlete_ally.core.readings.record import (
    EARLIEST_CAPTURE,
    MAX_CLOCK_AHEAD,
    MAX_INTERVAL,
    Arrival,
    common_columns,
    newest,
)
from athlete_ally.measurements.hrv import HRV, HrvReading, HrvRecord

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ARRIVAL = Arrival(message_id="m1", stream_sequence=7, received_at=NOW)
SECOND = timedelta(seconds=1)
zones = st.integers(-(23 * 60 + 59), 23 * 60 + 59).map(lambda minutes: timezone(timedelta(minutes=minutes)))
# Within a day of UTC and two days long at most, these end before the reading is received.
recent = st.datetimes(datetime(2026, 11, 10), datetime(2026, 11, 17), timezones=zones)


def at(text: str) -> datetime:
    """Return the instant that a text states."""
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("start", "end", "day", "period"),
    [
        ("2026-11-19T23:10:00+01:00", "2026-11-20T06:40:00+01:00", "2026-11-20", "2026-11-19T22:10:00.000Z"),
        ("2026-11-20T00:30:00+01:00", "2026-11-20T06:40:00+01:00", "2026-11-20", "2026-11-19T23:30:00.000Z"),
        ("2026-10-25T01:30:00+02:00", "2026-10-25T06:30:00+01:00", "2026-10-25", "2026-10-24T23:30:00.000Z"),
        ("2026-03-28T23:00:00+01:00", "2026-03-29T07:00:00+02:00", "2026-03-29", "2026-03-28T22:00:00.000Z"),
        ("2026-11-18T21:00:00-10:00", "2026-11-20T08:00:00+14:00", "2026-11-20", "2026-11-19T07:00:00.000Z"),
        ("2026-11-19T22:00:00+13:00", "2026-11-18T21:00:00-10:00", "2026-11-18", "2026-11-19T09:00:00.000Z"),
        ("2026-11-19T23:10:00.123456+05:45", "2026-11-20T06:40:00+05:45", "2026-11-20", "2026-11-19T17:25:00.123Z"),
    ],
    ids=["midnight", "after midnight", "clocks back", "clocks forward", "westward", "eastward flight", "Nepal"],
)
def test_a_night_belongs_to_the_day_of_waking_up(start: str, end: str, day: str, period: str) -> None:
    """
    Without a given day it is the local date at the end, and the period is the start in UTC.
    """
    reading = Reading(user_id="a", captured_at=at("2026-03-01T00:00:00Z"), start=at(start), end=at(end))
    found = common_columns(reading, ARRIVAL, 0)

    assert (date.fromisoformat(day), period, ()) == (found["day"], found["period"], found["quality_flags"])


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("captured_at", EARLIEST_CAPTURE, EARLIEST_CAPTURE - SECOND),
        ("captured_at", NOW + MAX_CLOCK_AHEAD, NOW + MAX_CLOCK_AHEAD + SECOND),
        ("day", date(2000, 1, 2), date(2000, 1, 1)),
        ("day", date(2026, 11, 22), date(2026, 11, 23)),
        ("end", NOW + MAX_CLOCK_AHEAD, NOW + MAX_CLOCK_AHEAD + SECOND),
        ("start", NOW - MAX_INTERVAL, NOW - MAX_INTERVAL - SECOND),
    ],
    ids=["oldest", "newest", "first day", "last day", "latest end", "longest interval"],
)
def test_the_limits_of_time_are_exact(field: str, good: date, bad: date) -> None:
    """
    On the limit a reading is taken; a second (or a day) beyond it is refused.
    """
    near = {"start": NOW - timedelta(hours=1), "end": NOW} if field in {"start", "end"} else {"day": NOW.date()}
    reading = Reading(user_id="a", captured_at=NOW, **near)  # pyright: ignore[reportArgumentType]  # by field name
    assert common_columns(msgspec.structs.replace(reading, **{field: good}), ARRIVAL, 0)
    with pytest.raises(InvalidReading):
        common_columns(msgspec.structs.replace(reading, **{field: bad}), ARRIVAL, 0)


@pytest.mark.parametrize("end", ["0001-01-01T01:00:00+14:00", "9999-12-31T23:59:59-14:00"])
@pytest.mark.parametrize("start", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:58-23:59"])
@pytest.mark.parametrize(
    "captured_at", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-11-20T06:00:00Z"]
)
def test_the_ends_of_the_calendar_are_refused(captured_at: str, start: str, end: str) -> None:
    """
    Instants that no longer exist in UTC are impossible readings, and no arithmetic overflows on the way.
    """
    reading = Reading(user_id="a", captured_at=at(captured_at), start=at(start), end=at(end))
    with pytest.raises(InvalidReading):
        common_columns(reading, ARRIVAL, 0)


@given(recent, st.timedeltas(timedelta(seconds=1), MAX_INTERVAL), zones)
def test_one_night_has_one_period_wherever_it_is_told(start: datetime, length: timedelta, zone: timezone) -> None:
    """
    The offset in which the start is written does not change what the record is about; the period is 24 characters.
    """
    end = start + length
    told = [
        common_columns(Reading(user_id="a", captured_at=NOW, start=each, end=end), ARRIVAL, 0)["period"]
        for each in (start, start.astimezone(zone))
    ]

    assert (told[0], 24, "Z") == (told[1], len(told[1]), told[1][-1])


@pytest.mark.parametrize(("seconds", "flags"), [(300, ()), (301, ("clock-ahead",))])
def test_a_clock_ahead_is_flagged_after_five_minutes(seconds: int, flags: tuple[str, ...]) -> None:
    """
    Phones drift by seconds: only more than five minutes are worth a flag.
    """
    reading = Reading(user_id="a", captured_at=NOW + timedelta(seconds=seconds), day=NOW.date())

    assert flags == common_columns(reading, ARRIVAL, 0)["quality_flags"]


def test_of_one_key_the_newest_stays() -> None:
    """
    Later capture, then higher sequence, then higher index: in whatever order they come, and other keys untouched.
    """
    rows = [
        _record("a", minutes=0, sequence=9, index=9),
        _record("a", minutes=1, sequence=1, index=0),
        _record("a", minutes=1, sequence=2, index=0),
        _record("a", minutes=1, sequence=2, index=1),
        _record("b", minutes=0, sequence=1, index=0),
    ]
    found = {tuple(newest(order)) for order in permutations(rows)}

    assert {(rows[3], rows[4])} == found


def _record(user: str, *, minutes: int, sequence: int, index: int) -> HrvRecord:
    reading = HrvReading(
        user_id=user, captured_at=NOW - timedelta(hours=1) + timedelta(minutes=minutes), day=NOW.date(), rmssd=40.0
    )
    arrival = msgspec.structs.replace(ARRIVAL, stream_sequence=sequence)
    record = HRV.normalise(reading, arrival, index, Rules())
    assert isinstance(record, HrvRecord)
    return record
