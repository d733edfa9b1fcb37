"""Workouts of Health Auto Export, in the fields of version 1 and of version 2.

https://github.com/Lybron/health-auto-export/wiki/API-Export---JSON-Format: version 1 has `activeEnergy`,
`avgHeartRate`, `maxHeartRate` and `elevation`; version 2 has `activeEnergyBurned`, `heartRate`, `elevationUp`, an `id`,
and `duration` in seconds.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, cast

from athlete_ally.formats.health_auto_export_values import BROKEN, Datum, number, quantity
from athlete_ally.formats.label import label

# Field of ours, unit, and where each version has it; the first that holds a quantity counts.
_QUANTITIES = (
    ("energyKcal", "kcal", ("activeEnergyBurned", "activeEnergy")),
    ("distanceMeters", "m", ("distance",)),
    ("ascentMeters", "m", ("elevationUp", "elevation")),
)
_RATES = (("averageBpm", "avg", "avgHeartRate"), ("maxBpm", "max", "maxHeartRate"))
_SECONDS_PER_MINUTE = 60


def workout_fields(its: Datum) -> tuple[Datum, list[str]]:
    """Return the fields of a workout, but for person and times, and the names of those that can't be understood.

    Raises:
        KeyError: it has no name.
    """
    fields: Datum = {"sport": label(its["name"]).lower(), "context": "workout"}
    if its.get("id"):
        fields["sessionId"] = label(its["id"])
    left_out: list[str] = []
    for name, field, read in _details(its):
        try:
            fields[field] = read()
        except BROKEN:
            left_out.append(name)
    return fields, left_out


def _details(its: Datum) -> list[tuple[str, str, Callable[[], float]]]:
    """Return the name, the field of ours and the reader of each detail that is there."""
    details: list[tuple[str, str, Callable[[], float]]] = []
    for field, unit, names in _QUANTITIES:
        # In version 2 `activeEnergy` is the series of which `activeEnergyBurned` is the sum.
        name = next((each for each in names if isinstance(its.get(each), dict)), None)
        if name is not None:
            details.append((name, field, partial(_quantity, its[name], unit)))
    rates = _object(its.get("heartRate"))
    for field, within, alone in _RATES:
        value = rates.get(within, its.get(alone))
        if value is not None:
            details.append((alone, field, partial(_rate, value)))
    if its.get("duration") is not None:
        details.append(("duration", "durationMinutes", partial(_minutes, its["duration"])))
    return details


def _quantity(value: Datum, unit: str) -> float:
    # The climb of version 1 has its own name for the number.
    return quantity(value["qty"] if "qty" in value else value["ascent"], value.get("units"), unit)


def _rate(value: Any) -> float:
    return number(_object(value)["qty"] if isinstance(value, dict) else value)


def _minutes(value: Any) -> float:
    return round(number(value) / _SECONDS_PER_MINUTE, 3)


def _object(value: Any) -> Datum:
    return cast("Datum", value) if isinstance(value, dict) else {}
