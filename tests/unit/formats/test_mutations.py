"""Real shapes of every format, mutated in bytes and structure: no crash, and no loss beyond the damage."""

import json
from collections.abc import Callable, Iterable, Iterator
from copy import copy
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import foreign_files as ff
from support.exports import ENUM, UINT8, UINT16, UINT32, export_xml, fit_file, record

from athlete_ally.adapters.files.fit_file import decoded
from athlete_ally.core.errors import UnreadableFile
from athlete_ally.formats import apple_health, beat_file, fit, garmin_export, gpx, health_auto_export, polar_flow, tcx
from athlete_ally.formats.apple_xml import elements
from athlete_ally.formats.parse_result import Finding, Found

Q, START = "HKQuantityTypeIdentifier", 1_163_952_000
DATE = "2026-11-20 07:00:00 +0100"
# Entries of which each is a reading of its own.
APPLE = [
    record(f"{Q}RestingHeartRate", "52", "07:00:00", unit="count/min"),
    record(f"{Q}BodyMass", "70", "07:05:00", unit="kg"),
    record(f"{Q}HeartRate", "61", "07:10:00", unit="count/min"),
    record("HKCategoryTypeIdentifierSleepAnalysis", "HKCategoryValueSleepAnalysisAsleepCore", "01:00:00", "06:00:00"),
    record(f"{Q}HeartRateVariabilityRMSSD", "45.3", "07:15:00", "07:16:00", unit="ms"),
    record(f"{Q}OxygenSaturation", "0.97", "07:20:00", unit="%"),
]
AUTO_EXPORT: dict[str, Any] = {
    "data": {
        "metrics": [
            {"name": "heart_rate", "units": "count/min", "data": [{"date": DATE, "Min": 60, "Avg": 61, "Max": 70}]},
            {"name": "weight_body_mass", "units": "kg", "data": [{"date": DATE, "qty": 70.1}]},
            {"name": "resting_heart_rate", "units": "count/min", "data": [{"date": DATE, "qty": 51}]},
            {"name": "sleep_analysis", "units": "hr", "data": [{"date": DATE, "totalSleep": 7.5, "core": 4, "rem": 2}]},
        ],
        "workouts": [{"name": "Running", "start": DATE, "end": "2026-11-20 08:00:00 +0100", "id": "a"}],
        "ecg": [{"start": DATE}],
    }
}
RIDE = fit_file(
    [
        (0, [(0, ENUM, 4), (1, UINT16, 1), (4, UINT32, START)]),
        *((20, [(253, UINT32, START + at), (3, UINT8, 120 + at)]) for at in range(4)),
        (275, [(253, UINT32, START), (0, ENUM, 3)]),
        (18, [(253, UINT32, START + 3600), (2, UINT32, START), (7, UINT32, 3_600_000), (5, ENUM, 1)]),
    ]
)
Read = Callable[[bytes], Iterator[Finding]]
READERS: dict[str, tuple[Read, bytes]] = {
    "apple": (lambda content: apple_health.findings(elements([content]), "me"), export_xml(*APPLE)),
    "auto export": (lambda content: health_auto_export.findings(content, "me"), json.dumps(AUTO_EXPORT).encode()),
    "fit": (lambda content: fit.findings(decoded(content, "a.fit"), "me"), RIDE),
    "tcx": (lambda content: tcx.findings(content, "me"), ff.tcx(ff.tcx_lap(ff.tcx_point()))),
    "gpx": (lambda content: gpx.findings(content, "me"), ff.gpx(ff.gpx_point())),
    "beats": (lambda content: beat_file.findings(content, "2026-11-20 07-05-12.txt", "me"), b"812\n799\n804\n810\n"),
    "polar": (lambda content: polar_flow.findings(content, "me"), ff.written(ff.polar_session())),
    "nights": (lambda content: garmin_export.nights(content, "me"), ff.written([ff.garmin_night()])),
    "days": (lambda content: garmin_export.days(content, "me"), ff.written([ff.garmin_day()])),
}


def read(name: str, content: bytes) -> list[Finding]:
    """Return what is found, up to the place where a file can't be read any more; an error of ours has a text."""
    found: list[Finding] = []
    try:
        for each in READERS[name][0](content):
            found.append(each)  # noqa: PERF402  # what came before an error counts
    except UnreadableFile as error:
        assert str(error)
    return found


def readings(found: Iterable[Finding]) -> list[dict[str, Any]]:
    """Return the readings."""
    return [each.reading for each in found if isinstance(each, Found)]


@pytest.mark.parametrize("name", READERS)
@given(data=st.data())
def test_no_mutation_of_bytes_crashes(name: str, data: st.DataObject) -> None:
    """
    Bytes replaced, cut out, doubled or moved anywhere: everything is read, named, or refused with a reason.
    """
    content = bytearray(READERS[name][1])
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, max(0, len(content) - 1)))
        moved = content[at : at + data.draw(st.integers(0, 60))]
        put = data.draw(st.binary(max_size=4) | st.just(bytes(moved)) | st.just(b""))
        content[at : at + data.draw(st.integers(0, 8))] = put
    read(name, bytes(content))


@given(st.data())
def test_damage_of_an_export_takes_nothing_that_stands_before_it(data: st.DataObject) -> None:
    """
    An Apple export that stops being XML at some byte: every entry in front of it is read.
    """
    whole = 1 + data.draw(st.integers(0, len(APPLE) - 1))
    content = export_xml(*APPLE[:whole]).removesuffix(b"</HealthData>") + data.draw(
        st.sampled_from([b"", b"<", b"<Record type=", b"</Record>", b"&c;", b"<Record a='1' a='2'/>", b"<a><b></a>"])
    )
    expected = readings(read("apple", export_xml(*APPLE[:whole])))

    assert expected == readings(read("apple", content))
    assert len(expected) == whole


def nodes(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the place of each value in JSON, the document itself left out."""
    names = cast("Iterable[Any]", ())
    if isinstance(value, dict | list):
        names = cast("Iterable[Any]", value if isinstance(value, dict) else range(len(cast("list[Any]", value))))
    for name in names:
        inside = (*place, name)
        yield inside
        yield from nodes(value[name], inside)


def with_value(value: Any, place: tuple[Any, ...], new: Any) -> Any:
    """Return JSON with another value at a place."""
    if not place:
        return new
    changed: Any = copy(value)
    changed[place[0]] = with_value(value[place[0]], place[1:], new)
    return changed


anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["qty", "date", "data"]), inner),
    max_leaves=6,
)


@given(st.data())
def test_any_value_in_any_place_costs_its_item_at_most(data: st.DataObject) -> None:
    """
    Whatever JSON stands in place of a value of a Health Auto Export: the other metrics and workouts are as before.
    """
    place = data.draw(st.sampled_from([each for each in nodes(AUTO_EXPORT) if len(each) > 2]))  # items
    mutated = with_value(AUTO_EXPORT, place, data.draw(anything))
    item = place[:3]
    rest = with_value(AUTO_EXPORT, item, None)
    found = readings(read("auto export", json.dumps(mutated).encode()))

    assert [each for each in readings(read("auto export", json.dumps(rest).encode())) if each not in found] == []


@given(st.data())
def test_an_entry_in_another_or_twice_costs_itself(data: st.DataObject) -> None:
    """
    A record of an Apple export inside another one, twice, or with elements inside: all others are as before.
    """
    at = data.draw(st.integers(0, len(APPLE) - 1))
    entry = APPLE[at]
    mutated = data.draw(
        st.sampled_from(
            [
                f"<Correlation>{entry}</Correlation>",
                entry + entry,
                entry.replace("</Record>", f"{entry}</Record>"),
                entry.replace("<Record ", "<Workout ", 1).replace("</Record>", "</Workout>"),
                entry.replace("<Record ", "<ActivitySummary ", 1).replace("</Record>", "</ActivitySummary>"),
                entry.replace("</Record>", "<WorkoutActivity/><MetadataEntry/><WorkoutStatistics/></Record>"),
            ]
        )
    )
    others = [*APPLE[:at], *APPLE[at + 1 :]]
    found = readings(read("apple", export_xml(*APPLE[:at], mutated, *APPLE[at + 1 :])))

    assert [each for each in readings(read("apple", export_xml(*others))) if each not in found] == []
