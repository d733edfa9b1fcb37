"""What a document of Health Auto Export becomes."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from athlete_ally.core.errors import UnreadableFile
from athlete_ally.formats.health_auto_export import findings
from athlete_ally.formats.parse_result import Finding, Found, Skipped
from athlete_ally.measurements import MEASUREMENTS

DATE = "2026-11-20 07:00:00 +0100"
DECODERS = {measurement.kind: measurement.decoder for measurement in MEASUREMENTS}


def read(metrics: Any = (), workouts: Any = ()) -> list[Finding]:
    """Return what is found in a document."""
    return list(findings(json.dumps({"data": {"metrics": metrics, "workouts": workouts}}).encode(), "me"))


def metric(name: str, units: str, *data: dict[str, Any]) -> dict[str, Any]:
    """Return a metric."""
    return {"name": name, "units": units, "data": [{"date": DATE, **each} for each in data]}


@pytest.mark.parametrize(
    ("given_metric", "kind", "fields"),
    [
        (metric("heart_rate_variability", "ms", {"qty": 45.3, "source": "Watch"}), "hrv", {"sdnn": 45.3}),
        (metric("resting_heart_rate", "bpm", {"qty": 52}), "resting_heart_rate", {"bpm": 52.0, "date": "2026-11-20"}),
        (metric("respiratory_rate", "count/min", {"qty": 14.5}), "respiratory_rate", {"breathsPerMinute": 14.5}),
        (metric("blood_oxygen_saturation", "%", {"qty": 97}), "spo2", {"percent": 97.0}),
        (metric("blood_oxygen_saturation", "%", {"qty": 0.97}), "spo2", {"percent": 97.0}),
        (metric("heart_rate", "bpm", {"Min": 60, "Avg": 63.5, "Max": 70}), "samples", {"values": [63.5]}),
        (metric("step_count", "count", {"qty": 850}), "samples", {"code": "steps", "values": [850]}),
        (metric("active_energy", "kJ", {"qty": 4.184}), "samples", {"unit": "kcal", "values": [1]}),
        (metric("weight_body_mass", "lb", {"qty": 150}), "body", {"massKg": 68.0388555}),
        (
            metric(
                "sleep_analysis",
                "hr",
                {
                    "totalSleep": 7.5,
                    "core": 4,
                    "deep": 1.5,
                    "rem": 2,
                    "awake": 0.25,
                    "sleepStart": "2026-11-19 23:00:00 +0100",
                    "sleepEnd": "2026-11-20 06:45:00 +0100",
                },
            ),
            "sleep",
            {
                "durationMinutes": 450.0,
                "date": "2026-11-20",
                "stages": {"awake": 15.0, "light": 240.0, "deep": 90.0, "rem": 120.0},
            },
        ),
    ],
)
def test_a_metric_becomes_a_reading(given_metric: dict[str, Any], kind: str, fields: dict[str, Any]) -> None:
    """
    Name and units of a metric become kind and field, and ingest takes the reading.
    """
    (found,) = read([given_metric])
    assert isinstance(found, Found)
    _, problems = DECODERS[kind].decode_all([msgspec.Raw(msgspec.json.encode(found.reading))])

    assert (kind, fields, []) == (found.kind, {name: found.reading[name] for name in fields}, problems)


def test_a_workout_becomes_a_reading() -> None:
    """
    Quantities of a workout carry their own units.
    """
    workout = {
        "name": "Outdoor Run",
        "start": "2026-11-20 18:00:00 +0100",
        "end": "2026-11-20 18:45:00 +0100",
        "distance": {"qty": 8.2, "units": "km"},
        "activeEnergyBurned": {"qty": 2100, "units": "kJ"},
        "heartRate": {"avg": {"qty": 148, "units": "bpm"}, "max": {"qty": 176, "units": "bpm"}},
    }
    (found,) = read(workouts=[workout])
    assert isinstance(found, Found)

    assert tuple(found.reading[name] for name in ("sport", "distanceMeters", "energyKcal", "averageBpm", "maxBpm")) == (
        "outdoor run",
        8200.0,
        501.912046,
        148.0,
        176.0,
    )


def test_segments_of_a_night_are_joined() -> None:
    """
    Without aggregation the app sends segments; they make one night as those of an export do.
    """
    data = [
        {"startDate": "2026-11-19 23:00:00 +0100", "endDate": "2026-11-20 03:00:00 +0100", "qty": 4, "value": "Core"},
        {"startDate": "2026-11-20 03:00:00 +0100", "endDate": "2026-11-20 04:00:00 +0100", "qty": 1, "value": "REM"},
        {"startDate": "2026-11-20 20:00:00 +0100", "endDate": "2026-11-20 20:10:00 +0100", "qty": 1, "value": "In Bed"},
    ]
    night, lying = read([{"name": "sleep_analysis", "units": "hr", "data": data}])
    assert isinstance(night, Found)

    assert (night.reading["durationMinutes"], night.reading["date"]) == (300.0, "2026-11-20")
    assert lying == Skipped("sleep_analysis: in bed only")


def test_both_pressures_are_points() -> None:
    """
    One measurement of the blood pressure is a point of two series.
    """
    found = read([metric("blood_pressure", "mmHg", {"systolic": 120, "diastolic": 80})])

    assert [(each.reading["code"], each.reading["values"]) for each in found if isinstance(each, Found)] == [
        ("systolic_pressure", [120]),
        ("diastolic_pressure", [80]),
    ]


def test_what_is_left_out_is_named() -> None:
    """
    Unknown metrics and broken data are counted, each by itself.
    """
    found = read([metric("mindful_minutes", "min", {"qty": 5}), metric("heart_rate", "bpm", {"Avg": "x"}, {"Avg": 60})])

    assert [Skipped("mindful_minutes"), Skipped("heart_rate: can't be understood")] == found[:2]
    assert isinstance(found[2], Found)


@pytest.mark.parametrize("document", [b"", b"[]", b'{"data": 3}', b'{"metrics": []}', b"\xff", b"[" * 100_000])
def test_what_is_no_such_document_is_refused(document: bytes) -> None:
    """
    Anything else ends in one clear error.
    """
    with pytest.raises(UnreadableFile, match="Health Auto Export"):
        list(findings(document, "me"))


values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5) | st.just(DATE),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["qty", "units", "date", "avg"]), inner)
    ),
    max_leaves=5,
)
keys = st.sampled_from(["date", "qty", "Avg", "systolic", "sleepStart", "sleepEnd", "totalSleep", "core", "source"])


@given(
    st.sampled_from(["heart_rate", "sleep_analysis", "blood_pressure", "height", "heart_rate_variability"]),
    st.dictionaries(keys, values),
    st.dictionaries(st.sampled_from(["name", "start", "end", "distance", "heartRate"]), values),
)
def test_nothing_crashes_it(name: str, datum: dict[str, Any], workout: dict[str, Any]) -> None:
    """
    Whatever stands in the fields is understood or left out.
    """
    found = read([{"name": name, "units": "", "data": [datum]}], [workout])

    assert all(isinstance(each, (Found, Skipped)) for each in found)
