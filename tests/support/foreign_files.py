"""Small files in the shapes that other programs write: TCX, GPX, beats, account exports."""

import gzip
import io
import json
import zipfile
from typing import Any

TCX_NAMESPACE = "http://www.garmin.com/xmlschemas/TrainingCenterDatabase/v2"
EXTENSION = "http://www.garmin.com/xmlschemas/ActivityExtension/v2"


def tcx_point(at: str = "2026-11-18T16:00:00Z", bpm: str = "120", watts: str = "200") -> str:
    """Return a point, as Garmin and Strava write it."""
    return (
        f"<Trackpoint><Time>{at}</Time><AltitudeMeters>12.5</AltitudeMeters>"
        f"<HeartRateBpm><Value>{bpm}</Value></HeartRateBpm>"
        f'<Extensions><ns3:TPX xmlns:ns3="{EXTENSION}"><ns3:Speed>2.5</ns3:Speed><ns3:Watts>{watts}</ns3:Watts>'
        "</ns3:TPX></Extensions></Trackpoint>"
    )


def tcx_lap(*points: str, start: str = "2026-11-18T16:00:00.000Z", seconds: str = "600", bpm: str = "140") -> str:
    """Return a lap of two kilometres."""
    return (
        f'<Lap StartTime="{start}"><TotalTimeSeconds>{seconds}</TotalTimeSeconds><DistanceMeters>2000</DistanceMeters>'
        f"<Calories>120</Calories><AverageHeartRateBpm><Value>{bpm}</Value></AverageHeartRateBpm>"
        f"<MaximumHeartRateBpm><Value>171</Value></MaximumHeartRateBpm><Track>{''.join(points)}</Track></Lap>"
    )


def tcx(*laps: str, sport: str = "Running") -> bytes:
    """Return a file with an activity; Strava sets spaces in front of the declaration."""
    return (
        '          <?xml version="1.0" encoding="UTF-8"?>\n'
        f'<TrainingCenterDatabase xmlns="{TCX_NAMESPACE}"><Activities><Activity Sport="{sport}">'
        f"<Id>2026-11-18T16:00:00Z</Id>{''.join(laps)}"
        "<Creator><Name>Forerunner 255</Name></Creator></Activity></Activities></TrainingCenterDatabase>"
    ).encode()


def gpx_point(at: str | None = "2026-11-18T16:00:00Z", bpm: str = "130") -> str:
    """Return a point with the heart rate as Garmin extends it, and the power as Strava does."""
    time = "" if at is None else f"<time>{at}</time>"
    return (
        f'<trkpt lat="52.5" lon="13.4"><ele>34.5</ele>{time}<extensions><power>210</power>'
        f"<gpxtpx:TrackPointExtension><gpxtpx:hr>{bpm}</gpxtpx:hr><gpxtpx:cad>85</gpxtpx:cad>"
        "</gpxtpx:TrackPointExtension></extensions></trkpt>"
    )


def gpx(*points: str, sport: str = "running") -> bytes:
    """Return a file with a track."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?><gpx creator="StravaGPX" version="1.1" '
        'xmlns="http://www.topografix.com/GPX/1/1" '
        'xmlns:gpxtpx="http://www.garmin.com/xmlschemas/TrackPointExtension/v1"><metadata/>'
        f"<trk><name>My street</name><type>{sport}</type><trkseg>{''.join(points)}</trkseg></trk></gpx>"
    ).encode()


def polar_session(**its: Any) -> dict[str, Any]:
    """Return a training session of an account export of Polar Flow."""
    exercise = {
        "startTime": "2026-11-18T17:00:00.000",
        "stopTime": "2026-11-18T18:00:00.000",
        "timezoneOffset": 60,
        "duration": "PT3540.5S",
        "distance": 10_120.0,
        "sport": "RUNNING",
        "kiloCalories": 612,
        "heartRate": {"min": 90, "avg": 148, "max": 176},
        "samples": {
            "heartRate": [{"dateTime": "2026-11-18T17:00:01.000", "value": 101}, {"dateTime": "x", "value": 1}],
            "speed": [{"dateTime": "2026-11-18T17:00:01.000", "value": 10.1}],
        },
    }
    return {"exportVersion": "1.6", "name": "My street", "exercises": [exercise | its]}


def garmin_night(**its: Any) -> dict[str, Any]:
    """Return a night of an account export of Garmin."""
    return {
        "sleepStartTimestampGMT": "2026-11-19T22:31:00.0",
        "sleepEndTimestampGMT": "2026-11-20T06:10:00.0",
        "calendarDate": "2026-11-20",
        "deepSleepSeconds": 5400,
        "lightSleepSeconds": 14_400,
        "remSleepSeconds": 5400,
        "awakeSleepSeconds": 600,
        "sleepScores": {"overallScore": 84},
    } | its


def garmin_day(**its: Any) -> dict[str, Any]:
    """Return a day of an account export of Garmin."""
    day = {"calendarDate": "2026-11-19", "totalSteps": 9000, "activeKilocalories": 512, "restingHeartRate": 52}
    return day | {"currentDayRestingHeartRate": 50} | its


def strava_zip(fit: bytes) -> bytes:
    """Return an account export of Strava with one activity of each format."""
    return _zipped(
        {
            "activities.csv": b"Activity ID,Activity Date\n1,2026\n",
            "activities/1.fit.gz": gzip.compress(fit),
            "activities/2.tcx.gz": gzip.compress(
                tcx(tcx_lap(tcx_point("2026-11-16T16:00:00Z"), start="2026-11-16T16:00:00Z"))
            ),
            "activities/3.gpx": gpx(gpx_point("2026-11-15T16:00:00Z")),
        }
    )


def garmin_zip(fit: bytes) -> bytes:
    """Return an account export of Garmin: FIT files stand in archives of their own."""
    return _zipped(
        {
            "DI_CONNECT/DI-Connect-Uploaded-Files/UploadedFiles_0-_Part1.zip": _zipped({"me_1.fit": fit}),
            "DI_CONNECT/DI-Connect-Wellness/2026_me_sleepData.json": written([garmin_night()]),
            "DI_CONNECT/DI-Connect-Aggregator/UDSFile_2026.json": written([garmin_day()]),
            "customer_data/customer.json": b"{}",
        }
    )


def polar_zip() -> bytes:
    """Return an account export of Polar Flow."""
    return _zipped({"training-session-2026-11-18-1-2.json": written(polar_session()), "account-data-1.json": b"{}"})


def _zipped(members: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, member in members.items():
            packed.writestr(name, member)
    return content.getvalue()


def written(document: Any) -> bytes:
    """Return a document as JSON."""
    return json.dumps(document).encode()
