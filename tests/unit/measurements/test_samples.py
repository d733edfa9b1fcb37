"""The shape of a run of points, and what becomes of its values."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from athlete_ally.core.errors import InvalidReading
from athlete_ally.core.readings.measurement import Rules
from athlete_ally.core.readings.reading import Problem
from athlete_ally.core.readings.record import Arrival
from athlete_ally.core.readings.sample_batch import SampleBatch
from athlete_ally.measurements import SAMPLES
from athlete_ally.measurements.samples import MOST_POINTS, SORTS

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
ARRIVAL = Arrival(message_id="m1", stream_sequence=7, received_at=NOON)


def decode(**changes: Any) -> tuple[Any, list[Problem]]:
    """Return the reading of five heart rates with these changes, or its problems; None takes a field away."""
    reading = {
        "userId": "a",
        "capturedAt": NOON.isoformat(),
        "start": NOON.isoformat(),
        "end": (NOON + timedelta(seconds=40)).isoformat(),
        "code": "heart_rate",
        "unit": "/min",
        "values": [60, 61, 62, 63, 64],
        "intervalSeconds": 10,
        **changes,
    }
    given_fields = {name: value for name, value in reading.items() if value is not None}
    good, problems = SAMPLES.decoder.decode_all([msgspec.Raw(msgspec.json.encode(given_fields))])
    return good.get(0), problems


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"unit": "1/min"}, "unit"),
        ({"code": "mood"}, "code"),
        ({"values": []}, "values"),
        ({"values": [60] * (MOST_POINTS + 1)}, "values"),
        ({"intervalSeconds": None}, "offsetsSeconds"),
        ({"offsetsSeconds": [0, 1, 2, 3, 4]}, "offsetsSeconds"),
        ({"intervalSeconds": None, "offsetsSeconds": [0, 1, 2, 3]}, "offsetsSeconds"),
        ({"intervalSeconds": None, "offsetsSeconds": [0, 1, 1, 3, 4]}, "offsetsSeconds"),
        ({"intervalSeconds": None, "offsetsSeconds": [0, 1, 1.0004, 3, 4]}, "offsetsSeconds"),
        ({"intervalSeconds": None, "offsetsSeconds": [0, 3, 2, 1, 4]}, "offsetsSeconds"),
        ({"intervalSeconds": 10.1}, "end"),
        ({"lastsSeconds": [10] * 5}, "end"),
        ({"lastsSeconds": [10] * 4}, "lastsSeconds"),
        ({"start": None, "end": None, "date": "2026-11-20"}, "start"),
    ],
)
def test_a_run_of_another_shape_is_refused(changes: dict[str, Any], field: str) -> None:
    """
    A wrong unit, missing or surplus offsets, times that do not grow or pass the end: the problem names the field.
    """
    reading, problems = decode(**changes)

    assert (reading, [field]) == (None, [problem.field for problem in problems])


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"intervalSeconds": None, "offsetsSeconds": [0, 0.001, 0.002, 5, 40]},
        {"intervalSeconds": None, "values": [60]},
        {"lastsSeconds": [10, 10, 10, 10, 0]},
    ],
)
def test_a_sound_run_is_taken(changes: dict[str, Any]) -> None:
    """
    Fixed intervals, offsets down to a millisecond, a single point, and lengths up to the end are fine.
    """
    assert decode(**changes)[1] == []


@given(st.sampled_from(sorted(SORTS)), st.lists(st.floats(-1e9, 1e9) | st.floats(0, 300), min_size=1, max_size=20))
def test_a_run_keeps_each_possible_point_or_is_refused(code: Any, values: list[float]) -> None:
    """
    Each possible value stands in the record at its own time, marked if it is not plausible, and an impossible one takes
    nothing with it but a flag; a run of which half or more is impossible has a wrong unit, and is refused.
    """
    sort = SORTS[code]
    end = (NOON + timedelta(seconds=len(values))).isoformat()
    reading, problems = decode(code=code, unit=sort.unit, values=values, intervalSeconds=1, end=end)
    assert problems == []
    kept = [(at, each) for at, each in enumerate(values) if sort.possible[0] <= each <= sort.possible[1]]
    try:
        record = SAMPLES.normalise(reading, ARRIVAL, 0, Rules())
    except InvalidReading as error:
        assert (2 * len(kept) <= len(values), error.field.startswith("values[")) == (True, True)
        return
    assert isinstance(record, SampleBatch)

    assert kept == list(zip(record.offsets_s, record.values, strict=True))
    assert list(record.plausible) == [sort.plausible[0] <= value <= sort.plausible[1] for _, value in kept]
    assert ("points-implausible" in record.quality_flags) == (not all(record.plausible))
    assert ("points-impossible" in record.quality_flags) == (len(kept) < len(values))


def test_one_impossible_heart_rate_costs_itself() -> None:
    """
    240 good minutes beside a 600 of a sensor are stored, with their lengths; 240 values of 600 are refused.
    """
    minutes = {"end": (NOON + timedelta(minutes=241)).isoformat(), "intervalSeconds": 60}
    good, _ = decode(values=[*[61.0] * 120, 600.0, *[62.0] * 120], lastsSeconds=[60.0] * 241, **minutes)
    record = SAMPLES.normalise(good, ARRIVAL, 0, Rules())
    bad, _ = decode(values=[600.0] * 240, **minutes)
    assert isinstance(record, SampleBatch)

    assert tuple(len(each or ()) for each in (record.values, record.offsets_s, record.lasts_s)) == (240, 240, 240)
    assert record.offsets_s[119:121] == (119 * 60.0, 121 * 60.0)
    with pytest.raises(InvalidReading, match=r"values\[0\]: not in \[0, 350\] /min"):
        SAMPLES.normalise(bad, ARRIVAL, 0, Rules())
