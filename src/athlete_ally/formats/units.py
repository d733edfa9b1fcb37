"""Units as vendors write them, turned into ours. The factors are exact by definition unless a source is named."""

from functools import cache

from athlete_ally.core.errors import InvalidMessage

_TO_OURS: dict[str, dict[str, float]] = {
    # The thermochemical calorie is 4.184 J; a "Cal" is a kilocalorie.
    "kcal": {"kcal": 1, "Cal": 1, "cal": 0.001, "kJ": 1 / 4.184, "J": 0.001 / 4.184},
    "m": {"m": 1, "km": 1000, "cm": 0.01, "mm": 0.001, "mi": 1609.344, "yd": 0.9144, "ft": 0.3048, "in": 0.0254},
    "kg": {"kg": 1, "g": 0.001, "lb": 0.45359237, "oz": 0.028349523125, "st": 6.35029318},
    "/min": {"count/min": 1, "bpm": 1, "breaths/min": 1, "rpm": 1, "count/s": 60, "Hz": 60},
    "ms": {"ms": 1, "s": 1000},
    "min": {"min": 1, "s": 1 / 60, "hr": 60, "h": 60},
    "mm[Hg]": {"mmHg": 1, "kPa": 7.500616827},
    # Molar mass of glucose: 180.1558800000541 g/mol, as HealthKit spells it.
    "mmol/L": {"mmol<180.1558800000541>/L": 1, "mmol/L": 1, "mg/dL": 10 / 180.1558800000541},
    "W": {"W": 1, "kW": 1000},
    "m/s": {"m/s": 1, "km/hr": 1 / 3.6, "km/h": 1 / 3.6, "kph": 1 / 3.6, "mi/hr": 0.44704, "mph": 0.44704},
    "{steps}": {"count": 1, "steps": 1},
    "{floors}": {"count": 1, "floors": 1},
    "Cel": {"degC": 1, "°C": 1, "C": 1, "K": 1, "degF": 5 / 9, "°F": 5 / 9, "F": 5 / 9},
}
_CELSIUS_OF_ZERO = {"K": -273.15, "degF": -32 * 5 / 9, "°F": -32 * 5 / 9, "F": -32 * 5 / 9}
# Beyond nine digits there is only what the conversion made of it.
_DIGITS = 9


@cache
def _line(unit: str, ours: str) -> tuple[float, float]:
    factor = _TO_OURS[ours].get(unit)
    if factor is None:
        raise InvalidMessage(f"unit {unit[:32]!r} is no unit of {ours}")
    return factor, _CELSIUS_OF_ZERO.get(unit, 0.0) if ours == "Cel" else 0.0


def converted(value: float, unit: str, ours: str) -> float:
    """Return a value in a unit of ours.

    Raises:
        InvalidMessage: nobody knows the unit.
    """
    factor, zero = _line(unit, ours)
    if factor == 1 and not zero:
        return value
    return float(f"{value * factor + zero:.{_DIGITS}g}")
