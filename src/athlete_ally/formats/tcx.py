"""TCX files: workouts with their laps and points.

Format: https://www8.garmin.com/xmlschemas/TrainingCenterDatabasev2.xsd, and for speed, power and cadence of runs
https://www8.garmin.com/xmlschemas/ActivityExtensionv2.xsd. Times are UTC.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any

from athlete_ally.core.errors import UnreadableFile
from athlete_ally.formats.iso_time import instant
from athlete_ally.formats.label import lower_label
from athlete_ally.formats.parse_result import Finding, Skipped
from athlete_ally.formats.track import Track, Values
from athlete_ally.formats.xml_values import Element, add_numbers, child, ended, number, text

SOURCE = "tcx"
_NAMES = frozenset({"Trackpoint", "Lap", "Activity"})
# Code and unit, and where it stands in a point.
_POINTS = (
    ("heart_rate", "/min", ("HeartRateBpm", "Value")),
    ("altitude", "m", ("AltitudeMeters",)),
    ("cadence", "/min", ("Cadence",)),
)
_EXTENSIONS = {"Speed": ("speed", "m/s"), "Watts": ("power", "W"), "RunCadence": ("cadence", "/min")}
_NO_TIME = "its time is none"


def findings(content: bytes, user_id: str, zone: tzinfo | None = None) -> Iterator[Finding]:
    """Yield workouts and series, and what is left out; local days are those of `zone`, or UTC's.

    Raises:
        UnreadableFile: it is no well-formed XML; the points in front of the damage are yielded.
    """
    file = _File(user_id, zone)
    try:
        for element in ended(content, _NAMES):
            yield from file.take(element)
    except UnreadableFile:
        yield from file.track.series()
        raise


@dataclass(frozen=True, slots=True)
class _Lap:
    start: datetime | None
    lasts_s: float
    distance_m: float
    energy_kcal: float
    average_bpm: float | None
    max_bpm: float | None


class _File:
    def __init__(self, user_id: str, zone: tzinfo | None) -> None:
        self._user_id, self._zone = user_id, zone
        self._number = 0
        self._begin()

    def take(self, element: Element) -> Iterator[Finding]:
        """Take an element that has ended; its parts are in it, but those that were taken before."""
        match element.tag:
            case "Trackpoint":
                yield from self._point(element)
            case "Lap":
                self._laps.append(_lap_of(element))
            case _:
                yield from self._activity(element)
        element.clear()

    def _begin(self) -> None:
        self.track = Track(self._user_id, SOURCE, self._zone)
        self._laps: list[_Lap] = []

    def _point(self, element: Element) -> Iterator[Finding]:
        self._number += 1
        at = instant(text(element, "Time"))
        if at is None:
            yield Skipped("Trackpoint", _NO_TIME, f"Trackpoint {self._number}")
        else:
            self.track.add(at, _values_of(element))

    def _activity(self, element: Element) -> Iterator[Finding]:
        device = text(element, "Creator", "Name")
        self.track.device = None if device is None else "".join(each for each in device if each.isprintable())[:128]
        begins = [each.start for each in self._laps if each.start is not None]
        ends = [each.start + timedelta(seconds=each.lasts_s) for each in self._laps if each.start is not None]
        workout = self.track.workout(
            [*begins, *ends], {"sport": lower_label(element.get("Sport"), "other"), **self._totals()}
        )
        yield workout or Skipped("Activity", "neither a lap nor a point has a time")
        yield from self.track.series()
        self._begin()

    def _totals(self) -> dict[str, Any]:
        laps = self._laps
        weighted = [(each.average_bpm, each.lasts_s) for each in laps if each.average_bpm and each.lasts_s]
        lasts_s = sum(each for _, each in weighted)
        return {
            "durationMinutes": round(sum(each.lasts_s for each in laps) / 60, 3),
            "distanceMeters": round(sum(each.distance_m for each in laps), 3),
            "energyKcal": sum(each.energy_kcal for each in laps),
            "averageBpm": round(sum(bpm * each for bpm, each in weighted) / lasts_s, 1) if lasts_s else None,
            "maxBpm": max((each.max_bpm for each in laps if each.max_bpm), default=None),
        }


def _lap_of(element: Element) -> _Lap:
    return _Lap(
        start=instant(element.get("StartTime")),
        # Longer than a year is no lap, and no time that a calendar can add.
        lasts_s=min(max(number(element, "TotalTimeSeconds") or 0.0, 0.0), 366 * 86_400.0),
        distance_m=max(number(element, "DistanceMeters") or 0.0, 0.0),
        energy_kcal=max(number(element, "Calories") or 0.0, 0.0),
        average_bpm=number(element, "AverageHeartRateBpm", "Value"),
        max_bpm=number(element, "MaximumHeartRateBpm", "Value"),
    )


def _values_of(element: Element) -> Values:
    values: Values = []
    for code, unit, path in _POINTS:
        if (value := number(element, *path)) is not None:
            values.append((code, unit, value))
    extensions = child(element, "Extensions", "TPX")
    add_numbers(values, () if extensions is None else extensions, _EXTENSIONS)
    return values
