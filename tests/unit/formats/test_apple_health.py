"""What the entries of an Apple Health export become."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.exports import export_xml, record

from athlete_ally.core.readings.measurement import Rules
from athlete_ally.core.readings.record import Arrival
from athlete_ally.formats.apple_health import POINTS, findings
from athlete_ally.formats.apple_xml import elements
from athlete_ally.formats.parse_result import Finding, Found, Skipped
from athlete_ally.measurements import MEASUREMENTS

Q = "HKQuantityTypeIdentifier"
SLEEP = "HKCategoryTypeIdentifierSleepAnalysis"
ARRIVAL = Arrival(message_id="m1", stream_sequence=1, received_at=datetime(2026, 11, 20, 12, tzinfo=UTC))
BY_KIND = {measurement.kind: measurement for measurement in MEASUREMENTS}
WATCH = {"source": "apple-health", "device": "Apple Watch Watch6,2"}


def read(*entries: str) -> list[Finding]:
    """Return what is found in an export with these entries."""
    return list(findings(elements([export_xml(*entries)]), "me"))


def only(*entries: str) -> tuple[str, dict[str, Any]]:
    """Return kind and fields of the one reading, without person and time of capture."""
    (found,) = read(*entries)
    assert isinstance(found, Found)
    return found.kind, {name: value for name, value in found.reading.items() if name not in {"userId", "capturedAt"}}


def at(time: str, day: str = "2026-11-20") -> str:
    """Return an instant as in readings."""
    return f"{day}T{time}+01:00"


MORNING = {"start": at("07:00:00"), "end": at("07:01:00")}


@pytest.mark.parametrize(
    ("entry", "kind", "fields"),
    [
        (
            record(f"{Q}HeartRateVariabilitySDNN", "45.3", "07:00:00", "07:01:00", unit="ms"),
            "hrv",
            {"sdnn": 45.3, **MORNING},
        ),
        (
            record(
                f"{Q}HeartRateVariabilitySDNN",
                "45.3",
                "07:00:00",
                "07:01:00",
                unit="ms",
                inside='<HeartRateVariabilityMetadataList><InstantaneousBeatsPerMinute bpm="72" time="7:00:02.34 AM"/>'
                "</HeartRateVariabilityMetadataList>",
            ),
            "hrv",
            {"sdnn": 45.3, "raw": {"instantaneousBeatsPerMinute": [["7:00:02.34 AM", 72.0]]}, **MORNING},
        ),
        (
            record(f"{Q}RestingHeartRate", "52", "00:10:00", "23:50:00", unit="count/min"),
            "resting_heart_rate",
            {"bpm": 52.0, "date": "2026-11-20"},
        ),
        (
            record(f"{Q}RespiratoryRate", "14.5", "07:00:00", unit="count/min"),
            "respiratory_rate",
            {"breathsPerMinute": 14.5, "start": at("07:00:00"), "end": at("07:00:01")},
        ),
        (
            record(f"{Q}OxygenSaturation", "0.97", "07:00:00", "07:01:00", unit="%"),
            "spo2",
            {"percent": 97.0, "context": "spot", **MORNING},
        ),
        (
            record(f"{Q}AppleSleepingWristTemperature", "93.2", "07:00:00", "07:01:00", unit="degF"),
            "skin_temperature",
            {"celsius": 34.0, "context": "overnight", **MORNING},
        ),
        (
            record(f"{Q}HeartRate", "61", "07:00:00", unit="count/min"),
            "samples",
            {
                "code": "heart_rate",
                "unit": "/min",
                "values": [61],
                "offsetsSeconds": [0],
                "start": at("07:00:00"),
                "end": at("07:00:01"),
            },
        ),
        (
            record(f"{Q}ActiveEnergyBurned", "4.184", "07:00:00", "07:01:00", unit="kJ"),
            "samples",
            {
                "code": "active_energy",
                "unit": "kcal",
                "values": [1],
                "offsetsSeconds": [0],
                "lastsSeconds": [60],
                **MORNING,
            },
        ),
        (
            record(f"{Q}BloodGlucose", "90", "07:00:00", "07:01:00", unit="mg/dL"),
            "samples",
            {
                "code": "blood_glucose",
                "unit": "mmol/L",
                "values": [4.99567375],
                "offsetsSeconds": [0],
                "start": at("07:00:00"),
                "end": at("07:00:01"),
            },
        ),
    ],
)
def test_a_record_becomes_a_reading(entry: str, kind: str, fields: dict[str, Any]) -> None:
    """
    Type, unit and interval of a record become kind, field and times of a reading.
    """
    assert (kind, {**WATCH, **fields}) == only(entry)


def test_what_a_scale_measured_at_once_is_one_reading() -> None:
    """
    Mass, fat and lean mass of one instant are one weighing; pounds and fractions are turned into our units.
    """
    entries = [
        record(f"{Q}BodyMass", "154.3", "06:50:00", unit="lb", sourceName="Scale", device=""),
        record(f"{Q}BodyFatPercentage", "0.152", "06:50:00", unit="%", sourceName="Scale", device=""),
        record(f"{Q}LeanBodyMass", "59.4", "06:50:00", unit="kg", sourceName="Scale", device=""),
    ]

    assert only(*entries) == (
        "body",
        {
            "source": "apple-health/Scale",
            "massKg": 69.9893027,
            "fatPercent": 15.2,
            "fatFreeMassKg": 59.4,
            "start": at("06:50:00"),
            "end": at("06:50:01"),
        },
    )


def test_segments_of_a_night_are_one_session_over_midnight() -> None:
    """
    Stages add up, overlaps count once, and the night belongs to the day of waking up; efficiency is of the time in bed.
    """
    stages = [
        ("InBed", "2026-11-19 22:50:00 +0100", "2026-11-20 06:50:00 +0100"),
        ("AsleepCore", "2026-11-19 23:00:00 +0100", "2026-11-20 02:00:00 +0100"),
        ("AsleepCore", "2026-11-20 01:00:00 +0100", "2026-11-20 02:00:00 +0100"),
        ("AsleepDeep", "2026-11-20 02:00:00 +0100", "2026-11-20 03:30:00 +0100"),
        ("Awake", "2026-11-20 03:30:00 +0100", "2026-11-20 03:40:00 +0100"),
        ("AsleepREM", "2026-11-20 03:40:00 +0100", "2026-11-20 06:00:00 +0100"),
    ]
    entries = [record(SLEEP, f"HKCategoryValueSleepAnalysis{stage}", start, end) for stage, start, end in stages]

    assert only(*entries) == (
        "sleep",
        {
            "source": "apple-health",
            "start": at("22:50:00", "2026-11-19"),
            "end": at("06:50:00"),
            "date": "2026-11-20",
            "context": "overnight",
            "durationMinutes": 410.0,
            "stages": {"awake": 10.0, "light": 180.0, "deep": 90.0, "rem": 140.0},
            "efficiency": 85.4,
        },
    )


def test_a_nap_is_a_session_of_its_own_and_lying_in_bed_is_none() -> None:
    """
    An hour awake parts two sessions; a short one by day is a nap; in bed without sleep there is nothing to store.
    """
    found = read(
        record(SLEEP, "HKCategoryValueSleepAnalysisAsleepUnspecified", "01:00:00", "06:00:00"),
        record(SLEEP, "HKCategoryValueSleepAnalysisAsleepUnspecified", "07:01:00", "07:30:00"),
        record(SLEEP, "HKCategoryValueSleepAnalysisAsleep", "13:00:00", "13:40:00"),
        record(SLEEP, "HKCategoryValueSleepAnalysisInBed", "20:00:00", "20:10:00"),
    )

    assert [
        (each.reading["context"], each.reading["durationMinutes"])
        if isinstance(each, Found)
        else getattr(each, "what", "")
        for each in found
    ] == [("overnight", 300.0), ("overnight", 29.0), ("nap", 40.0), "sleep: in bed only"]


def test_clocks_that_go_back_make_no_sleep() -> None:
    """
    In the night of 2026-10-25 the offset changes; what counts is the time that passed.
    """
    night = record(
        SLEEP,
        "HKCategoryValueSleepAnalysisAsleepCore",
        "2026-10-25 00:30:00 +0200",
        "2026-10-25 06:30:00 +0100",
    )
    _, fields = only(night)

    assert (fields["durationMinutes"], fields["date"]) == (420.0, "2026-10-25")


def test_a_workout_takes_what_is_inside_of_it() -> None:
    """
    Sport in words, duration, distance, energy, climb and heart rates, from attributes or from the elements inside.
    """
    workout = (
        '<Workout workoutActivityType="HKWorkoutActivityTypeHighIntensityIntervalTraining" duration="30.5" '
        'durationUnit="min" sourceName="Watch" creationDate="2026-11-20 18:40:00 +0100" '
        'startDate="2026-11-20 18:00:00 +0100" endDate="2026-11-20 18:32:00 +0100">'
        '<MetadataEntry key="HKElevationAscended" value="1234 cm"/>'
        f'<WorkoutStatistics type="{Q}HeartRate" average="148.2" minimum="90" maximum="176" unit="count/min"/>'
        f'<WorkoutStatistics type="{Q}ActiveEnergyBurned" sum="320" unit="kcal"/>'
        f'<WorkoutStatistics type="{Q}DistanceWalkingRunning" sum="3.1" unit="mi"/>'
        "</Workout>"
    )

    assert only(workout) == (
        "workout",
        {
            "source": "apple-health/Watch",
            "sport": "high intensity interval training",
            "context": "workout",
            "start": at("18:00:00"),
            "end": at("18:32:00"),
            "durationMinutes": 30.5,
            "ascentMeters": 12.34,
            "averageBpm": 148.2,
            "maxBpm": 176.0,
            "energyKcal": 320.0,
            "distanceMeters": 4988.9664,
        },
    )


def test_a_summary_is_a_days_activity() -> None:
    """
    The day of the export was captured when the export was made, an earlier one at its end: a later export wins.
    """
    energy = 'activeEnergyBurned="512.3" activeEnergyBurnedUnit="Cal"'
    summary = f'<ActivitySummary dateComponents="{{}}" {energy} appleExerciseTime="35"/>'
    yesterday, today = (
        each.reading
        for each in read(summary.format("2026-11-19"), summary.format("2026-11-20"))
        if isinstance(each, Found)
    )

    assert (today["activeEnergyKcal"], today["activeMinutes"]) == (512.3, 35.0)
    assert (yesterday["capturedAt"], today["capturedAt"]) == ("2026-11-19T23:59:59+00:00", "2026-11-20T09:00:00+01:00")


def test_points_of_a_day_are_one_run_and_another_day_another() -> None:
    """
    Runs end with the day (UTC), and with a point that is not later than the one before it.
    """
    times = ["07:00:00", "07:00:05", "07:00:05", "08:00:00"]
    found = read(
        *(record(f"{Q}HeartRate", str(60 + number), time, unit="count/min") for number, time in enumerate(times)),
        record(f"{Q}HeartRate", "70", "2026-11-21 07:00:00 +0100", unit="count/min"),
    )
    runs = [(each.reading["values"], each.reading["offsetsSeconds"]) for each in found if isinstance(each, Found)]

    assert runs == [([60, 61], [0, 5]), ([62, 63], [0, 3595]), ([70], [0])]


@pytest.mark.parametrize(
    ("entry", "what"),
    [
        (record(f"{Q}HeadphoneAudioExposure", "70", "07:00:00", unit="dBASPL"), f"{Q}HeadphoneAudioExposure"),
        ('<Correlation type="HKCorrelationTypeIdentifierBloodPressure"><Record/></Correlation>', "Correlation"),
        (record(f"{Q}HeartRate", "much", "07:00:00", unit="count/min"), f"{Q}HeartRate: can't be understood"),
        (record(f"{Q}HeartRate", "61", "07:00:00", unit="parsec"), f"{Q}HeartRate: can't be understood"),
        (record(f"{Q}HeartRate", "nan", "07:00:00", unit="count/min"), f"{Q}HeartRate: can't be understood"),
        (record(f"{Q}HeartRate", "61", "20-11-2026", unit="count/min"), f"{Q}HeartRate: can't be understood"),
        (record(SLEEP, "HKCategoryValueSleepAnalysisHibernating", "01:00:00"), f"{SLEEP}: can't be understood"),
    ],
)
def test_what_is_left_out_is_named(entry: str, what: str) -> None:
    """
    Unknown types and entries that can't be understood are counted by their sort, never by their values.
    """
    assert [Skipped(what)] == read(entry)


numbers = st.floats(-1e12, 1e12) | st.floats(0, 300) | st.integers(0, 10_000)
times = st.datetimes(
    datetime(1990, 1, 1),
    datetime(2040, 1, 1),
    timezones=st.integers(-56, 56).map(lambda quarters: timezone(timedelta(minutes=15 * quarters))),
).map(lambda moment: f"{moment:%Y-%m-%d %H:%M:%S %z}")
types = st.sampled_from(
    [f"{Q}{name}" for name in (*POINTS, "HeartRateVariabilitySDNN", "OxygenSaturation", "BodyMass")]
)
units = st.sampled_from(["count/min", "count", "km", "mi", "kcal", "kJ", "ms", "%", "lb", "degF", "mmHg", "parsec"])


@st.composite
def entries(draw: st.DrawFn) -> str:
    """Draw a record with any type, value, times and unit."""
    return record(draw(types), str(draw(numbers)), draw(times), draw(times), unit=draw(units))


@given(st.lists(entries(), max_size=8))
def test_whatever_stands_in_a_record_becomes_a_sound_reading_or_is_named(some: list[str]) -> None:
    """
    Nothing is lost or made up: each entry is in a reading or left out, and readings are of the shape that ingest takes,
    but for signs; none crashes what normalises it.
    """
    found = read(*some)
    assert len(some) == sum(each.entries if isinstance(each, Found) else 1 for each in found) or any(
        isinstance(each, Found) and each.kind == "body" for each in found
    )
    for each in found:
        if isinstance(each, Found):
            raw = msgspec.Raw(msgspec.json.encode(each.reading))
            good, problems = BY_KIND[each.kind].decoder.decode_all([raw])
            assert {problem.field for problem in problems} <= {"sdnn", "percent", "massKg", "capturedAt"}
            for reading in good.values():
                try:
                    BY_KIND[each.kind].normalise(reading, ARRIVAL, 0, Rules())
                except Exception as error:  # noqa: BLE001  # the type is what is asserted
                    assert type(error).__name__ == "InvalidReading"
