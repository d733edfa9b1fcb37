"""Training sessions of an account export of Polar Flow (`training-session-*.json`).

Polar documents no format for it. Confirmed by files: times of the device's clock, their offset in minutes
(`timezoneOffset`), distances in metres, durations in ISO 8601. Not confirmed, and left out: units of speed and power.
"""

import re
from collections.abc import Iterator
from datetime import timedelta, timezone, tzinfo
from typing import Any, cast

from athlete_ally.formats.iso_time import instant
from athlete_ally.formats.json_items import Item, items_of, number_of, objects_in
from athlete_ally.formats.label import lower_label
from athlete_ally.formats.parse_result import Finding, Found, Skipped
from athlete_ally.formats.runs import Point, Runs, Series

SOURCE = "polar-flow"
_SAMPLES = {"heartRate": ("heart_rate", "/min"), "altitude": ("altitude", "m"), "cadence": ("cadence", "/min")}
_UNCONFIRMED = "nothing says its unit"
_DURATION = re.compile(r"PT(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+(?:[.][0-9]+)?)S)?")
_MOST_OFFSET_MIN = 15 * 60


def findings(content: bytes, user_id: str, zone: tzinfo | None = None) -> Iterator[Finding]:
    """Yield the workouts of a session and their series; a time without offset is one of `zone`, or UTC.

    Raises:
        UnreadableFile: it is not JSON.
    """
    for number, session in items_of(content):
        if not isinstance(session, dict):
            yield Skipped("training session", "no object", f"item {number}")
            continue
        its = cast("Item", session)
        exercises = objects_in(its.get("exercises")) or [its]
        for exercise in exercises:
            # What an exercise does not say of itself, its session does where it has no other.
            whole = its | exercise if len(exercises) == 1 else {"timezoneOffset": its.get("timezoneOffset")} | exercise
            yield from _exercise(whole, user_id, zone, f"item {number}")


def _exercise(its: Item, user_id: str, zone: tzinfo | None, place: str) -> Iterator[Finding]:
    offset_min = number_of(its, "timezoneOffset")
    if offset_min is not None and abs(offset_min) <= _MOST_OFFSET_MIN:
        zone = timezone(timedelta(minutes=offset_min))
    start, end = instant(its.get("startTime"), zone), instant(its.get("stopTime"), zone)
    if start is None or end is None or end <= start:
        yield Skipped("training session", "its times are none", place)
        return
    times = {"start": start.isoformat(), "end": end.isoformat(), "capturedAt": end.isoformat()}
    yield Found("workout", {"userId": user_id, "source": SOURCE, "context": "workout", **times, **_fields(its)})
    samples: Any = its.get("samples")
    for name, points in cast("Item", samples).items() if isinstance(samples, dict) else ():
        if name not in _SAMPLES:
            yield Skipped(f"samples: {name[:64]}", _UNCONFIRMED, place)
            continue
        yield from _series(Series(*_SAMPLES[name], SOURCE, None, "workout"), objects_in(points), user_id, zone)


def _fields(its: Item) -> Item:
    rates: Any = its.get("heartRate")
    rates = cast("Item", rates) if isinstance(rates, dict) else {}
    duration_s = _duration_s(its.get("duration"))
    fields = {
        "energyKcal": number_of(its, "kiloCalories", "calories"),
        "distanceMeters": number_of(its, "distance"),
        "ascentMeters": number_of(its, "ascent"),
        "averageBpm": number_of(its, "averageHeartRate") or number_of(rates, "avg"),
        "maxBpm": number_of(its, "maximumHeartRate") or number_of(rates, "max"),
        "durationMinutes": None if duration_s is None else round(duration_s / 60, 3),
    }
    sport: Any = its.get("sport")
    named = lower_label(sport.replace("_", " ") if isinstance(sport, str) else None, "other")
    return {"sport": named} | {name: value for name, value in fields.items() if value and value > 0}


def _series(series: Series, points: list[Item], user_id: str, zone: tzinfo | None) -> Iterator[Finding]:
    runs = Runs(user_id)
    for point in points:
        at, value = instant(point.get("dateTime"), zone), number_of(point, "value")
        if at is not None and value is not None and (run := runs.add(series, Point(at, value, at))) is not None:
            yield run
    yield from runs.close()


def _duration_s(written: Any) -> float | None:
    parts = _DURATION.fullmatch(written) if isinstance(written, str) else None
    if parts is None:
        return None
    hours, minutes, seconds = (float(each or 0) for each in parts.groups())
    return hours * 3600 + minutes * 60 + seconds
