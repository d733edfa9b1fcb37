"""Workouts in an Apple Health export: what the element says, and the elements and activities inside of it.

From iOS 16 on an export repeats each part of a workout as a `WorkoutActivity` with statistics of its own: an interval,
or a leg of a triathlon (https://developer.apple.com/documentation/healthkit/hkworkoutactivity). The workout's own
statistics stand beside them. The document type of an export gives an activity times and a `uuid`, but no sport.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from athlete_ally.core.errors import InvalidMessage
from athlete_ally.formats.apple_values import QUANTITY, Attributes, label, number
from athlete_ally.formats.apple_xml import Element
from athlete_ally.formats.units import converted

_STATISTICS = "WorkoutStatistics"
_TYPE = "HKWorkoutActivityType"
# https://developer.apple.com/documentation/healthkit/hkworkoutactivitytype
_MULTISPORT = {"swim bike run"}
_TOTALS = (("totalEnergyBurned", "energyKcal", "kcal"), ("totalDistance", "distanceMeters", "m"))
# What the distance of a leg tells of its sport.
_SPORT_OF_DISTANCE = {
    "DistanceSwimming": "swimming",
    "DistanceCycling": "cycling",
    "DistanceWalkingRunning": "running",
    "DistanceRowing": "rowing",
    "DistancePaddleSports": "paddle sports",
    "DistanceCrossCountrySkiing": "cross country skiing",
}


@dataclass(slots=True)
class WorkoutParts:
    """The fields of a workout, but for person and times, and the details that can't be understood."""

    fields: dict[str, Any]
    left_out: list[str] = field(default_factory=list[str])


def workout_of(entry: Element) -> WorkoutParts:
    """Return what a workout says of itself; a detail that can't be understood is left out, and named.

    Raises:
        KeyError: it has no sport.
    """
    sport = _sport(entry.attributes["workoutActivityType"])
    parts = WorkoutParts({"sport": sport, "context": "multisport" if sport in _MULTISPORT else "workout"})
    _take_totals(parts, entry)
    # A workout without statistics of its own whose one activity is all of it.
    if len(entry.activities) == 1 and parts.fields["context"] == "workout":
        inside = WorkoutParts({})
        _take_totals(inside, entry.activities[0])
        parts.fields = inside.fields | parts.fields
    return parts


def legs_of(entry: Element) -> Iterator[tuple[Element, WorkoutParts | None]]:
    """Yield the legs of a multisport workout; None where nothing tells the sport (a transition)."""
    if _sport(entry.attributes.get("workoutActivityType", "")) not in _MULTISPORT:
        return
    for activity in entry.activities:
        sorts = [its.get("type", "").removeprefix(QUANTITY) for name, its in activity.children if name == _STATISTICS]
        sport = next((_SPORT_OF_DISTANCE[sort] for sort in sorts if sort in _SPORT_OF_DISTANCE), None)
        if sport is None:
            yield activity, None
            continue
        leg = WorkoutParts({"sport": sport, "context": "workout"})
        if uuid := activity.attributes.get("uuid"):
            leg.fields["sessionId"] = label(uuid)
        _take_totals(leg, activity)
        yield activity, leg


def _take_totals(parts: WorkoutParts, entry: Element) -> None:
    its = entry.attributes
    if "duration" in its:
        minutes = partial(_converted, its["duration"], its.get("durationUnit", "min"), "min")
        _take(parts, "duration", lambda: {"durationMinutes": minutes()})
    distances_m: list[float] = []
    for name, each in entry.children:
        if name == "MetadataEntry" and each.get("key") == "HKElevationAscended":
            _take(parts, "HKElevationAscended", partial(_ascent, each))
        elif name == _STATISTICS:
            sort = each.get("type", "").removeprefix(QUANTITY)
            _take(parts, sort, partial(_statistics, sort, each, distances_m))
    if distances_m:
        # Legs of different sports add up; a run whose cycling distance is counted too is a run.
        is_multisport = parts.fields.get("context") == "multisport"
        parts.fields["distanceMeters"] = round(sum(distances_m), 4) if is_multisport else max(distances_m)
    for total, name, unit in _TOTALS:
        if total in its and name not in parts.fields:
            _take(parts, total, partial(_total, its, total, name, unit))


def _take(parts: WorkoutParts, what: str, read: Callable[[], dict[str, float]]) -> None:
    try:
        parts.fields |= read()
    except (InvalidMessage, KeyError, ValueError, OverflowError):
        parts.left_out.append(what)


def _total(its: Attributes, total: str, name: str, unit: str) -> dict[str, float]:
    return {name: _converted(its[total], its[f"{total}Unit"], unit)}


def _converted(text: str, unit: str, wanted: str) -> float:
    return converted(number(text), unit, wanted)


def _sport(activity_type: str) -> str:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", activity_type.removeprefix(_TYPE))
    return label(words.lower()) or "other"


def _ascent(its: Attributes) -> dict[str, float]:
    value, _, unit = its["value"].partition(" ")
    return {"ascentMeters": _converted(value, unit, "m")}


def _statistics(sort: str, its: Attributes, distances_m: list[float]) -> dict[str, float]:
    """Return what the statistics of one type say, as fields of the reading; distances are kept for their sum."""
    if sort == "HeartRate":
        fields = {"average": "averageBpm", "maximum": "maxBpm"}
        return {name: _converted(its[a], its["unit"], "/min") for a, name in fields.items() if a in its}
    if sort == "ActiveEnergyBurned" and "sum" in its:
        return {"energyKcal": _converted(its["sum"], its["unit"], "kcal")}
    if sort.startswith("Distance") and "sum" in its:
        distances_m.append(_converted(its["sum"], its["unit"], "m"))
    return {}
