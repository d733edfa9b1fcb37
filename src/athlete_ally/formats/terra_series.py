"""The series in Terra's models: samples with a timestamp each.

Docs: https://github.com/tryterra/openapi/blob/master/data_models/specs/data_models/Samples.tsp
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from athlete_ally.core.vendor.times import later
from athlete_ally.core.vendor.webhook import UNREAD, Readings

# What one reading of a series may hold (see `measurements/samples.py`).
_MOST_POINTS = 10_000


class Sample(msgspec.Struct, frozen=True):
    """A value of a series; each series has a field of its own."""

    timestamp: datetime
    bpm: float | None = None
    hrv_rmssd: float | None = None
    percentage: float | None = None
    breaths_per_min: float | None = None
    temperature_celsius: float | None = None
    blood_glucose_mg_per_dL: float | None = None  # noqa: N815  # the vendor's name
    systolic_bp: float | None = None
    diastolic_bp: float | None = None
    watts: float | None = None
    speed_meters_per_second: float | None = None
    elev_meters: float | None = None


Samples = tuple[Sample | None, ...]


def series(
    code: str, unit: str, samples: Iterable[Sample | None], name: str, common: Mapping[str, Any], divisor: float = 1.0
) -> Readings:
    """Return samples as runs. Those whose times have no offset can't be placed: they are left out, and said."""
    points: dict[datetime, float] = {}
    zone, unplaced = None, 0
    for sample in samples:
        value = None if sample is None else getattr(sample, name)
        if sample is None or not value:
            continue
        if sample.timestamp.tzinfo is None:
            unplaced += 1
            continue
        zone = zone or sample.timestamp.tzinfo
        points[sample.timestamp.astimezone(UTC)] = value / divisor
    own = {each: value for each, value in common.items() if each in {"capturedAt", "source", "context"}}
    runs = [("samples", {**own, "code": code, "unit": unit, **run}) for run in _runs(sorted(points.items()), zone)]
    unread = {"error": f"{code}: {unplaced} sample(s) without an offset"}
    return [*runs, *([(UNREAD, unread)] if unplaced else [])]


def _runs(points: list[tuple[datetime, float]], zone: Any) -> Iterable[dict[str, Any]]:
    """Return points in parts of two days at most (the longest interval), and of as many as one reading holds."""
    part: list[tuple[datetime, float]] = []
    for point in points:
        if part and (len(part) == _MOST_POINTS or (point[0] - part[0][0]).days >= 1):
            yield _run(part, zone)
            part = []
        part.append(point)
    if part:
        yield _run(part, zone)


def _run(part: list[tuple[datetime, float]], zone: Any) -> dict[str, Any]:
    start = part[0][0]
    end = max(part[-1][0], later(start, 1))
    return {
        "start": start.astimezone(zone).isoformat(),
        "end": end.astimezone(zone).isoformat(),
        "values": [value for _, value in part],
        "offsetsSeconds": [(at - start).total_seconds() for at, _ in part],
    }
