"""Documents of Health Auto Export in the shapes of its versions, and with broken items among sound ones.

Shapes: https://github.com/Lybron/health-auto-export/wiki/API-Export---JSON-Format, for versions 1 and 2.
"""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athlete_ally.formats.apple_time import instant
from athlete_ally.formats.health_auto_export import findings
from athlete_ally.formats.parse_result import NO_KIND, Finding, Found, Skipped

DATE = "2026-11-20 07:00:00 +0100"
NIGHT = {"sleepStart": "2026-11-19 23:00:00 +0100", "sleepEnd": "2026-11-20 06:45:00 +0100"}


def read(**data: Any) -> list[Finding]:
    """Return what is found in a document with these lists."""
    return list(findings(json.dumps({"data": data}).encode(), "me"))


def readings(**data: Any) -> list[dict[str, Any]]:
    """Return the readings of a document."""
    return [each.reading for each in read(**data) if isinstance(each, Found)]


def left_out(**data: Any) -> list[tuple[str, str, str]]:
    """Return sort, reason and place of what a document loses."""
    return [(each.what, each.reason, each.place) for each in read(**data) if isinstance(each, Skipped)]


def nights(*data: Any, units: Any = "hr") -> list[dict[str, Any]]:
    """Return the metric of these nights."""
    return [{"name": "sleep_analysis", "units": units, "data": list(data)}]


@pytest.mark.parametrize("space", [" ", "\u202f", "\u00a0", ""])
@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("2026-11-20 7:05:09{}AM +0100", "2026-11-20T07:05:09+01:00"),
        ("2026-11-20 12:05:09{}am +0100", "2026-11-20T00:05:09+01:00"),
        ("2026-11-20 12:05:09{}PM -0330", "2026-11-20T12:05:09-03:30"),
        ("2026-11-20 11:59:59{}p.m. +0000", "2026-11-20T23:59:59+00:00"),
    ],
)
def test_a_clock_of_twelve_hours_is_read(written: str, at: str, space: str) -> None:
    """
    A phone that counts twelve hours writes so; since iOS 17 with U+202F, in some regions with U+00A0.
    """
    assert at == instant(written.format(space)).isoformat()


@pytest.mark.parametrize(
    ("night", "asleep_min"),
    [
        ({"asleep": 7.1, "inBed": 7.6}, 426.0),
        ({"asleep": 0, "core": 4, "deep": 1.5, "rem": 2, "awake": 0.25}, 450.0),
        ({"core": 4, "deep": 1.5, "rem": 2}, 450.0),
        ({"totalSleep": 7.5, "core": 4, "deep": 1.5, "rem": None, "awake": None}, 450.0),
        ({"totalSleep": None, "asleep": None, "core": 4, "deep": 1.5, "rem": 2}, 450.0),
        ({"totalSleep": 7.5, "core": "a lot", "deep": 1.5}, 450.0),
    ],
    ids=["version 1", "asleep 0", "stages only", "null stages", "null totals", "a stage that is none"],
)
def test_a_night_is_read_in_the_shape_of_every_version(night: dict[str, Any], asleep_min: float) -> None:
    """
    The time asleep is `totalSleep`, or else `asleep` or the stages; an unknown stage is left out alone.
    """
    (found,) = readings(metrics=nights({"date": DATE, **NIGHT, **night}))

    assert (asleep_min, "2026-11-20") == (found["durationMinutes"], found["date"])


def test_a_night_names_its_source_as_version_1_does() -> None:
    """
    `sleepSource` is the source where there is no `source`.
    """
    (found,) = readings(metrics=nights({**NIGHT, "asleep": 7, "sleepSource": "Oura", "inBedSource": "iPhone"}))

    assert found["source"] == "health-auto-export/Oura"


@pytest.mark.parametrize("in_bed", ["InBed", "In Bed", "HKCategoryValueSleepAnalysisInBed"])
@pytest.mark.parametrize("core", ["Core", "AsleepCore", "HKCategoryValueSleepAnalysisAsleepCore"])
def test_segments_are_known_by_all_their_names(in_bed: str, core: str) -> None:
    """
    Names with and without space and prefix are one stage.
    """
    segment = {"startDate": NIGHT["sleepStart"], "endDate": NIGHT["sleepEnd"], "qty": 7.75}
    (found,) = readings(metrics=nights({**segment, "value": in_bed}, {**segment, "value": core}))

    assert (found["stages"]["light"], found["efficiency"]) == (465.0, 100.0)


def test_a_segment_that_nobody_ended_costs_itself() -> None:
    """
    Other nights are as without it, and the reason is told.
    """
    night = {"startDate": NIGHT["sleepStart"], "endDate": NIGHT["sleepEnd"], "value": "Asleep"}
    endless = {"startDate": "2026-11-12 23:00:00 +0100", "endDate": "2026-11-20 23:00:00 +0100", "value": "InBed"}

    assert readings(metrics=nights(night)) == readings(metrics=nights(endless, night))
    assert left_out(metrics=nights(endless, night)) == [
        (
            "sleep_analysis: can't be understood",
            "nobody ended it, or it ends before it begins",
            "sleep_analysis, item 1",
        )
    ]


RUN = {"name": "Running", "start": "2026-11-20 18:00:00 +0100", "end": "2026-11-20 18:45:00 +0100"}


@pytest.mark.parametrize(
    "its",
    [
        {
            "activeEnergy": {"qty": 500, "units": "kcal"},
            "avgHeartRate": {"qty": 148, "units": "bpm"},
            "maxHeartRate": {"qty": 176, "units": "bpm"},
            "elevation": {"units": "m", "ascent": 84, "descent": 80},
            "distance": {"qty": 8.2, "units": "km"},
            "duration": 2580,
        },
        {
            "id": "8B1D0C7A",
            "activeEnergyBurned": {"qty": 500, "units": "kcal"},
            "activeEnergy": [{"date": DATE, "qty": 20, "units": "kcal", "source": "Watch"}],
            "heartRate": {"min": {"qty": 90, "units": "bpm"}, "avg": {"qty": 148}, "max": {"qty": 176}},
            "elevationUp": {"qty": 8400, "units": "cm"},
            "distance": {"qty": 8.2, "units": "km"},
            "duration": 2580,
        },
    ],
    ids=["version 1", "version 2"],
)
def test_a_workout_is_read_in_the_shape_of_both_versions(its: dict[str, Any]) -> None:
    """
    Energy, distance, climb, heart rates and duration have other names, and mean the same.
    """
    (found,) = readings(workouts=[RUN | its])

    assert tuple(
        found[name]
        for name in ("energyKcal", "averageBpm", "maxBpm", "ascentMeters", "distanceMeters", "durationMinutes")
    ) == (500.0, 148.0, 176.0, 84.0, 8200.0, 43.0)
    assert its.get("id") == found.get("sessionId")


def test_a_detail_of_a_workout_that_is_none_costs_itself() -> None:
    """
    A climb without a unit and a null rate leave the rest of their workout.
    """
    its = {"elevationUp": {"qty": 12}, "heartRate": {"avg": None, "max": {"qty": 176}}, "distance": None}
    (found,) = readings(workouts=[RUN | its])

    assert (found["maxBpm"], "ascentMeters" in found, "averageBpm" in found) == (176.0, False, False)
    assert left_out(workouts=[RUN | its]) == [
        ("workouts: elevationUp: can't be understood", "no number, or no unit of ours", "workouts, item 1")
    ]


def test_what_no_kind_takes_is_counted_by_its_name() -> None:
    """
    Electrocardiograms, symptoms and states of mind are named with their place.
    """
    lists = {"ecg": [{"start": DATE}], "symptoms": [{"name": "Headache"}], "stateOfMind": [{"valence": 1}, {}]}

    assert sorted(left_out(**lists)) == [
        ("ecg", NO_KIND, "ecg, item 1"),
        ("stateOfMind", NO_KIND, "stateOfMind, item 1"),
        ("stateOfMind", NO_KIND, "stateOfMind, item 2"),
        ("symptoms", NO_KIND, "symptoms, item 1"),
    ]


METRICS = [
    {"name": "heart_rate", "units": "count/min", "data": [{"date": DATE, "Min": 60, "Avg": 61, "Max": 70}]},
    {"name": "weight_body_mass", "units": "kg", "data": [{"date": DATE, "qty": 70.1}]},
    {"name": "resting_heart_rate", "units": "count/min", "data": [{"date": DATE, "qty": 51}]},
    {"name": "heart_rate_variability", "units": "ms", "data": [{"date": DATE, "qty": 45.3}]},
    *nights({"date": DATE, **NIGHT, "totalSleep": 7.5, "core": 4, "deep": 1.5, "rem": 2}),
]
WORKOUTS = [RUN, RUN | {"start": "2026-11-20 19:00:00 +0100", "end": "2026-11-20 19:30:00 +0100"}]
broken_values = st.sampled_from(
    [None, "", "null", [], {}, True, 1e300, -1, "2026-13-45 99:99:99", "\x00", [None], {"qty": None}]
)


@given(st.data())
def test_a_broken_item_changes_nothing_about_the_others(data: st.DataObject) -> None:
    """
    A metric, a datum or a workout with any one value replaced, or a null in its place: all others are as without it.
    """
    metrics: list[Any] = [*METRICS]
    workouts: list[Any] = [*WORKOUTS]
    value: Any = data.draw(broken_values)
    target = data.draw(st.sampled_from(["metric", "units", "data", "item", "workout", "detail"]))
    if target in {"workout", "detail"}:
        at = data.draw(st.integers(0, len(workouts) - 1))
        detail = data.draw(st.sampled_from(sorted(workouts[at])))
        rest = {"workouts": [each for place, each in enumerate(workouts) if place != at], "metrics": metrics}
        workouts[at] = value if target == "workout" else workouts[at] | {detail: value}
    else:
        at = data.draw(st.integers(0, len(metrics) - 1))
        rest = {"metrics": [each for place, each in enumerate(metrics) if place != at], "workouts": workouts}
        replaced: dict[str, Any] = {"metric": value, "units": metrics[at] | {"units": value}}
        replaced |= {"data": metrics[at] | {"data": value}, "item": metrics[at] | {"data": [value]}}
        metrics[at] = replaced[target]
    found = readings(metrics=metrics, workouts=workouts)

    assert [each for each in readings(**rest) if each not in found] == []
