"""The trend as a chart: lines, band and points in SVG units. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from athlete_ally.console.trend import TrendDay

WIDTH, HEIGHT = 900.0, 300.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 46.0, 14.0, 14.0, 30.0
_STEPS = (0.05, 0.1, 0.2, 0.5, 1.0)
_MOST_TICKS = 6


class Tick(NamedTuple):
    """A tick of an axis with its label."""

    at: float
    text: str


class Dot(NamedTuple):
    """One day's value."""

    x: float
    y: float
    text: str


@dataclass(frozen=True, slots=True)
class TrendChart:
    """The parts of the chart; lines and areas are SVG path data."""

    band: tuple[str, ...]
    mean: tuple[str, ...]
    dots: tuple[Dot, ...]
    warnings: tuple[Dot, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]


@dataclass(frozen=True, slots=True)
class _Scale:
    days: int
    low: float
    high: float

    def x(self, number: int) -> float:
        return round(_LEFT + number * (WIDTH - _LEFT - _RIGHT) / max(1, self.days - 1), 1)

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM), 1)


def draw(days: Sequence[TrendDay]) -> TrendChart | None:
    """Return the chart; None without values."""
    values = [value for each in days for value in (each.ln_rmssd, each.mean, *(each.band or ())) if value is not None]
    if not values:
        return None
    step = next((step for step in _STEPS if (max(values) - min(values)) / step <= _MOST_TICKS), _STEPS[-1])
    low, high = (int(min(values) / step) - 0.0) * step, (int(max(values) / step) + 1) * step
    scale = _Scale(len(days), low, high)
    return TrendChart(
        band=tuple(_area(scale, run) for run in _runs(days, lambda each: each.band is not None)),
        mean=tuple(_line(scale, run) for run in _runs(days, lambda each: each.mean is not None)),
        dots=tuple(_dot(scale, number, each) for number, each in enumerate(days) if each.ln_rmssd is not None),
        warnings=tuple(
            Dot(scale.x(number), scale.y(each.mean), f"{each.day}: the mean is outside the band")
            for number, each in enumerate(days)
            if each.is_outside and each.mean is not None
        ),
        x_ticks=tuple(
            Tick(scale.x(number), f"{each.day:%d %b}")
            for number, each in enumerate(days)
            if number % 7 == len(days) % 7
        ),
        y_ticks=tuple(_y_ticks(scale, step)),
    )


def _y_ticks(scale: _Scale, step: float) -> list[Tick]:
    count = round((scale.high - scale.low) / step)
    values = [scale.low + number * step for number in range(count + 1)]
    return [Tick(scale.y(value), f"{value:.2f}") for value in values]


def _runs(days: Sequence[TrendDay], has: Callable[[TrendDay], bool]) -> list[list[tuple[int, TrendDay]]]:
    """Return the runs of days without a gap."""
    numbered = enumerate(days)
    return [list(run) for is_there, run in groupby(numbered, lambda each: has(each[1])) if is_there]


def _line(scale: _Scale, run: Sequence[tuple[int, TrendDay]]) -> str:
    points = [(scale.x(number), scale.y(each.mean)) for number, each in run if each.mean is not None]
    return "M" + " L".join(f"{x},{y}" for x, y in points)


def _area(scale: _Scale, run: Sequence[tuple[int, TrendDay]]) -> str:
    lower = [(scale.x(number), scale.y(each.band[0])) for number, each in run if each.band is not None]
    upper = [(scale.x(number), scale.y(each.band[1])) for number, each in run if each.band is not None]
    return "M" + " L".join(f"{x},{y}" for x, y in [*upper, *reversed(lower)]) + "Z"


def _dot(scale: _Scale, number: int, each: TrendDay) -> Dot:
    value = each.ln_rmssd or 0.0
    return Dot(scale.x(number), scale.y(value), f"{each.day}: {value:.2f}")
