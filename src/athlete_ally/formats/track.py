"""A workout that is made of points with times: what TCX and GPX files hold."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from typing import Any

from athlete_ally.formats.parse_result import Found
from athlete_ally.formats.runs import Point, Runs, Series

_SHORTEST = timedelta(seconds=1)

Values = list[tuple[str, str, float]]
"""Code, unit and value of what one point says."""


@dataclass(slots=True)
class Track:
    """Points as they come, and when the first and the last of them were."""

    user_id: str
    source: str
    zone: tzinfo | None
    device: str | None = None
    points: list[tuple[datetime, Values]] = field(default_factory=list[tuple[datetime, Values]])

    def add(self, at: datetime, values: Values) -> None:
        """Take a point."""
        self.points.append((at, values))

    def series(self) -> Iterator[Found]:
        """Yield the series of all points."""
        runs = Runs(self.user_id)
        for at, values in self.points:
            for code, unit, value in values:
                series = Series(code, unit, self.source, self.device, "workout")
                if (run := runs.add(series, Point(at, value, at))) is not None:
                    yield run
        yield from runs.close()

    def workout(self, times: list[datetime], fields: dict[str, Any]) -> Found | None:
        """Return a workout from the first to the last of its times and points; None where there are none."""
        times = [*times, *(at for at, _ in self.points)]
        if not times:
            return None
        start, end = self._local(min(times)), self._local(max(*times, min(times) + _SHORTEST))
        common: dict[str, Any] = {"userId": self.user_id, "source": self.source, "context": "workout"}
        if self.device:
            common["device"] = self.device
        known = {name: value for name, value in fields.items() if value}
        interval = {"start": start.isoformat(), "end": end.isoformat(), "capturedAt": end.isoformat()}
        return Found("workout", common | interval | known)

    def _local(self, at: datetime) -> datetime:
        return at if self.zone is None else at.astimezone(self.zone)
