"""What a FIT file becomes, from bytes on."""

from pathlib import Path

import msgspec
import pytest
from support.exports import ENUM, UINT8, UINT16, UINT32, fit_file

from athlete_ally.adapters.files.fit_file import messages
from athlete_ally.core.errors import UnreadableFile
from athlete_ally.formats.fit import findings
from athlete_ally.formats.parse_result import Found, Skipped
from athlete_ally.measurements import MEASUREMENTS

DECODERS = {measurement.kind: measurement.decoder for measurement in MEASUREMENTS}
# Seconds since 1989-12-31T00:00:00Z: https://developer.garmin.com/fit/protocol/
START = 1_163_952_000
AN_HOUR = 3600
FILE_ID, SESSION, RECORD, EVENT, ACTIVITY, HRV, STRESS = 0, 18, 20, 21, 34, 78, 227
RIDE = fit_file(
    [
        (FILE_ID, [(0, ENUM, 4), (1, UINT16, 1), (4, UINT32, START)]),
        (RECORD, [(253, UINT32, START), (3, UINT8, 120), (7, UINT16, 210), (6, UINT16, 8333)]),
        (RECORD, [(253, UINT32, START + 1), (3, UINT8, 121), (7, UINT16, 0), (6, UINT16, 8400)]),
        (RECORD, [(253, UINT32, START + 2), (3, UINT8, 255), (7, UINT16, 190), (6, UINT16, 0xFFFF)]),
        (HRV, [(0, UINT16, 512)]),
        (HRV, [(0, UINT16, 498)]),
        (STRESS, [(0, UINT16, 30), (1, UINT32, START)]),
        (
            SESSION,
            [
                *((253, UINT32, START + AN_HOUR), (2, UINT32, START), (7, UINT32, AN_HOUR * 1000)),
                *((8, UINT32, 3_300_000), (9, UINT32, 3_012_345), (5, ENUM, 2), (6, ENUM, 7)),
                *((11, UINT16, 830), (16, UINT8, 138), (17, UINT8, 171), (22, UINT16, 412)),
            ],
        ),
        (ACTIVITY, [(253, UINT32, START + AN_HOUR), (5, UINT32, START + 2 * AN_HOUR)]),
    ]
)


def test_a_ride_becomes_workout_beats_and_series(tmp_path: Path) -> None:
    """
    The session is a workout at local time; records are points, invalid values none; beats are one HRV reading; what no
    kind takes is named. Ingest takes all of it.
    """
    file = tmp_path / "ride.fit"
    file.write_bytes(RIDE)
    found = list(findings(messages(file), "me"))
    readings = [each for each in found if isinstance(each, Found)]
    problems = [
        problem
        for each in readings
        for problem in DECODERS[each.kind].decode_all([msgspec.Raw(msgspec.json.encode(each.reading))])[1]
    ]
    series = {each.reading["code"]: each.reading["values"] for each in readings if each.kind == "samples"}
    workout = next(each.reading for each in readings if each.kind == "workout")
    beats = next(each.reading for each in readings if each.kind == "hrv")

    assert (problems, [Skipped("stress_level")]) == ([], [each for each in found if isinstance(each, Skipped)])
    assert series == {"heart_rate": [120, 121], "power": [210, 0, 190], "speed": [8.333, 8.4]}
    assert workout == {
        "userId": "me",
        "source": "fit/garmin",
        "start": "2026-11-18T17:00:00+01:00",
        "end": "2026-11-18T18:00:00+01:00",
        "capturedAt": "2026-11-18T18:00:00+01:00",
        "sport": "cycling: road",
        "context": "workout",
        "durationMinutes": 55.0,
        "distanceMeters": 30123.45,
        "energyKcal": 830.0,
        "averageBpm": 138.0,
        "maxBpm": 171.0,
        "ascentMeters": 412.0,
    }
    assert beats["rrIntervals"] == [512.0, 498.0]


def test_a_changed_byte_never_passes(tmp_path: Path) -> None:
    """
    The checksum finds every changed byte behind the header, and the error says so.
    """
    file = tmp_path / "ride.fit"
    for place in range(14, len(RIDE)):
        file.write_bytes(RIDE[:place] + bytes([RIDE[place] ^ 0x10]) + RIDE[place + 1 :])
        with pytest.raises(UnreadableFile, match=r"ride\.fit is no FIT file, or damaged"):
            list(findings(messages(file), "me"))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", RIDE[:11], b"\x0e" * 200])
def test_what_is_no_fit_file_is_refused(tmp_path: Path, content: bytes) -> None:
    """
    Other files, and files that were cut off inside of their header, end in the same error.
    """
    file = tmp_path / "ride.fit"
    file.write_bytes(content)

    with pytest.raises(UnreadableFile, match=r"ride\.fit is no FIT file, or damaged"):
        list(findings(messages(file), "me"))
