"""How Garmin's summaries tell time, and the series that they hold point by point."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from athlete_ally.core.vendor.json_body import moment
from athlete_ally.core.vendor.webhook import UNREAD, Readings

# What one reading of a series may hold (see `measurements/samples.py`).
_MOST_POINTS = 10_000
_MOST_DIGITS = 9


Points = dict[str, Any]
"""Values by seconds after the start; anything, so that a point costs only itself."""


class Timed(msgspec.Struct, frozen=True, rename="camel"):
    """Times are Unix seconds; the offset is what the device showed, in seconds east of UTC (section 6.2)."""

    start_time_in_seconds: float
    duration_in_seconds: float = 0.0
    start_time_offset_in_seconds: int = 0
    calendar_date: str | None = None
    summary_id: Any = None

    def at(self, after_s: float = 0.0) -> str:
        """Return the instant so many seconds after the start."""
        return moment(self.start_time_in_seconds + after_s, self.start_time_offset_in_seconds)

    def series(self, code: str, unit: str, points: Mapping[str, Any], context: str | None = None) -> Readings:
        """Return a mapping from seconds after the start to values as runs of samples.

        Section 7: a value that is not above 0 stands for none. A point that can't be read is left out, and said.
        """
        good, bad = list[tuple[float, float]](), 0
        for after, value in points.items():
            if not (after.isascii() and after.isdigit() and len(after) <= _MOST_DIGITS) or not _is_number(value):
                bad += 1
            elif value > 0:
                good.append((float(after), float(value)))
        unread = [(UNREAD, {"error": f"{code}: {bad} point(s) are no numbers"})] if bad else []
        return [*runs(self, code, unit, sorted(dict(good).items()), context), *unread]


def runs(
    timed: Timed, code: str, unit: str, points: Sequence[tuple[float, float]], context: str | None = None
) -> Readings:
    """Return points, as seconds after the start and values in rising order, as runs of samples."""
    found: Readings = []
    for first in range(0, len(points), _MOST_POINTS):
        part = points[first : first + _MOST_POINTS]
        start_s = part[0][0]
        run = {
            "start": timed.at(start_s),
            # A run has a length, however short.
            "end": timed.at(max(part[-1][0], start_s + 1)),
            "code": code,
            "unit": unit,
            "values": [value for _, value in part],
            "offsetsSeconds": [after_s - start_s for after_s, _ in part],
        }
        found.append(("samples", run if context is None else {**run, "context": context}))
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9  # noqa: PLR2004  # what fields hold
