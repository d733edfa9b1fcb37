"""FIT files as devices write them: each shape was seen in a public file, and is made here byte by byte."""

import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.exports import ENUM, UINT8, UINT16, UINT32, chained, fit_file

from athlete_ally.adapters.files.fit_file import decoded
from athlete_ally.core.errors import UnreadableFile
from athlete_ally.formats.fit import findings
from athlete_ally.formats.parse_result import NO_KIND, Damaged, Finding, Found, Skipped

START = 1_163_952_000
AN_HOUR = 3600
FILE_ID, SESSION, RECORD, EVENT, WEIGHT, ACTIVITY, HRV, HR, DESCRIPTION, APP = 0, 18, 20, 21, 30, 34, 78, 132, 206, 207
GARMIN, COROS, WAHOO = 1, 294, 32
Message = tuple[int, list[Any]]


def file_id(maker: int = GARMIN, at: int = START) -> Message:
    """Return the message that a file begins with."""
    return (FILE_ID, [(0, ENUM, 4), (1, UINT16, maker), (4, UINT32, at)])


def point(at: int, bpm: int = 120) -> Message:
    """Return a record with a heart rate."""
    return (RECORD, [(253, UINT32, at), (3, UINT8, bpm)])


def session(start: int | None = START, *, elapsed_s: int = AN_HOUR, sport: int = 1, end: int | None = None) -> Message:
    """Return a session; without its start where that is None."""
    end = (start or START) + elapsed_s if end is None else end
    begins = [] if start is None else [(2, UINT32, start)]
    return (SESSION, [(253, UINT32, end), *begins, (7, UINT32, elapsed_s * 1000), (5, ENUM, sport)])


def beats(*ms: int) -> list[Message]:
    """Return a message for each interval."""
    return [(HRV, [(0, UINT16, each)]) for each in ms]


def offset(hours: int, at: int = START) -> Message:
    """Return the message that states how far local time is ahead."""
    return (ACTIVITY, [(253, UINT32, at), (5, UINT32, at + hours * 3600)])


def read(content: bytes) -> list[Finding]:
    """Return what is found in a file."""
    return list(findings(decoded(content, "file.fit"), "me"))


def of(kind: str, found: list[Finding]) -> list[dict[str, Any]]:
    """Return the readings of a kind."""
    return [each.reading for each in found if isinstance(each, Found) and each.kind == kind]


def left_out(found: list[Finding]) -> list[str]:
    """Return the sorts of what was left out."""
    return [each.what for each in found if isinstance(each, Skipped)]


RUN = [file_id(), point(START), point(START + 1, 121), *beats(500, 510, 505), session(), offset(1)]


def test_a_field_of_a_wrong_size_costs_itself() -> None:
    """
    An event whose 32-bit field has one byte, as Coros writes it (dtcooper/python-fitparse,
    coros-pace-2-cycling-misaligned-fields.fit): all else is read, as Garmin's SDK reads it.
    """
    one_byte_for_four = ("B", UINT32[1])
    found = read(fit_file([*RUN[:2], (EVENT, [(253, UINT32, START), (3, one_byte_for_four, 7)]), *RUN[2:]]))

    assert found == read(fit_file(RUN))


def test_bytes_behind_the_checksum_are_said_and_cost_nothing() -> None:
    """
    Garmin's Forerunner 255 writes some: they are no next file.
    """
    found = read(fit_file(RUN) + b"\x00" * 37)

    assert left_out(found) == ["bytes behind the checksum"]
    assert [each for each in found if isinstance(each, Found)] == read(fit_file(RUN))


def test_what_stands_in_front_of_a_cut_is_read() -> None:
    """
    A copy that ended early, at any byte behind the header: nothing that is there is lost or changed, and what is
    missing is said.
    """
    whole = fit_file(RUN)
    points = [120, 121]
    for end in range(14, len(whole)):
        found = read(whole[:end])
        rates = [rate for each in of("samples", found) for rate in each["values"]]
        assert rates == points[: len(rates)]
        assert of("workout", found) in ([], of("workout", read(whole)), of("workout", read(fit_file(RUN[:-1]))))
        assert [each.name for each in found if isinstance(each, Damaged)] == ["file.fit"]
    assert of("workout", read(whole[:-1])) == of("workout", read(whole))
    assert of("samples", read(whole[: len(whole) // 2])) == of("samples", read(whole))


def test_a_recording_that_was_never_ended_is_read() -> None:
    """
    A device that ran out of power left 0 as length and no checksum; Garmin's SDK reads such a file to its end.
    """
    whole = fit_file(RUN)
    found = read(whole[:4] + bytes(4) + whole[8:-2])

    assert [each for each in found if isinstance(each, Found)] == read(whole)
    assert left_out(found) == ["the rest of a file"]


def test_a_length_that_is_wrong_is_no_cut() -> None:
    """
    The checksum of the header tells that its length is not what the device wrote.
    """
    whole = fit_file(RUN)
    with pytest.raises(UnreadableFile):
        read(whole[:5] + b"\x7f" + whole[6:])


def test_files_of_a_chain_keep_their_maker_and_offset() -> None:
    """
    https://developer.garmin.com/fit/protocol/ (chained FIT files): each is read like a file of its own.
    """
    other = [file_id(WAHOO, START + 7200), point(START + 7200), session(START + 7200, sport=2), offset(9, START + 7200)]
    both = read(chained(fit_file(RUN), fit_file(other)))

    assert both == read(fit_file(RUN)) + read(fit_file(other))
    assert [(each["source"], each["start"][-6:]) for each in of("workout", both)] == [
        ("fit/garmin", "+01:00"),
        ("fit/wahoo_fitness", "+09:00"),
    ]


@pytest.mark.parametrize("bad", [0, 1, 2])
def test_a_damaged_file_of_a_chain_costs_itself(bad: int) -> None:
    """
    The checksum of one is wrong: the others are taken, and it is said where the damage is.
    """
    files = [fit_file([file_id(), session(START + number * 7200)]) for number in range(3)]
    files[bad] = files[bad][:20] + bytes([files[bad][20] ^ 0x10]) + files[bad][21:]
    found = read(chained(*files))

    assert (len(of("workout", found)), left_out(found)) == (2, ["a file of a chain"])


def test_sessions_may_stand_in_any_order() -> None:
    """
    Beats last from the start of the earliest session to the end of the last, however they are sorted in the file.
    """
    later, earlier = session(START + 7200), session(START)
    (found,) = of("hrv", read(fit_file([file_id(), *beats(500, 510), later, earlier])))

    assert (found["start"], found["end"]) == ("2026-11-18T16:00:00+00:00", "2026-11-18T19:00:00+00:00")


def test_without_a_session_beats_and_points_stay() -> None:
    """
    A recording that was cut off has no session: nothing is lost but the workout, and that is said.
    """
    found = read(fit_file([file_id(), point(START), point(START + 9, 121), *beats(500, 510, 505)]))

    assert (len(of("samples", found)), of("workout", found), len(of("hrv", found))) == (1, [], 1)
    assert of("hrv", found)[0]["start"] == "2026-11-18T16:00:00+00:00"
    assert left_out(found) == ["a file without a session message"]


def test_without_a_start_a_session_begins_when_its_time_says() -> None:
    """
    End and duration are enough (muktihari/fit, TestEncode.fit; sports-alliance/sports-lib, broken-dates.fit).
    """
    (workout,) = of("workout", read(fit_file([file_id(), session(None, end=START + AN_HOUR)])))

    assert (workout["start"], workout["end"]) == ("2026-11-18T16:00:00+00:00", "2026-11-18T17:00:00+00:00")


@pytest.mark.parametrize("at", [1000, 0x10000000 - 1, 0x10000000])
def test_times_of_a_clock_that_was_not_set_cost_themselves(at: int) -> None:
    """
    Seconds since power-up (antfs-dump.63.fit, compressed-speed-distance.fit), and dates of 1998, are no instants.
    """
    sick: list[Message] = [point(at), session(at)]
    found = read(fit_file([*RUN, *sick]))

    assert [each for each in found if isinstance(each, Found)] == read(fit_file(RUN))
    assert sorted(left_out(found)) == ["record without a date", "session without a date"]
    assert of("workout", read(fit_file([file_id(), *sick]))) == []


def test_a_gap_and_artefacts_lose_no_beats() -> None:
    """
    A strap that slips: the recording stays whole, and is one reading.
    """
    ms = [500, 510, 505, 498, 40_000, 503, 507, 500]
    (found,) = of("hrv", read(fit_file([file_id(), *beats(*ms), session()])))

    assert found["rrIntervals"] == [float(each) for each in ms]


def test_a_long_recording_is_several_readings_that_follow_each_other() -> None:
    """
    More beats than a message holds are parted, none twice, and each part begins where the one before it ends.
    """
    found = of("hrv", read(fit_file([file_id(), *beats(*[500] * 100_001), session(elapsed_s=60_000)])))

    assert [len(each["rrIntervals"]) for each in found] == [50_000, 50_000]
    assert [each["start"][11:19] for each in found] == ["16:00:00", "22:56:40"]


def test_heart_rates_that_a_strap_sends_after_a_swim_are_points() -> None:
    """
    `hr` messages count in 1/1024 s from an instant that one of them states, later ones in twelve bits.
    """
    many = ("3B", 0x0D)
    three_of_twelve_bits = (0x400 + 0x400 & 0xFFF, 0x800 + 0x400)
    first, second = three_of_twelve_bits
    packed = bytes([first & 0xFF, first >> 8 | (second & 0xF) << 4, second >> 4])
    found = read(
        fit_file(
            [
                file_id(),
                (HR, [(253, UINT32, START), (9, UINT32, 0x400), (6, UINT8, 100)]),
                (HR, [(10, many, tuple(packed)), (6, ("2B", UINT8[1]), (101, 102))]),
                session(sport=5),
            ]
        )
    )
    (run,) = of("samples", found)

    assert (run["code"], run["values"], run["offsetsSeconds"]) == ("heart_rate", [100, 101, 102], [0, 1, 2])
    assert left_out(read(fit_file([file_id(), (HR, [(6, UINT8, 100)]), session()]))) == ["hr without a date"]


def test_a_field_of_an_app_stands_for_the_one_it_names() -> None:
    """
    Stryd's power is a developer field with the number of the native one
    (https://developer.garmin.com/fit/cookbook/developer-data/); what the device itself wrote stays.
    """
    describing: list[Message] = [
        (APP, [(3, UINT8, 0)]),
        (DESCRIPTION, [(0, UINT8, 0), (1, UINT8, 0), (2, UINT8, UINT16[1]), (15, UINT8, 7)]),
    ]
    plain = fit_file([file_id(), *describing])
    record = struct.pack("<BBBHB", 0x61, 0, 0, RECORD, 1) + bytes([253, 4, UINT32[1], 1, 0, 2, 0])
    value = b"\x01" + struct.pack("<IH", START, 245)
    found = read(chained(plain, extra=record + value))

    assert [(each["code"], each["values"]) for each in of("samples", found)] == [("power", [245])]


def test_a_day_of_monitoring_is_points_and_a_resting_rate() -> None:
    """
    Heart rates state the last sixteen bits of their instant, also where these begin again; the local day is that of
    the offset which `monitoring_info` states; running totals are named.
    """
    info = (103, [(253, UINT32, START), (0, UINT32, START + 13 * AN_HOUR)])
    short = [(START + later) & 0xFFFF for later in (60, 60_000)]
    rates: list[Message] = [
        (55, [(26, UINT16, each), (27, UINT8, bpm)]) for each, bpm in zip(short, (61, 62), strict=True)
    ]
    steps = (55, [(26, UINT16, short[1]), (3, UINT32, 200)])
    resting: list[Message] = [
        (211, [(253, UINT32, START + later), (1, UINT8, bpm)]) for later, bpm in ((60, 52), (9, 55))
    ]
    found = read(fit_file([file_id(), info, *rates, steps, *resting]))

    assert [(each["start"], each["values"]) for each in of("samples", found)] == [
        ("2026-11-18T16:01:00+00:00", [61]),
        ("2026-11-19T08:40:00+00:00", [62]),
    ]
    assert [(each["date"], each["bpm"]) for each in of("resting_heart_rate", found)] == [("2026-11-19", 52.0)]
    assert left_out(found) == ["monitoring"]


def test_a_night_of_hrv_status_is_rmssd() -> None:
    """
    The night's average in 1/128 ms is one reading, its five minutes are points; the status and its baseline stay.
    """
    minutes: list[Message] = [(371, [(253, UINT32, START + 300 * at), (0, UINT16, (40 + at) * 128)]) for at in range(3)]
    status = (370, [(253, UINT32, START + 900), (0, UINT16, 50 * 128), (1, UINT16, 41 * 128 + 64), (6, ENUM, 4)])
    found = read(fit_file([file_id(), *minutes, status]))

    assert [(each["rmssd"], each["context"]) for each in of("hrv", found)] == [(41.5, "overnight")]
    assert [(each["code"], each["values"]) for each in of("samples", found)] == [("rmssd", [40, 41, 42])]


def test_saturation_on_demand_is_a_reading_and_all_night_are_points() -> None:
    """
    A spot check is known by its mode; respiration is in 1/100, and what is not above zero is no result.
    """
    saturations: list[Message] = [
        (269, [(253, UINT32, START + at), (0, UINT8, percent), (2, ENUM, mode)])
        for at, percent, mode in ((0, 97, 3), (9, 96, 1), (60, 95, 2))
    ]
    breaths: list[Message] = [
        (297, [(253, UINT32, START + at), (0, ("h", 0x83), raw)]) for at, raw in ((0, 1450), (60, -300))
    ]
    found = read(fit_file([file_id(), *saturations, *breaths]))

    assert [each["percent"] for each in of("spo2", found)] == [96.0]
    assert [(each["code"], each["values"]) for each in of("samples", found)] == [
        ("spo2", [97, 95]),
        ("respiratory_rate", [14.5]),
    ]


@pytest.mark.parametrize(
    ("number", "fields", "name"),
    [
        (227, [(0, ("h", 0x83), 25), (1, UINT32, START)], "stress_level"),
        (275, [(0, ENUM, 3)], "sleep_level without a date"),
        (346, [(6, UINT8, 80)], "sleep_assessment"),
    ],
)
def test_what_can_not_be_taken_is_named_by_its_name(number: int, fields: list[Any], name: str) -> None:
    """
    Scores of the vendor's own, and a stage at no instant, are counted with their reason.
    """
    (found,) = [each for each in read(fit_file([file_id(), (number, fields)])) if isinstance(each, Skipped)]

    assert (found.what, found.reason != NO_KIND, found.place) == (name, True, "message 2")


BED, LIGHT, DEEP, REM, AWAKE = START + 6 * AN_HOUR, 2, 3, 4, 1


def sleep_event(at: int, event_type: int = 0) -> Message:
    """Return the event that begins (0) or ends (1) a night."""
    return (EVENT, [(253, UINT32, at), (0, ENUM, 74), (1, ENUM, event_type)])


def levels(*until: tuple[int, int], start: int = BED) -> list[Message]:
    """Return `sleep_level` messages: minutes after the start of the night, at which a level ends, and the level."""
    return [(275, [(253, UINT32, start + 60 * minutes), (0, ENUM, level)]) for minutes, level in until]


NIGHT = [
    sleep_event(BED),
    *levels((30, AWAKE), (150, LIGHT), (200, DEEP), (290, REM), (420, LIGHT), (430, 0)),
    sleep_event(BED + 430 * 60, 1),
]


def test_a_night_of_sleep_levels_is_a_sleep() -> None:
    """
    Each level lasts from the end of the one before it, the first from event 74 (start), as in a watch's sleep file
    (Gadgetbridge, GarminActivitySampleProvider); what is unmeasurable is no stage; the local day is that of waking.
    """
    (night,) = of("sleep", read(fit_file([file_id(), offset(1), *NIGHT])))

    assert (night["start"], night["end"]) == ("2026-11-18T23:00:00+01:00", "2026-11-19T06:00:00+01:00")
    assert (night["date"], night["context"], night["durationMinutes"]) == ("2026-11-19", "overnight", 390.0)
    assert night["stages"] == {"awake": 30.0, "light": 250.0, "deep": 50.0, "rem": 90.0}


def test_two_nights_in_any_order_are_two() -> None:
    """
    A nap behind the night in one file, its messages in another order: both are as they are alone.
    """
    noon = BED + 14 * AN_HOUR
    nap = [sleep_event(noon), *levels((40, LIGHT), (60, DEEP), start=noon)]
    both = read(fit_file([file_id(), offset(1), *reversed(NIGHT), *nap]))
    alone = [read(fit_file([file_id(), offset(1), *each])) for each in (NIGHT, nap)]

    assert of("sleep", both) == [*of("sleep", alone[0]), *of("sleep", alone[1])]
    assert [each["context"] for each in of("sleep", both)] == ["overnight", "nap"]


@pytest.mark.parametrize("broken", [levels((30, LIGHT)), [sleep_event(BED), *levels((30, AWAKE), (60, 0))]])
def test_levels_that_make_no_night_are_counted(broken: list[Message]) -> None:
    """
    Without the event nothing says when the first level began, and being awake is no sleep: each is named.
    """
    found = read(fit_file([file_id(), *broken]))

    assert of("sleep", found) == []
    assert left_out(found) == ["sleep_level"] * sum(number == 275 for number, _ in broken)


def test_a_weighing_is_a_reading() -> None:
    """
    Scales write `weight_scale`: mass in hundredths of a kilogram, fat in hundredths of a per cent.
    """
    (found,) = of(
        "body", read(fit_file([file_id(), (WEIGHT, [(253, UINT32, START), (0, UINT16, 7140), (1, UINT16, 1520)])]))
    )

    assert (found["massKg"], found["fatPercent"]) == (71.4, 15.2)


def test_a_file_that_holds_nothing_for_us_is_told_from_a_damaged_one() -> None:
    """
    Settings are a sound file without readings.
    """
    assert read(fit_file([(FILE_ID, [(0, ENUM, 2)])])) == []
    with pytest.raises(UnreadableFile):
        read(b"")


raw_values = st.integers(0, 2**32 - 1)
types = st.sampled_from(
    [UINT8, UINT16, UINT32, ENUM, ("B", UINT32[1]), ("b", 0x01), ("f", 0x88), ("8B", 0x0D), ("B", 0x77)]
)


@st.composite
def broken(draw: st.DrawFn) -> Message:
    """Draw a message of a known number with any fields, sizes and values, no sound time among them."""
    number = draw(
        st.sampled_from([SESSION, RECORD, EVENT, WEIGHT, ACTIVITY, HRV, HR, DESCRIPTION, APP, 227, 51, 290, 65_280])
    )
    fields: list[Any] = []
    for field in draw(st.lists(st.integers(0, 252), max_size=6, unique=True)):
        form, base = draw(types)
        size = struct.calcsize(form)
        value = struct.unpack(f"<{form}", draw(st.binary(min_size=size, max_size=size)))
        fields.append((field, (form, base), value))
    return (number, fields)


@given(st.lists(st.tuples(st.integers(1, len(RUN)), broken()), max_size=5))
def test_whatever_else_stands_in_a_file_its_points_stay(inserted: list[tuple[int, Message]]) -> None:
    """
    Messages without sense between those of a run: nothing crashes, and each heart rate is found.
    """
    messages = list(RUN)
    for place, message in sorted(inserted, key=lambda each: -each[0]):
        messages.insert(place, message)
    found = read(fit_file(messages))
    rates = [rate for each in of("samples", found) if each["code"] == "heart_rate" for rate in each["values"]]

    assert {120, 121} <= set(rates)
    assert any(each["sport"] == "running" for each in of("workout", found))


@given(st.binary(max_size=400), st.integers(0, 3))
def test_any_bytes_between_header_and_checksum_are_read_or_said(data: bytes, definitions: int) -> None:
    """
    Whatever the data, with the right checksum: no crash.
    """
    start = fit_file(RUN[:definitions])
    assert isinstance(read(chained(start, extra=data) if definitions else chained(fit_file([]), extra=data)), list)


def test_importing_in_any_order_gives_the_same(tmp_path: Path) -> None:
    """
    The same file from disk twice gives the same readings, byte for byte.
    """
    (tmp_path / "run.fit").write_bytes(fit_file(RUN))
    content = (tmp_path / "run.fit").read_bytes()

    assert read(content) == read(content)
