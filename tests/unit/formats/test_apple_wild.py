"""Apple Health exports as phones really write them: one offset for years, nested activities, and broken entries."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.exports import WATCH, export_xml, record

from athlete_ally.core.readings.measurement import Rules
from athlete_ally.core.readings.record import Arrival, Record
from athlete_ally.core.readings.sample_batch import SampleBatch
from athlete_ally.core.readings.sessions import latest_versions, same_session
from athlete_ally.formats.apple_health import findings
from athlete_ally.formats.apple_xml import elements
from athlete_ally.formats.parse_result import NO_KIND, Finding, Found, Skipped
from athlete_ally.measurements import MEASUREMENTS

Q = "HKQuantityTypeIdentifier"
SLEEP = "HKCategoryTypeIdentifierSleepAnalysis"
ARRIVAL = Arrival(message_id="m1", stream_sequence=1, received_at=datetime(2026, 11, 20, 12, tzinfo=UTC))
BY_KIND = {measurement.kind: measurement for measurement in MEASUREMENTS}
ANNAS = "Anna\u2019s Apple\u00a0Watch"


def read(*entries: str) -> list[Finding]:
    """Return what is found in an export with these entries."""
    return list(findings(elements([export_xml(*entries)]), "me"))


def readings(*entries: str) -> list[dict[str, Any]]:
    """Return the readings of an export with these entries."""
    return [each.reading for each in read(*entries) if isinstance(each, Found)]


def left_out(*entries: str) -> list[tuple[str, str, str]]:
    """Return sort, reason and place of what an export's entries lose."""
    return [(each.what, each.reason, each.place) for each in read(*entries) if isinstance(each, Skipped)]


def zone(name: str) -> str:
    """Return the metadata that says where the person was."""
    return f'<MetadataEntry key="HKTimeZone" value="{name}"/>'


def written(at: datetime, offset_hours: int) -> str:
    """Return an instant as an export of this offset writes it."""
    return f"{at.astimezone(UTC) + timedelta(hours=offset_hours):%Y-%m-%d %H:%M:%S} +{offset_hours:02d}00"


def workout(sport: str, inside: str = "", start: str = "18:00:00", end: str = "19:00:00", **its: str) -> str:
    """Return a workout of 2026-11-20."""
    given = {
        "workoutActivityType": f"HKWorkoutActivityType{sport}",
        "sourceName": ANNAS,
        "startDate": f"2026-11-20 {start} +0100",
        "endDate": f"2026-11-20 {end} +0100",
    }
    attributes = " ".join(f'{name}="{value}"' for name, value in (given | its).items())
    return f"<Workout {attributes}>{inside}</Workout>"


def activity(start: str, end: str, inside: str, uuid: str = "A1") -> str:
    """Return an activity inside of a workout."""
    times = f'startDate="2026-11-20 {start} +0100" endDate="2026-11-20 {end} +0100"'
    return f'<WorkoutActivity uuid="{uuid}" {times}>{inside}</WorkoutActivity>'


def total(sort: str, value: str, unit: str) -> str:
    """Return statistics with a sum."""
    return f'<WorkoutStatistics type="{Q}{sort}" sum="{value}" unit="{unit}"/>'


def climbed(value: str) -> str:
    """Return the metadata of a climb."""
    return f'<MetadataEntry key="HKElevationAscended" value="{value}"/>'


@pytest.mark.parametrize("zoned", ["", zone("Europe/Berlin")], ids=["no zone", "zone"])
def test_a_summer_days_resting_rate_is_of_its_day_in_an_export_of_winter(zoned: str) -> None:
    """
    00:02 to 23:40 of a summer day is 23:02 to 22:40 in winter's offset; the day is the one that most of it covers.
    """
    july, january = (
        readings(
            record(
                f"{Q}RestingHeartRate",
                "52",
                written(datetime(2026, 7, 13, 22, 2, tzinfo=UTC), offset),
                written(datetime(2026, 7, 14, 21, 40, tzinfo=UTC), offset),
                unit="count/min",
                inside=zoned,
            )
        )
        for offset in (2, 1)
    )

    assert ([each["date"] for each in july], [each["date"] for each in january]) == (["2026-07-14"], ["2026-07-14"])


def test_a_night_and_a_run_are_on_the_persons_own_day() -> None:
    """
    A night in Tokyo and a run in Auckland have the day of Tokyo and of Auckland, wherever the export was made.
    """
    night, run = readings(
        record(
            SLEEP,
            "HKCategoryValueSleepAnalysisAsleepCore",
            "2026-05-01 16:00:00 +0200",
            "2026-05-01 23:30:00 +0200",
            inside=zone("Asia/Tokyo"),
        ),
        workout("Running", zone("Pacific/Auckland"), "18:00:00", "18:40:00"),
    )[::-1]

    assert (night["date"], night["start"]) == ("2026-05-02", "2026-05-01T23:00:00+09:00")
    assert run["end"] == "2026-11-21T06:40:00+13:00"


instants = st.datetimes(datetime(2024, 1, 1), datetime(2026, 11, 1)).map(
    lambda at: at.replace(tzinfo=UTC, microsecond=0)
)
sorts = st.sampled_from(
    [
        (f"{Q}RestingHeartRate", "52", "count/min"),
        (f"{Q}HeartRateVariabilitySDNN", "45", "ms"),
        (f"{Q}HeartRateVariabilityRMSSD", "38", "ms"),
        (f"{Q}RespiratoryRate", "14", "count/min"),
        (f"{Q}BodyMass", "70", "kg"),
        (f"{Q}HeartRate", "61", "count/min"),
        (SLEEP, "HKCategoryValueSleepAnalysisAsleepCore", ""),
    ]
)


def rows(found: list[Finding]) -> set[tuple[Any, ...]]:
    """Return what is stored of findings, but for lineage: key, day, times and the capture that decides."""
    kept: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for each in found:
        assert isinstance(each, Found)
        good, problems = BY_KIND[each.kind].decoder.decode_all([msgspec.Raw(msgspec.json.encode(each.reading))])
        assert problems == []
        record = BY_KIND[each.kind].normalise(good[0], ARRIVAL, 0, Rules())
        if isinstance(record, SampleBatch):
            at = record.starts_at
            assert at is not None
            kept |= {
                (*record.series, at.timestamp() + offset): (value,)
                for offset, value in zip(record.offsets_s, record.values, strict=True)
            }
        else:
            kept[(each.kind, *record.key)] = (record.day, record.starts_at, record.ends_at, record.captured_at)
    return {(*key, *row) for key, row in kept.items()}


@given(
    st.lists(st.tuples(sorts, instants, st.integers(1, 1200)), max_size=8, unique_by=lambda each: (each[0][0], each[1]))
)
def test_the_same_history_exported_in_january_and_in_july_is_the_same(
    history: list[tuple[tuple[str, str, str], datetime, int]],
) -> None:
    """
    One offset or the other for the whole file: days, keys, times and the order of captures stay.
    """
    history = [
        ((sort, value, unit), at, min(lasts, 120) if "Mass" in sort else lasts)
        for (sort, value, unit), at, lasts in history
    ]
    exports = [
        read(
            *(
                record(
                    sort,
                    value,
                    written(at, offset),
                    written(at + timedelta(minutes=lasts), offset),
                    unit=unit,
                    inside=zone("Europe/Berlin"),
                )
                for (sort, value, unit), at, lasts in history
            )
        )
        for offset in (1, 2, 13)
    ]

    assert rows(exports[0]) == rows(exports[1]) == rows(exports[2])


def stored(*exports: list[Finding]) -> set[tuple[Any, ...]]:
    """Return what is stored after exports were imported one behind the other, but for lineage."""
    records: dict[str, list[Any]] = {}
    points: dict[tuple[Any, ...], tuple[datetime, int, float]] = {}
    found = [each for export in exports for each in export if isinstance(each, Found)]
    for sequence, each in enumerate(found):
        arrival = msgspec.structs.replace(ARRIVAL, stream_sequence=sequence)
        good, _ = BY_KIND[each.kind].decoder.decode_all([msgspec.Raw(msgspec.json.encode(each.reading))])
        record = BY_KIND[each.kind].normalise(good[0], arrival, 0, Rules())
        if isinstance(record, SampleBatch):
            assert record.starts_at is not None
            for offset, value in zip(record.offsets_s, record.values, strict=True):
                key = (*record.series, record.starts_at.timestamp() + offset)
                points[key] = max(
                    points.get(key, (record.captured_at, -1, value)), (record.captured_at, sequence, value)
                )
        else:
            records.setdefault(each.kind, []).append(record)
    kept: set[tuple[Any, ...]] = {(*key, value) for key, (_, _, value) in points.items()}
    for kind, each in records.items():
        latest, _ = latest_versions(each, BY_KIND[kind].overlap)
        for record in sorted(latest, key=lambda one: one.order):
            kept = {row for row in kept if row[: len(record.key) + 1] != (kind, *record.key)}
            kept.add((kind, *record.key, *_values_of(record)))
    return kept


def _values_of(record: Any) -> tuple[Any, ...]:
    lineage = {"message_id", "stream_sequence", "reading_index", "received_at"}
    return tuple(repr(value) for name, value in msgspec.structs.asdict(record).items() if name not in lineage)


@given(
    st.lists(st.tuples(sorts, instants, st.integers(1, 120)), max_size=8, unique_by=lambda each: (each[0][0], each[1])),
    st.integers(0, 8),
)
def test_exports_may_be_imported_twice_and_in_any_order(
    history: list[tuple[tuple[str, str, str], datetime, int]], known: int
) -> None:
    """
    An older export and a newer one that holds more, in winter's and in summer's offset: the same rows, whatever order.
    """
    entries = {
        offset: [
            record(sort, value, written(at, offset), written(at + timedelta(minutes=lasts), offset), unit=unit)
            for (sort, value, unit), at, lasts in sorted(history, key=lambda each: each[1])
        ]
        for offset in (1, 2)
    }
    # Without a zone of its own the local day of a night is that of the export: seasons have a test of their own.
    older, newer = read(*entries[1][:known]), read(*entries[1])

    assert stored(newer) == stored(older, newer) == stored(newer, older) == stored(newer, newer, older, newer)


def test_an_activity_inside_of_a_workout_is_not_the_workout() -> None:
    """
    Climb, distance and heart rate of the last interval stay its own: the workout has those beside the intervals.
    """
    heart_rate = f'<WorkoutStatistics type="{Q}HeartRate" average="{{}}" maximum="{{}}" unit="count/min"/>'
    (run,) = readings(
        workout(
            "Running",
            climbed("12000 cm")
            + total("DistanceWalkingRunning", "10", "km")
            + heart_rate.format(150, 180)
            + activity("18:00:00", "18:30:00", climbed("200 cm") + heart_rate.format(170, 181))
            + activity("18:30:00", "19:00:00", climbed("300 cm") + total("DistanceWalkingRunning", "2", "km")),
        )
    )

    assert (
        run["ascentMeters"],
        run["distanceMeters"],
        run["averageBpm"],
        run["maxBpm"],
    ) == (120.0, 10000.0, 150.0, 180.0)


def test_a_workout_without_statistics_of_its_own_has_those_of_its_one_activity() -> None:
    """
    Where one activity is all of the workout, nothing is lost.
    """
    (run,) = readings(workout("Running", activity("18:00:00", "19:00:00", climbed("200 cm"))))

    assert run["ascentMeters"] == 2.0


def test_a_triathlon_has_a_parent_and_legs() -> None:
    """
    The parent adds up the distances; the swim that begins with it is a record of its own; a transition is named.
    """
    legs = (
        activity("08:00:00", "08:20:00", total("DistanceSwimming", "1500", "m"), "swim")
        + activity("08:20:00", "08:22:00", "", "transition")
        + activity("08:22:00", "09:30:00", total("DistanceCycling", "40", "km"), "ride")
    )
    both = total("DistanceSwimming", "1500", "m") + total("DistanceCycling", "40", "km")
    entry = workout("SwimBikeRun", both + legs, "08:00:00", "09:30:00")

    assert [
        (each["context"], each["sport"], each["distanceMeters"], each.get("sessionId")) for each in readings(entry)
    ] == [
        ("multisport", "swim bike run", 41500.0, None),
        ("workout", "swimming", 1500.0, "swim"),
        ("workout", "cycling", 40000.0, "ride"),
    ]
    assert [each[:2] for each in left_out(entry)] == [("WorkoutActivity", "nothing tells its sport")]


@pytest.mark.parametrize("climb", ["1234", "much cm", "", "12 parsec"])
def test_a_climb_that_is_none_costs_itself(climb: str) -> None:
    """
    A detail that can't be understood is left out and named; its workout stays.
    """
    entry = workout("Running", climbed(climb), duration="30", totalDistance="5", totalDistanceUnit="km")
    (run,) = readings(entry)

    assert (run["durationMinutes"], run["distanceMeters"], "ascentMeters" in run) == (30.0, 5000.0, False)
    assert [what for what, _, _ in left_out(entry)] == ["Workout: HKElevationAscended: can't be understood"]


def test_rmssd_is_rmssd_and_shares_a_record_with_the_sdnn_of_its_interval() -> None:
    """
    IOS 27 writes both; each keeps its name, and two of one interval are one record, whichever comes first.
    """
    both = [
        record(f"{Q}HeartRateVariabilityRMSSD", "38.5", "07:00:00", "07:01:00", unit="ms"),
        record(f"{Q}HeartRateVariabilitySDNN", "45.3", "07:00:00", "07:01:00", unit="ms"),
    ]
    alone = record(f"{Q}HeartRateVariabilityRMSSD", "0.0402", "08:00:00", "08:01:00", unit="s")

    for order in (both, both[::-1]):
        last = readings(*order)[-1]
        assert (last["rmssd"], last["sdnn"]) == (38.5, 45.3)
    assert [(each["rmssd"], each.get("sdnn")) for each in readings(alone)] == [(40.2, None)]


def test_an_in_bed_that_nobody_ended_costs_itself() -> None:
    """
    Seven nights inside of one that never ended are seven nights, and it is named.
    """
    nights = [
        record(
            SLEEP,
            "HKCategoryValueSleepAnalysisAsleepCore",
            f"2026-11-{day:02d} 23:00:00 +0100",
            f"2026-11-{day + 1:02d} 06:30:00 +0100",
        )
        for day in range(2, 9)
    ]
    endless = record(
        SLEEP, "HKCategoryValueSleepAnalysisInBed", "2026-11-02 22:00:00 +0100", "2026-11-09 08:00:00 +0100"
    )

    assert readings(*nights) == readings(endless, *nights)
    assert [each[:2] for each in left_out(endless, *nights)] == [
        ("sleep: in-bed", "nobody ended it, or it ends before it begins")
    ]


def night(*segments: tuple[str, str]) -> Record:
    """Return the record of a night made of these segments of one evening and the morning behind it."""
    entries = [record(SLEEP, "HKCategoryValueSleepAnalysisAsleepCore", start, end) for start, end in segments]
    (found,) = readings(*entries)
    good, problems = BY_KIND["sleep"].decoder.decode_all([msgspec.Raw(msgspec.json.encode(found))])
    assert problems == []
    stored = BY_KIND["sleep"].normalise(good[0], ARRIVAL, 0, Rules())
    assert isinstance(stored, Record)
    return stored


@pytest.mark.parametrize(
    "later",
    [
        (("2026-11-19 22:10:00 +0100", "2026-11-20 03:00:00 +0100"), ("03:10:00", "07:05:00")),
        (("2026-11-19 23:00:00 +0100", "2026-11-20 03:00:00 +0100"), ("03:10:00", "08:05:00")),
        (("2026-11-19 22:05:00 +0000", "2026-11-20 02:00:00 +0000"), ("03:10:00", "07:05:00")),
    ],
    ids=["begins earlier", "grows", "other offset"],
)
def test_a_night_that_moves_or_grows_in_a_later_export_is_one_night(later: tuple[tuple[str, str], ...]) -> None:
    """
    A watch that was synchronised in the night gives half of it first: the later export's night replaces it.
    """
    half = night(("2026-11-19 23:00:00 +0100", "2026-11-20 03:00:00 +0100"))

    assert same_session(half, night(*later), "always")
    assert half.order <= night(*later).order


def test_a_sum_of_a_day_with_25_hours_is_taken() -> None:
    """
    The day on which the clocks go back has 25 hours; a sum over more than that has no day.
    """
    day, longer = (
        record(f"{Q}StepCount", "9000", "2026-10-25 00:00:00 +0200", end, unit="count")
        for end in ("2026-10-26 00:00:00 +0100", "2026-10-26 00:00:01 +0100")
    )

    assert [each["values"] for each in readings(day, longer)] == [[9000]]
    assert [reason for _, reason, _ in left_out(day, longer)] == ["a sum over more than a day"]


@pytest.mark.parametrize(
    ("name", "device", "source"),
    [
        (ANNAS, "", "apple-health"),
        ("iPhone von Anna", "", "apple-health"),
        ("Oura", "", "apple-health/Oura"),
        ("Blitz", "", "apple-health"),
    ],
)
def test_one_watch_is_one_source(name: str, device: str, source: str) -> None:
    """
    Apple's resting rate has no device: it is known by the name that the person gave the watch.
    """
    named = record(f"{Q}HeartRate", "61", "07:00:00", unit="count/min", sourceName="Blitz")
    resting = record(f"{Q}RestingHeartRate", "52", "07:00:00", unit="count/min", sourceName=name, device=device)

    assert [source] == [each["source"] for each in readings(named, resting) if "bpm" in each]


def test_two_apps_whose_workouts_name_one_watch_are_two_sources() -> None:
    """
    A ride that Strava and Apple's own app recorded on one watch is two records.
    """
    mine = workout("Cycling", device=WATCH)
    stravas = workout("Cycling", device=WATCH, sourceName="Strava")

    assert [each["source"] for each in readings(mine, stravas)] == ["apple-health", "apple-health/Strava"]


@pytest.mark.parametrize(
    "broken",
    ["&#0;", "&#x1F;", "&#xFFFF;", "&#55296;", "&#99999999999999999999;", "\uffff", "\ufffe", "\x0b"],
)
def test_what_xml_forbids_does_not_end_the_import(broken: str) -> None:
    """
    References to characters that XML forbids, and U+FFFF, are dropped from a name; allowed ones stay.
    """
    names = [
        each["source"]
        for each in readings(
            record(f"{Q}BodyMass", "70", "07:00:00", unit="kg", sourceName=f"My{broken} &#8217;s", device="")
        )
    ]

    assert names == ["apple-health/My \u2019s"]


def test_bytes_that_are_not_utf_8_do_not_end_the_import() -> None:
    """
    A name cut in the middle of a character has U+FFFD in its place.
    """
    content = export_xml(record(f"{Q}BodyMass", "70", "07:00:00", unit="kg", sourceName="My@", device=""))
    (found,) = findings(elements([content.replace(b"My@", b"My\xe2\x80")]), "me")

    assert isinstance(found, Found)
    assert found.reading["source"] == "apple-health/My\ufffd"


@given(st.data())
def test_cleaning_does_not_depend_on_where_chunks_end(data: st.DataObject) -> None:
    """
    Wherever a reference or a character is cut, the export reads the same.
    """
    content = export_xml(
        record(f"{Q}BodyMass", "70", "07:00:00", unit="kg", sourceName="A&#0;\uffff&#x1F;\u2019 &amp;", device="")
    )
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=5)))
    chunks = [content[start:end] for start, end in zip([0, *cuts], [*cuts, len(content)], strict=True)]

    assert [each.attributes for each in elements([content])] == [each.attributes for each in elements(chunks)]


def test_what_is_left_out_has_its_line_and_reason() -> None:
    """
    The line is that of the file, the document type in front counted; a type that no kind takes says so.
    """
    entries = [
        "\n",
        record(f"{Q}HeadphoneAudioExposure", "70", "07:00:00", unit="dBASPL"),
        "\n\n",
        record(f"{Q}BodyMass", "70", "07:00:00", unit="parsec"),
    ]
    before = export_xml().decode().partition("</HealthData>")[0].count("\n") + 1

    assert [
        (f"{Q}HeadphoneAudioExposure", NO_KIND, f"line {before + 1}"),
        (f"{Q}BodyMass: can't be understood", "unit 'parsec' is no unit of kg", f"line {before + 3}"),
    ] == left_out(*entries)


REAL = [
    record(f"{Q}RestingHeartRate", "52", "00:10:00", "23:50:00", unit="count/min"),
    record(f"{Q}HeartRateVariabilitySDNN", "45.3", "07:00:00", "07:01:00", unit="ms", inside=zone("Europe/Berlin")),
    record(f"{Q}BodyMass", "70", "07:05:00", unit="kg"),
    record(SLEEP, "HKCategoryValueSleepAnalysisAsleepCore", "01:00:00", "06:00:00", inside=zone("Europe/Berlin")),
    workout("Running", climbed("1200 cm") + activity("18:00:00", "19:00:00", climbed("1200 cm"))),
    '<ActivitySummary dateComponents="2026-11-19" activeEnergyBurned="500" activeEnergyBurnedUnit="kcal"/>',
]
VALUES = [
    "",
    "null",
    "-",
    "nan",
    "1e400",
    "2026-11-20",
    "2026-13-45 00:00:00 +0100",
    "\u202f7",
    "9" * 400,
    "0001-01-01 00:00:00 +1400",
    "Mars/Olympus",
    "../../etc",
]


@given(st.data())
def test_a_broken_entry_changes_nothing_about_the_others(data: st.DataObject) -> None:
    """
    An entry of a real shape with any one value replaced costs itself at most: all others are as without it.
    """
    place = data.draw(st.integers(0, len(REAL) - 1))
    values = list(re.finditer(r'="([^"]*)"', REAL[place]))
    hit = data.draw(st.sampled_from(values))
    broken = REAL[place][: hit.start(1)] + data.draw(st.sampled_from(VALUES)) + REAL[place][hit.end(1) :]
    others = [each for at, each in enumerate(REAL) if at != place]
    order = data.draw(st.permutations([broken, *others]))

    found = read(*order)
    expected = [each.reading for each in read(*[each for each in order if each != broken]) if isinstance(each, Found)]
    got = [each.reading for each in found if isinstance(each, Found)]

    assert [each for each in expected if each not in got] == []
