"""Durations as Prometheus writes them, at the pace of production or, for a game day, faster."""

from dataclasses import dataclass

_UNITS = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s"), (1, "ms"))


@dataclass(frozen=True, slots=True)
class Clock:
    """`pace` is how many times faster than in production everything happens."""

    pace: float = 1.0

    def span(self, seconds: float) -> str:
        """Return a duration: `span(300)` is `5m`, and `10s` at a pace of 30."""
        milliseconds = max(1, round(seconds * 1000 / self.pace))
        size, unit = next((size, unit) for size, unit in _UNITS if milliseconds % size == 0)
        return f"{milliseconds // size}{unit}"
