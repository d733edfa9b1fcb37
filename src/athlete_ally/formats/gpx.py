"""GPX files: tracks with times, as workouts and series.

Format: https://www.topografix.com/GPX/1/1/, heart rate and cadence as in Garmin's
https://www8.garmin.com/xmlschemas/TrackPointExtensionv2.xsd, power as Strava writes it. Times are UTC.
"""

from collections.abc import Iterator
from datetime import tzinfo

from athlete_ally.core.errors import UnreadableFile
from athlete_ally.formats.iso_time import instant
from athlete_ally.formats.label import lower_label
from athlete_ally.formats.parse_result import Finding, Skipped
from athlete_ally.formats.track import Track, Values
from athlete_ally.formats.xml_values import Element, add_numbers, child, ended, number, text

SOURCE = "gpx"
_NAMES = frozenset({"trkpt", "trk", "wpt", "rtept"})
_EXTENSIONS = {
    "hr": ("heart_rate", "/min"),
    "heartrate": ("heart_rate", "/min"),
    "cad": ("cadence", "/min"),
    "cadence": ("cadence", "/min"),
    "power": ("power", "W"),
    "PowerInWatts": ("power", "W"),
    "speed": ("speed", "m/s"),
}


def findings(content: bytes, user_id: str, zone: tzinfo | None = None) -> Iterator[Finding]:
    """Yield workouts and series, and what is left out; local days are those of `zone`, or UTC's.

    Raises:
        UnreadableFile: it is no well-formed XML; the points in front of the damage are yielded.
    """
    track, number_of_point = Track(user_id, SOURCE, zone), 0
    try:
        for element in ended(content, _NAMES):
            match element.tag:
                case "trkpt":
                    number_of_point += 1
                    at = instant(text(element, "time"))
                    if at is None:
                        yield Skipped("trkpt", "its time is none", f"trkpt {number_of_point}")
                    else:
                        track.add(at, _values_of(element))
                case "trk":
                    workout = track.workout([], {"sport": lower_label(text(element, "type"), "other")})
                    yield workout or Skipped("trk", "no point of it has a time: a route is no workout")
                    yield from track.series()
                    track = Track(user_id, SOURCE, zone)
                case place:
                    yield Skipped(place)
            element.clear()
    except UnreadableFile:
        yield from track.series()
        raise


def _values_of(element: Element) -> Values:
    values: Values = []
    if (altitude := number(element, "ele")) is not None:
        values.append(("altitude", "m", altitude))
    extensions = child(element, "extensions")
    add_numbers(values, () if extensions is None else extensions.iter(), _EXTENSIONS)
    return values
