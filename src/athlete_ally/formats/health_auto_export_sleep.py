"""Nights of Health Auto Export: aggregated ones of several versions, and segments."""

from typing import Any

from athlete_ally.core.errors import InvalidMessage
from athlete_ally.formats.apple_time import instant, interval
from athlete_ally.formats.health_auto_export_values import BROKEN, Datum, quantity
from athlete_ally.formats.sleep_sessions import Segment, Stage, is_ended

_STAGES = {"awake": "awake", "core": "light", "deep": "deep", "rem": "rem"}
_SLEEPING = ("core", "deep", "rem")
# Without spaces, in lower case, and without `Asleep` in front: `In Bed` and `InBed`, `Core` and `AsleepCore`.
_SEGMENTS: dict[str, Stage] = {
    "inbed": "in-bed",
    "": "asleep",
    "unspecified": "asleep",
    "awake": "awake",
    "core": "light",
    "deep": "deep",
    "rem": "rem",
}


def segment_of(datum: Datum) -> Segment:
    """Return a segment, which the app sends when aggregation is off.

    Raises:
        InvalidMessage: its stage is none, or nobody ended it.
    """
    start, end = instant(datum["startDate"]), instant(datum["endDate"])
    words = str(datum["value"]).lower().replace(" ", "").removeprefix("hkcategoryvaluesleepanalysis")
    stage = _SEGMENTS.get(words.lstrip(".").removeprefix("asleep"))
    if stage is None:
        raise InvalidMessage("a stage that HealthKit does not have")
    segment = Segment(start, end, stage, end)
    if not is_ended(segment):
        raise InvalidMessage("nobody ended it, or it ends before it begins")
    return segment


def night_of(datum: Datum, units: Any) -> tuple[Datum, list[str]]:
    """Return the fields of an aggregated night, but for person and source, and the names of stages that are none.

    Who slept is said by `totalSleep`; without it by `asleep`, or by the stages: versions before it wrote `asleep: 0`
    beside them.

    Raises:
        InvalidMessage: nobody slept in it, or a time is none.
    """
    minutes, broken = _minutes_of(datum, units or "hr")
    start, end = datum["sleepStart"], datum["sleepEnd"]
    staged_min = sum(minutes.get(name, 0.0) for name in _SLEEPING)
    asleep_min = minutes.get("totalSleep") or max(minutes.get("asleep", 0.0), staged_min)
    if asleep_min <= 0:
        raise InvalidMessage("neither totalSleep nor asleep nor a stage says how long")
    fields: Datum = {
        **interval(start, end),
        "capturedAt": instant(end).isoformat(),
        "date": instant(end).date().isoformat(),
        "durationMinutes": round(asleep_min, 3),
        "context": "overnight",
    }
    if staged_min > 0:
        fields["stages"] = {into: minutes[name] for name, into in _STAGES.items() if name in minutes}
    return fields, broken


def _minutes_of(datum: Datum, units: Any) -> tuple[dict[str, float], list[str]]:
    minutes: dict[str, float] = {}
    broken: list[str] = []
    for name in ("totalSleep", "asleep", *_STAGES):
        if datum.get(name) is None:
            continue
        try:
            minutes[name] = quantity(datum[name], units, "min")
        except BROKEN:
            broken.append(name)
    return minutes, broken
