"""What scales and blood-pressure meters write into FIT files."""

from typing import Any

from athlete_ally.formats.fit_message import Message, number_of

_WEIGHING = (
    ("weight", "massKg"),
    ("percent_fat", "fatPercent"),
    ("percent_hydration", "waterPercent"),
    ("bone_mass", "boneMassKg"),
    ("muscle_mass", "muscleMassKg"),
)
_PRESSURES = (("systolic_pressure", "systolic_pressure"), ("diastolic_pressure", "diastolic_pressure"))


def weighing(message: Message) -> dict[str, Any]:
    """Return the fields of a `body` reading of a `weight_scale` message; a scale that is still weighing has none."""
    values = {field: number_of(message, name) for name, field in _WEIGHING}
    return {field: round(value, 3) for field, value in values.items() if value}


def pressures(message: Message) -> list[tuple[str, float]]:
    """Return code and value of the points of a `blood_pressure` message."""
    values = [(code, number_of(message, name)) for name, code in _PRESSURES]
    return [(code, value) for code, value in values if value is not None]
