"""Every kind: payload samples with their records beside them, and sentences that hold for all readings."""

import json
import math
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from athlete_ally.core.errors import InvalidReading
from athlete_ally.core.readings.measurement import Measurement, Rules
from athlete_ally.core.readings.record import Arrival, Record, newest
from athlete_ally.measurements import HRV, KINDS, MEASUREMENTS, SAMPLES, SLEEP

ARRIVAL = Arrival(message_id="m1", stream_sequence=7, received_at=datetime(2026, 11, 20, 12, tzinfo=UTC))


def _samples() -> list[Any]:
    return [
        pytest.param(measurement, sample, id=f"{measurement.kind}: {sample['says']}")
        for measurement in MEASUREMENTS
        for sample in json.loads((Path(__file__).parent / "samples" / f"{measurement.kind}.json").read_bytes())
    ]


@pytest.mark.parametrize(("measurement", "sample"), _samples())
def test_a_sample_becomes_its_record(measurement: Measurement, sample: dict[str, Any]) -> None:
    """
    The reading of a sample becomes the record beside it, or is refused in the words beside it.
    """
    good, problems = measurement.decoder.decode_all([msgspec.Raw(msgspec.json.encode(sample["reading"]))])
    assert problems == []
    try:
        record = measurement.normalise(good[0], ARRIVAL, 0, Rules())
    except InvalidReading as error:
        assert sample.get("refused") == str(error)
        return

    columns = json.loads(msgspec.json.encode(record))
    expected = sample["record"]
    found = {name: columns[name] for name in expected}
    assert {name: _rounded(value) for name, value in expected.items()} == {n: _rounded(v) for n, v in found.items()}


def _rounded(value: Any) -> Any:
    return round(value, 5) if isinstance(value, float) else value


offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
instants = st.datetimes(timezones=offsets) | st.datetimes(
    min_value=datetime(2026, 11, 17),
    max_value=datetime(2026, 11, 21),
    timezones=offsets,  # Hypothesis adds the zone
)
common = {
    "user_id": st.just("secret-person"),
    "captured_at": instants,
    "day": st.none()
    | st.dates()
    | st.dates(datetime(2026, 11, 17, tzinfo=UTC).date(), datetime(2026, 11, 22, tzinfo=UTC).date()),
    "start": st.none() | instants,
    "end": st.none() | instants,
}
positive = st.floats(1e-3, 1e9) | st.floats(1, 400)
hrv_readings = st.builds(
    HRV.decoder.reading_type,
    rmssd=st.none() | positive,
    sdnn=st.none() | positive,
    rr_intervals=st.none() | st.lists(positive, min_size=2, max_size=30).map(tuple),
    **common,
)
sleep_readings = st.builds(
    SLEEP.decoder.reading_type, duration_minutes=positive, efficiency=st.none() | st.floats(0, 100), **common
)


@given(reading=hrv_readings | sleep_readings, artefact_filter=st.sampled_from(["off", "malik"]))
def test_a_reading_becomes_a_sound_record_or_is_refused_without_its_values(reading: Any, artefact_filter: Any) -> None:
    """
    Whatever was measured whenever: a finite, consistent record, or a refusal that quotes neither person nor value.
    """
    measurement = HRV if isinstance(reading, HRV.decoder.reading_type) else SLEEP
    try:
        record: Any = measurement.normalise(reading, ARRIVAL, 3, Rules(artefact_filter=artefact_filter))
    except InvalidReading as error:
        values = [getattr(reading, name, None) for name in ("user_id", "rmssd", "sdnn", "duration_minutes")]
        assert [
            value for value in values if value is not None and len(str(value)) > 4 and str(value) in str(error)
        ] == []
        return

    numbers = [value for value in msgspec.structs.astuple(record) if isinstance(value, float)]
    assert all(map(math.isfinite, numbers))
    assert (reading.user_id, 3, "m1") == (record.user_id, record.reading_index, record.message_id)
    assert reading.day in {None, record.day}
    if getattr(record, "rmssd_ms", None) is not None:
        assert math.isclose(math.exp(record.ln_rmssd), record.rmssd_ms)


def _numbers_of(measurement: Measurement) -> dict[str, Any]:
    """Return a strategy for each optional or required number of a kind's reading, over all that its shape allows."""
    shape = msgspec.json.schema(measurement.decoder.reading_type)["$defs"][measurement.decoder.reading_type.__name__]
    wire = {field.encode_name: field.name for field in msgspec.structs.fields(measurement.decoder.reading_type)}
    numbers: dict[str, Any] = {}
    for name, described in shape["properties"].items():
        number = next((each for each in described.get("anyOf", [described]) if each.get("type") == "number"), None)
        if number is not None:
            low, high = number.get("minimum", number.get("exclusiveMinimum")), number["maximum"]
            value = st.floats(low, high, exclude_min="exclusiveMinimum" in number) | st.floats(max(low, 1), 100)
            numbers[wire[name]] = value if name in shape["required"] else st.none() | value
    return numbers


SIMPLE = [each for each in MEASUREMENTS if each not in {HRV, SLEEP, SAMPLES}]


@pytest.mark.parametrize("measurement", SIMPLE, ids=[each.kind for each in SIMPLE])
@given(data=st.data())
def test_numbers_of_any_size_are_stored_as_they_are_or_refused(measurement: Measurement, data: st.DataObject) -> None:
    """
    Each number of a reading is in its record unchanged, flagged at most; or the refusal does not name the person.
    """
    numbers = _numbers_of(measurement)
    labels = {"sport": "running"} if "sport" in measurement.decoder.reading_type.__struct_fields__ else {}
    reading = data.draw(
        st.builds(measurement.decoder.reading_type, **common, **numbers, **{n: st.just(v) for n, v in labels.items()})
    )
    given_numbers = {getattr(reading, name) for name in numbers}
    try:
        record = measurement.normalise(reading, ARRIVAL, 3, Rules())
    except InvalidReading as error:
        assert "secret-person" not in str(error)
        return

    assert given_numbers <= _values(record)


def _values(record: Record) -> set[Any]:
    return {
        value for value in msgspec.structs.asdict(record).values() if isinstance(value, (int, float, type(None)))
    } | {None}


records = st.tuples(st.sampled_from("ab"), st.integers(0, 3), st.integers(1, 3), st.integers(0, 2)).map(
    lambda parts: _record(*parts)
)


@given(st.lists(records, max_size=12, unique_by=lambda each: (each.key, each.order)), st.randoms())
def test_the_newest_is_decided_by_data_and_not_by_order(rows: list[Record], random: Any) -> None:
    """
    Of each key the record with the latest capture, then the highest sequence and index stays, in any order of arrival.
    """
    shuffled = list(rows)
    random.shuffle(shuffled)
    expected = [
        max((row for row in rows if row.key == key), key=lambda row: row.order) for key in sorted({r.key for r in rows})
    ]

    assert expected == newest(shuffled)


def _record(user: str, hours: int, sequence: int, index: int) -> Record:
    reading = HRV.decoder.reading_type(
        user_id=user,
        captured_at=ARRIVAL.received_at - timedelta(hours=hours),
        day=ARRIVAL.received_at.date(),
        rmssd=40.0,
    )
    arrival = msgspec.structs.replace(ARRIVAL, stream_sequence=sequence)
    return HRV.normalise(reading, arrival, index, Rules())


def test_kinds_are_spelled_once() -> None:
    """
    No two kinds share a name or a table.
    """
    assert len(KINDS) == len(set(KINDS)) == len({measurement.table for measurement in MEASUREMENTS})
