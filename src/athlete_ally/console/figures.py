"""Figures read from the sources, by the names of their series. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


class Point(NamedTuple):
    """The value of one label set of a series."""

    name: str
    labels: Mapping[str, str]
    value: float


class Figures:
    """The figures read at one time."""

    def __init__(self, points: Iterable[Point] = ()) -> None:
        """Index these points."""
        self._by_name: dict[str, list[Point]] = {}
        for point in points:
            self._by_name.setdefault(point.name, []).append(point)

    def names(self, beginning: str) -> list[str]:
        """Return the names of series with this prefix."""
        return [name for name in self._by_name if name.startswith(beginning)]

    def values(self, name: str, **labels: str) -> list[float]:
        """Return the values of a series whose labels include these."""
        wanted = labels.items()
        return [point.value for point in self._by_name.get(name, ()) if wanted <= point.labels.items()]

    def total(self, name: str, **labels: str) -> float | None:
        """Return their sum, or None without values."""
        found = self.values(name, **labels)
        return sum(found) if found else None

    def worst(self, name: str, **labels: str) -> float | None:
        """Return the largest, or None without values."""
        return max(self.values(name, **labels), default=None)

    def least(self, name: str, **labels: str) -> float | None:
        """Return the smallest, or None without values."""
        return min(self.values(name, **labels), default=None)


@dataclass(frozen=True, slots=True)
class Sample:
    """The answer of a source at `at_s` on a monotonic clock; `problem` says what is wrong, or why there is no answer.

    Without an answer, the figures are the last that were read, at `read_at_s`; None: there never were any. `facts` are
    versions and the like.
    """

    at_s: float
    figures: Figures = field(default_factory=Figures)
    facts: Mapping[str, str] = field(default_factory=dict[str, str])
    problem: str = ""
    is_stale: bool = False
    read_at_s: float | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """The latest sample of a source, and those of the last half minute before it, the oldest first."""

    latest: Sample | None = None
    before: Sequence[Sample] = ()

    @property
    def figures(self) -> Figures:
        """Return the last figures."""
        return self.latest.figures if self.latest else Figures()

    @property
    def problem(self) -> str:
        """Return why it does not answer, or ""."""
        return self.latest.problem if self.latest else ""

    @property
    def current(self) -> Figures:
        """Return the figures, or none when they are out of date."""
        return Figures() if self.latest is None or self.latest.is_stale else self.latest.figures

    def age_s(self, now_s: float) -> float | None:
        """Return how old the figures are, on the clock of the samples; None where there are none."""
        if self.latest is None or self.latest.read_at_s is None:
            return None
        return max(0.0, now_s - self.latest.read_at_s)

    def fact(self, name: str) -> str:
        """Return a fact, or ""."""
        return self.latest.facts.get(name, "") if self.latest else ""

    def rate_per_s(self, name: str, **labels: str) -> float | None:
        """Return the increase of a counter per second; None while it is unknown, as after a restart."""
        if self.latest is None or not self.before or self.problem:
            return None
        first, last = self.before[0], self.latest
        then, now = first.figures.total(name, **labels), last.figures.total(name, **labels)
        if then is None or now is None or now < then or last.at_s <= first.at_s:
            return None
        return (now - then) / (last.at_s - first.at_s)
