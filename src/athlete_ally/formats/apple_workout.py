"""Workouts in an Apple Health export: what the element says, and the elements inside of it."""

import re
from typing import Any

from athlete_ally.formats.apple_values import QUANTITY, Attributes, label, number
from athlete_ally.formats.apple_xml import Element
from athlete_ally.formats.units import converted

_TOTALS = (("totalEnergyBurned", "energyKcal", "kcal"), ("totalDistance", "distanceMeters", "m"))


def workout_fields(entry: Element) -> dict[str, Any]:
    """Return the fields of a workout, but for person and times.

    Raises:
        InvalidMessage: a value or unit can't be understood.
    """
    its = entry.attributes
    fields: dict[str, Any] = {"sport": _sport(its["workoutActivityType"]), "context": "workout"}
    if "duration" in its:
        fields["durationMinutes"] = converted(number(its["duration"]), its.get("durationUnit", "min"), "min")
    for total, field, unit in _TOTALS:
        if total in its:
            fields[field] = converted(number(its[total]), its[f"{total}Unit"], unit)
    for name, each in entry.children:
        fields |= _detail(name, each)
    return fields


def _sport(activity_type: str) -> str:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", activity_type.removeprefix("HKWorkoutActivityType"))
    return label(words.lower()) or "other"


def _detail(name: str, its: Attributes) -> dict[str, float]:
    """Return what an element inside of a workout says, as fields of the reading."""
    if name == "MetadataEntry" and its.get("key") == "HKElevationAscended":
        value, _, unit = its.get("value", "").partition(" ")
        return {"ascentMeters": converted(number(value), unit, "m")}
    if name != "WorkoutStatistics":
        return {}
    sort = its.get("type", "").removeprefix(QUANTITY)
    if sort == "HeartRate":
        fields = {"average": "averageBpm", "maximum": "maxBpm"}
        return {f: converted(number(its[a]), its["unit"], "/min") for a, f in fields.items() if a in its}
    if sort == "ActiveEnergyBurned" and "sum" in its:
        return {"energyKcal": converted(number(its["sum"]), its["unit"], "kcal")}
    if sort.startswith("Distance") and "sum" in its:
        return {"distanceMeters": converted(number(its["sum"]), its["unit"], "m")}
    return {}
