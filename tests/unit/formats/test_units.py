"""Units: known factors, and no silent guess."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athlete_ally.core.errors import InvalidMessage
from athlete_ally.formats.units import converted


@pytest.mark.parametrize(
    ("value", "unit", "ours", "expected"),
    [
        (100, "kJ", "kcal", 23.9005736),
        (1, "mi", "m", 1609.344),
        (150, "lb", "kg", 68.0388555),
        (98.6, "degF", "Cel", 37.0),
        (310.15, "K", "Cel", 37.0),
        (36.5, "degC", "Cel", 36.5),
        (0.045, "s", "ms", 45.0),
        (1, "Hz", "/min", 60),
        (7.5, "hr", "min", 450),
        (16, "kPa", "mm[Hg]", 120.009869),
        (36, "km/hr", "m/s", 10),
    ],
)
def test_a_value_keeps_its_meaning(value: float, unit: str, ours: str, expected: float) -> None:
    """
    Values in units of others are the same quantity in ours.
    """
    assert converted(value, unit, ours) == expected


@given(st.text(max_size=12))
def test_an_unknown_unit_is_refused(unit: str) -> None:
    """
    A unit that nobody knows is no reason to take the number as it is.
    """
    if unit in {"kcal", "Cal", "cal", "kJ", "J"}:
        return
    with pytest.raises(InvalidMessage):
        converted(1, unit, "kcal")
