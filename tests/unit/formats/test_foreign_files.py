"""TCX, GPX, beats and account exports, as readings; a broken item among sound ones costs itself."""

from collections.abc import Callable, Iterator
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import foreign_files as ff

from athlete_ally.core.errors import UnreadableFile
from athlete_ally.formats import beat_file, garmin_export, gpx, polar_flow, tcx
from athlete_ally.formats.parse_result import Finding, Found, Skipped
from athlete_ally.formats.recognise import beside, sort_of
from athlete_ally.measurements import MEASUREMENTS

DECODERS = {measurement.kind: measurement.decoder for measurement in MEASUREMENTS}
ELITE = "2026-11-20 07-05-12.txt"
Read = Callable[[bytes], Iterator[Finding]]
READERS: dict[str, Read] = {
    "tcx": lambda content: tcx.findings(content, "me"),
    "gpx": lambda content: gpx.findings(content, "me"),
    "beats": lambda content: beat_file.findings(content, ELITE, "me"),
    "polar": lambda content: polar_flow.findings(content, "me"),
    "nights": lambda content: garmin_export.nights(content, "me"),
    "days": lambda content: garmin_export.days(content, "me"),
}
broken_values: st.SearchStrategy[Any] = st.sampled_from([None, "x", True, -1, 1e300]) | st.just([])
SOUND: dict[str, bytes] = {
    "tcx": ff.tcx(ff.tcx_lap(ff.tcx_point(), ff.tcx_point("2026-11-18T16:00:01Z", "121"))),
    "gpx": ff.gpx(ff.gpx_point(), ff.gpx_point("2026-11-18T16:00:01Z", "131")),
    "beats": b"812\n799\n804\n810\n",
    "polar": ff.written(ff.polar_session()),
    "nights": ff.written([ff.garmin_night()]),
    "days": ff.written([ff.garmin_day()]),
}


def readings(found: Iterator[Finding], kind: str = "") -> list[dict[str, Any]]:
    """Return the readings, of one kind where one is named."""
    return [each.reading for each in found if isinstance(each, Found) and (not kind or each.kind == kind)]


@pytest.mark.parametrize("name", sorted(SOUND))
def test_what_is_read_is_what_ingest_takes(name: str) -> None:
    """
    Every reading of a sound file has the shape of its kind, and nothing of the person's own text is in it.
    """
    found = list(READERS[name](SOUND[name]))
    problems = [
        DECODERS[each.kind].decode_all([msgspec.Raw(msgspec.json.encode(each.reading))])[1]
        for each in found
        if isinstance(each, Found)
    ]

    assert problems
    assert [each for each in problems if each] == []
    assert "My street" not in str(found)


def test_a_tcx_file_is_a_workout_of_its_laps_with_series() -> None:
    """
    Times, distance and energy add up over laps, the average is weighted by time, and points are series.
    """
    second = ff.tcx_lap(start="2026-11-18T16:10:00Z", seconds="300", bpm="170")
    found = list(tcx.findings(ff.tcx(ff.tcx_lap(ff.tcx_point()), second), "me", ZoneInfo("Asia/Tokyo")))
    (workout,) = readings(iter(found), "workout")

    assert {
        "sport": "running",
        "start": "2026-11-19T01:00:00+09:00",
        "end": "2026-11-19T01:15:00+09:00",
        "durationMinutes": 15.0,
        "distanceMeters": 4000.0,
        "energyKcal": 240.0,
        "averageBpm": 150.0,
        "maxBpm": 171.0,
        "device": "Forerunner 255",
    }.items() <= workout.items()
    assert {(each["code"], *each["values"]) for each in readings(iter(found), "samples")} == {
        ("heart_rate", 120),
        ("altitude", 12.5),
        ("speed", 2.5),
        ("power", 200),
    }


def test_a_gpx_track_with_times_is_a_workout() -> None:
    """
    From the first to the last point, with the sport of `type`; a route without times is none, and is named.
    """
    (workout,) = readings(gpx.findings(SOUND["gpx"], "me"), "workout")
    route = list(gpx.findings(ff.gpx(ff.gpx_point(None)), "me"))

    assert (workout["sport"], workout["start"], workout["end"]) == (
        "running",
        "2026-11-18T16:00:00+00:00",
        "2026-11-18T16:00:01+00:00",
    )
    assert [each.what for each in route if isinstance(each, Skipped)] == ["trkpt", "trk"]


@pytest.mark.parametrize(
    ("name", "content", "source"),
    [
        (ELITE, b"812\r\n799\r\n804", "elite-hrv"),
        ("export/2026-11-20 07-05-12.txt", b"812\n799\n804\n", "elite-hrv"),
        ("Kubios_2026-11-20_07-05-12.txt", b"0.812\n0.799\n0.804\n", "kubios"),
        ("kubios 20261120 070512.csv", b"0,8;0,812\n1,6;0,799\n2,4;0,804\n", "kubios"),
        ("2026-11-20T07:05:12.csv", b"Kubios HRV\nTime (s),RR (s)\n0.8,0.812\n1.6,0.799\n2.4,0.804\n", "kubios"),
        ("HRV4T 2026-11-20 07:05:12.csv", b"rr_intervals,timestamp\n812,1\n799,2\n804,3\n", "hrv4training"),
        ("2026-11-20_07-05-12.csv", b"1,812\n2,799\n3,804\n", "beats"),
        ("2026-11-20_07-05-12.txt", b"0,812\n0,799\n0,804\n", "beats"),
    ],
)
def test_beats_are_read_in_every_form(name: str, content: bytes, source: str) -> None:
    """
    Milliseconds or seconds, one column or two, decimal points or commas: the same three intervals, on the file's day.
    """
    (found,) = readings(beat_file.findings(content, name, "me", ZoneInfo("Pacific/Auckland")))

    assert sort_of(name, content) == "beats"
    assert (found["rrIntervals"], found["source"]) == ([812.0, 799.0, 804.0], source)
    assert found["start"] == "2026-11-20T07:05:12+13:00"


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("beats.txt", b"812\n799\n", "neither its name nor its heading says when it began"),
        (ELITE, b"81200\n79900\n", "its numbers are neither milliseconds nor seconds between beats"),
        (ELITE, b"812\n", "its numbers are neither milliseconds nor seconds between beats"),
        ("2026-13-45 07-05-12.txt", b"812\n799\n", "neither its name nor its heading says when it began"),
    ],
)
def test_beats_that_nobody_can_place_are_named(name: str, content: bytes, reason: str) -> None:
    """
    Without a start, or with numbers that are no intervals, nothing is guessed.
    """
    (skipped,) = beat_file.findings(content, name, "me")

    assert (skipped, reason, name) == (
        Skipped("a file of beats"),
        getattr(skipped, "reason", ""),
        getattr(skipped, "place", ""),
    )


def test_a_session_of_polar_flow_is_on_its_own_clock() -> None:
    """
    Its offset is in minutes; what has no confirmed unit is named.
    """
    found = list(polar_flow.findings(ff.written(ff.polar_session()), "me"))
    (workout,) = readings(iter(found), "workout")

    assert (workout["start"], workout["durationMinutes"], workout["averageBpm"]) == (
        "2026-11-18T17:00:00+01:00",
        59.008,
        148.0,
    )
    assert [each["values"] for each in readings(iter(found), "samples")] == [[101]]
    assert [each.what for each in found if isinstance(each, Skipped)] == ["samples: speed"]


def test_nights_and_days_of_garmins_account_are_on_the_day_that_it_names() -> None:
    """
    `calendarDate` decides, and the day's own resting rate goes before the mean of a week.
    """
    (night,) = readings(garmin_export.nights(ff.written([ff.garmin_night(remSleepSeconds=None)]), "me"))
    activity, resting = readings(garmin_export.days(ff.written([ff.garmin_day()]), "me"))

    assert (night["date"], night["durationMinutes"], night["stages"], night["qualityScore"]) == (
        "2026-11-20",
        330.0,
        {"awake": 10.0, "light": 240.0, "deep": 90.0},
        84.0,
    )
    assert (activity["steps"], resting["bpm"], resting["date"]) == (9000.0, 50.0, "2026-11-19")


@pytest.mark.parametrize(
    ("name", "head", "sort"),
    [
        ("a", b"\x0e\x20\x00\x00\x00\x00\x00\x00.FIT", "fit"),
        ("a.fit", b"junk", "fit"),
        ("a.xml", b'<?xml version="1.0"?>\n<!DOCTYPE HealthData [\n<!ELEMENT x>', "apple-health"),
        ("a", SOUND["tcx"], "tcx"),
        ("a", SOUND["gpx"], "gpx"),
        ("a.json", b'{"data" : {"metrics": []}}', "health-auto-export"),
        ("x/training-session-2026-1.json", b"{}", "polar-flow"),
        ("x/2026_1_sleepData.json", b"[]", "garmin-sleep"),
        ("x/UDSFile_2026.json", b"[]", "garmin-days"),
        ("x/profile.json", b"{}", None),
        ("readme.txt", b"Dear athlete,\n812\n", None),
        ("a.csv", b"date,weight\n2026-11-20,70\n", None),
        ("a.pdf", b"%PDF", None),
        ("a", b"", None),
    ],
)
def test_a_file_is_known_by_its_content(name: str, head: bytes, sort: str | None) -> None:
    """
    The content decides; the name does where vendors' JSON looks alike, and for numbers in a text.
    """
    assert sort == sort_of(name, head)


def test_what_accompanies_an_export_is_no_import_of_its_own() -> None:
    """
    Routes of an Apple export are of workouts that it holds, and Strava's table is of its files.
    """
    assert beside("e.zip/apple_health_export/workout-routes/route_1.gpx")
    assert beside("strava.zip/activities.csv")
    assert beside("a/routes/ride.gpx") is None


def test_hostile_xml_is_refused() -> None:
    """
    Entities are what a small file becomes large by: the document type is refused, unread.
    """
    bomb = b'<!DOCTYPE gpx [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><gpx><trk>&b;</trk></gpx>'

    with pytest.raises(UnreadableFile, match="document type"):
        list(gpx.findings(bomb, "me"))


def test_what_stands_before_the_damage_is_kept() -> None:
    """
    A file that was cut off gives the points in front of the end, and its damage is named.
    """
    kept: list[Finding] = []
    with pytest.raises(UnreadableFile, match="line 2"):  # what was yielded before the error counts
        for each in tcx.findings(SOUND["tcx"][:-200], "me"):
            kept.append(each)  # noqa: PERF402

    assert {each["code"] for each in readings(iter(kept))} == {"heart_rate", "altitude", "speed", "power"}


@given(st.data())
def test_a_broken_item_changes_nothing_about_the_others(data: st.DataObject) -> None:
    """
    A point, a beat, a night or a day that is none: all others are as without it.
    """
    value = data.draw(st.sampled_from(["", "x", "NaN", "1e999", "-", "2026-13-01T00:00:00Z", "9" * 50]))
    anything: Any = data.draw(broken_values)
    pairs: dict[str, tuple[bytes, bytes]] = {
        "tcx": (
            ff.tcx(ff.tcx_lap(ff.tcx_point(), ff.tcx_point(value))),
            ff.tcx(ff.tcx_lap(ff.tcx_point())),
        ),
        "gpx": (ff.gpx(ff.gpx_point(value), ff.gpx_point()), ff.gpx(ff.gpx_point())),
        "beats": (f"812\n{value if not value.isdigit() else 'x'}\n799\n".encode(), b"812\n799\n"),
        "nights": (ff.written([ff.garmin_night(calendarDate=anything), anything, ff.garmin_night()]), SOUND["nights"]),
        "days": (ff.written([anything, ff.garmin_day(calendarDate=anything), ff.garmin_day()]), SOUND["days"]),
        "polar": (ff.written([anything, ff.polar_session(startTime=anything), ff.polar_session()]), SOUND["polar"]),
    }
    name = data.draw(st.sampled_from(sorted(pairs)))
    broken, without = pairs[name]
    found = readings(READERS[name](broken))

    assert [each for each in readings(READERS[name](without)) if each not in found] == []
