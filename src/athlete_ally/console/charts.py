"""The geometry of charts. Pure; templates draw it as SVG, next to a table of the same figures."""

from collections.abc import Sequence
from typing import NamedTuple


class Bar(NamedTuple):
    """One bar; x and y are its upper left corner."""

    x: float
    y: float
    width: float
    height: float


def bars(values: Sequence[float], *, width: float, height: float, gap: float = 1.0) -> list[Bar]:
    """Return a bar for each value; the largest is as high as the chart, and every value above 0 is visible."""
    if not values:
        return []
    step, top = width / len(values), max(*values, 1e-9)
    heights = [max(1.0, value / top * height) if value > 0 else 0.0 for value in values]
    return [
        Bar(round(number * step, 2), round(height - high, 2), round(step - gap, 2), round(high, 2))
        for number, high in enumerate(heights)
    ]
