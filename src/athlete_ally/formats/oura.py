"""What the documents of Oura hold: nights, days, workouts and sessions.

Docs: https://cloud.ouraring.com/v2/docs
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from athlete_ally.core.vendor.api import Document
from athlete_ally.core.vendor.json_body import lenient_body, minutes, named, present, session, stages_of
from athlete_ally.core.vendor.times import later
from athlete_ally.core.vendor.webhook import Readings, taken_back

SOURCE = "oura"


class _Series(msgspec.Struct, frozen=True):
    """Values so many seconds apart; null where nothing was measured."""

    interval: float
    timestamp: datetime
    items: tuple[float | None, ...] = ()

    def run(self, code: str, unit: str, common: dict[str, Any]) -> Readings:
        """Return the points that were measured, as a run of samples; nothing where there is none."""
        points = [(place * self.interval, value) for place, value in enumerate(self.items) if value is not None]
        if not points:
            return []
        end = later(self.timestamp, len(self.items) * self.interval)
        run = {
            "start": self.timestamp.isoformat(),
            "end": end.isoformat(),
            "code": code,
            "unit": unit,
            "offsetsSeconds": [offset_s for offset_s, _ in points],
            "values": [value for _, value in points],
        }
        return [("samples", {**{name: it for name, it in common.items() if name != "sessionId"}, **run})]


class _Sleep(msgspec.Struct, frozen=True):
    """Durations in seconds; the times have the person's offset."""

    day: str
    bedtime_start: datetime | None = None
    bedtime_end: datetime | None = None
    type: str | None = None
    total_sleep_duration: float | None = None
    awake_time: float | None = None
    light_sleep_duration: float | None = None
    deep_sleep_duration: float | None = None
    rem_sleep_duration: float | None = None
    efficiency: float | None = None
    average_hrv: float | None = None
    lowest_heart_rate: float | None = None
    average_breath: float | None = None
    heart_rate: _Series | None = None
    hrv: _Series | None = None


# What the types of a sleep mean: https://cloud.ouraring.com/v2/docs#tag/Sleep-Routes (PublicSleepType). `rest` and
# `deleted` are no sleep: the person said so. `sleep` lasts three hours at most, and `late_nap` counts for the next day.
_CONTEXTS = {"long_sleep": "overnight", "sleep": "nap", "late_nap": "nap", None: "unspecified"}


# https://cloud.ouraring.com/v2/docs#tag/Sleep-Routes (PublicModifiedSleepModel). HRV is rMSSD in milliseconds, the mean
# of five-minute samples: https://support.ouraring.com/hc/en-us/articles/360025441974-Heart-Rate-Variability
# What Oura shows as resting heart rate is the lowest of the night:
# https://support.ouraring.com/hc/en-us/articles/360025588853-Monitoring-Resting-Heart-Rate-HRV
def _sleep(document: Document) -> Readings:
    sleep, unread = lenient_body(document.body, _Sleep)
    common = _common(document)
    if sleep.type not in _CONTEXTS:
        # Nothing of it is a sleep any more, if it was before.
        took = taken_back(KINDS["sleep"], common["sessionId"], **_when(common)) if "sessionId" in common else []
        return [*took, *unread]
    context = {**common, "context": _CONTEXTS[sleep.type]}
    whole = {**context, "date": sleep.day, **_interval(sleep.bedtime_start, sleep.bedtime_end)}
    asleep = present(
        durationMinutes=minutes(sleep.total_sleep_duration or None),
        stages=stages_of(
            awake_s=sleep.awake_time,
            light_s=sleep.light_sleep_duration,
            deep_s=sleep.deep_sleep_duration,
            rem_s=sleep.rem_sleep_duration,
        ),
        efficiency=sleep.efficiency,
    )
    values = {
        "hrv": ("rmssd", sleep.average_hrv),
        "resting_heart_rate": ("bpm", sleep.lowest_heart_rate if sleep.type == "long_sleep" else None),
        "respiratory_rate": ("breathsPerMinute", sleep.average_breath),
    }
    return [
        *([("sleep", {**whole, **asleep})] if "durationMinutes" in asleep else []),
        *[(kind, {**whole, name: value}) for kind, (name, value) in values.items() if value],
        *(sleep.heart_rate.run("heart_rate", "/min", context) if sleep.heart_rate else []),
        *(sleep.hrv.run("rmssd", "ms", context) if sleep.hrv else []),
        *unread,
    ]


def _when(common: dict[str, Any]) -> dict[str, str]:
    return {"captured_at": common["capturedAt"], "source": common["source"]}


KINDS: Mapping[str, tuple[str, ...]] = {
    "sleep": ("sleep", "hrv", "resting_heart_rate", "respiratory_rate"),
    "daily_readiness": ("skin_temperature",),
    "daily_activity": ("activity",),
    "daily_spo2": ("spo2",),
    "workout": ("workout",),
}
"""What the documents of a type become, and what goes with them."""


# A night that goes on has no end yet; it has its day.
def _interval(start: datetime | None, end: datetime | None) -> dict[str, str]:
    return {} if start is None or end is None else {"start": start.isoformat(), "end": end.isoformat()}


class _Readiness(msgspec.Struct, frozen=True):
    day: str
    temperature_deviation: float | None = None


# https://cloud.ouraring.com/v2/docs#tag/Daily-Readiness-Routes: degrees Celsius from the person's baseline. The score
# is Oura's own and of no kind of ours.
def _readiness(document: Document) -> Readings:
    readiness, unread = lenient_body(document.body, _Readiness)
    if readiness.temperature_deviation is None:
        return unread
    night = {**_common(document), "date": readiness.day, "context": "overnight"}
    return [("skin_temperature", {**night, "deviationCelsius": readiness.temperature_deviation}), *unread]


class _Activity(msgspec.Struct, frozen=True):
    day: str
    steps: float | None = None
    active_calories: float | None = None
    total_calories: float | None = None
    low_activity_time: float | None = None
    medium_activity_time: float | None = None
    high_activity_time: float | None = None
    sedentary_time: float | None = None
    score: float | None = None


# https://cloud.ouraring.com/v2/docs#tag/Daily-Activity-Routes: kilocalories and seconds, of 24 hours from 4 a.m. of the
# day. `equivalent_walking_distance` is energy in the form of a distance, which nobody walked: it is not used.
def _activity(document: Document) -> Readings:
    activity, unread = lenient_body(document.body, _Activity)
    values = present(
        steps=activity.steps,
        activeEnergyKcal=activity.active_calories,
        totalEnergyKcal=activity.total_calories,
        lightMinutes=minutes(activity.low_activity_time),
        moderateMinutes=minutes(activity.medium_activity_time),
        vigorousMinutes=minutes(activity.high_activity_time),
        sedentaryMinutes=minutes(activity.sedentary_time),
        score=activity.score,
    )
    return [*([("activity", {**_common(document), "date": activity.day, **values})] if values else []), *unread]


class _Average(msgspec.Struct, frozen=True):
    average: float | None = None


class _Spo2(msgspec.Struct, frozen=True):
    day: str
    spo2_percentage: _Average | None = None


# https://cloud.ouraring.com/v2/docs#tag/Daily-Spo2-Routes: the average during sleep, in per cent.
def _spo2(document: Document) -> Readings:
    spo2, unread = lenient_body(document.body, _Spo2)
    average = (spo2.spo2_percentage or _Average()).average
    night = {**_common(document), "date": spo2.day, "context": "overnight"}
    return [*([("spo2", {**night, "percent": average})] if average else []), *unread]


class _Workout(msgspec.Struct, frozen=True):
    activity: str
    start_datetime: datetime
    end_datetime: datetime
    day: str | None = None
    calories: float | None = None
    distance: float | None = None


# https://cloud.ouraring.com/v2/docs#tag/Workout-Routes: kilocalories and metres. `day` is "the day when the workout
# occurred", as Oura counts it.
def _workout(document: Document) -> Readings:
    workout, unread = lenient_body(document.body, _Workout)
    values = present(
        date=workout.day, sport=workout.activity, energyKcal=workout.calories, distanceMeters=workout.distance
    )
    interval = _interval(workout.start_datetime, workout.end_datetime)
    return [("workout", {**_common(document), **interval, "context": "workout", **values}), *unread]


class _Session(msgspec.Struct, frozen=True):
    heart_rate: _Series | None = None
    heart_rate_variability: _Series | None = None


# https://cloud.ouraring.com/v2/docs#tag/Session-Routes. Its series are kept point by point: an average of ours would be
# no value of Oura's.
def _session(document: Document) -> Readings:
    spot = {**_common(document), "context": "spot"}
    session, unread = lenient_body(document.body, _Session)
    return [
        *(session.heart_rate.run("heart_rate", "/min", spot) if session.heart_rate else []),
        *(session.heart_rate_variability.run("rmssd", "ms", spot) if session.heart_rate_variability else []),
        *unread,
    ]


class _Named(msgspec.Struct, frozen=True):
    id: Any = None


# Oura names no time of a change: what was fetched later is newer. A document keeps its id however often it changes.
def _common(document: Document) -> dict[str, Any]:
    known = named(document.body, _Named) or _Named()
    return {"capturedAt": document.received_at.isoformat(), "source": SOURCE, **session(known.id)}


# `daily_sleep` holds scores only, and the other types nothing that is a kind of ours: they are not asked for.
READERS: Mapping[str, Callable[[Document], Readings]] = {
    "sleep": _sleep,
    "daily_readiness": _readiness,
    "daily_activity": _activity,
    "daily_spo2": _spo2,
    "workout": _workout,
    "session": _session,
}
"""By type of document."""
