"""Gathering points into runs, one for each series and day, as they come."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from athlete_ally.formats.parse_result import Found

# A run of heart rates then takes some 20 KiB: a message holds dozens, and a refused one costs a part of a day.
_MOST_POINTS = 2000
# Each series of a person has one open run; more than that many are no person's.
_MOST_OPEN = 500
_DAY_S = 86_400
_SHORTEST_S = 1.0


@dataclass(frozen=True, slots=True)
class Series:
    """What points are about, beside the person."""

    code: str
    unit: str
    source: str
    device: str | None = None
    context: str | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """One value, from `at` on; `lasts_s` where it covers a time. `captured_at` says which of two is the newer."""

    at: datetime
    value: float
    captured_at: datetime
    lasts_s: float | None = None


@dataclass(slots=True)
class _Run:
    start: datetime
    start_s: float
    captured_at: datetime
    end_s: float
    offsets_s: list[float] = field(default_factory=list[float])
    values: list[float] = field(default_factory=list[float])
    lasts_s: list[float] = field(default_factory=list[float])


class Runs:
    """Open runs; a run is closed when it is full, its day is over, or a point comes that is not later than its last.

    The same points in the same order make the same runs, so that what is read again has the same identity.
    """

    def __init__(self, user_id: str) -> None:
        """Gather the points of this person."""
        self._user_id = user_id
        self._open: dict[Series, _Run] = {}

    def add(self, series: Series, point: Point) -> Found | None:
        """Take a point; return the run that is closed by it, if any."""
        at_s = point.at.timestamp()
        run = self._open.get(series)
        closed = None
        if run is not None and not _continues(run, at_s):
            closed, run = self._close(series), None
        if run is None:
            if len(self._open) >= _MOST_OPEN:
                closed = closed or self._close(next(iter(self._open)))
            run = self._open[series] = _Run(point.at, at_s, point.captured_at, at_s)
        run.offsets_s.append(_plain(round(at_s - run.start_s, 3)))
        run.values.append(_plain(point.value))
        if point.lasts_s is not None:
            run.lasts_s.append(_plain(round(point.lasts_s, 3)))
        run.captured_at = max(run.captured_at, point.captured_at)
        run.end_s = max(run.end_s, at_s + (point.lasts_s or 0.0))
        return closed

    def close(self) -> Iterator[Found]:
        """Close all runs."""
        for series in list(self._open):
            yield self._close(series)

    def _close(self, series: Series) -> Found:
        run = self._open.pop(series)
        end = datetime.fromtimestamp(max(run.end_s, run.start_s + _SHORTEST_S), run.start.tzinfo)
        reading: dict[str, Any] = {
            "userId": self._user_id,
            "capturedAt": run.captured_at.isoformat(),
            "start": run.start.isoformat(),
            "end": end.isoformat(),
            "source": series.source,
            "code": series.code,
            "unit": series.unit,
            "values": run.values,
            "offsetsSeconds": run.offsets_s,
        }
        if series.context is not None:
            reading["context"] = series.context
        if series.device is not None:
            reading["device"] = series.device
        if run.lasts_s:
            reading["lastsSeconds"] = run.lasts_s
        return Found("samples", reading, entries=len(run.values))


def _continues(run: _Run, at_s: float) -> bool:
    same_day = at_s // _DAY_S == run.start_s // _DAY_S
    # The store keeps milliseconds.
    return same_day and len(run.values) < _MOST_POINTS and at_s - run.start_s >= run.offsets_s[-1] + 0.001


def _plain(value: float) -> float:
    """Return a whole number as one: `61` takes half the bytes of `61.0`."""
    whole = int(value)
    return whole if whole == value else value
