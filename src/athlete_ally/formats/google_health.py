"""What the answers of the Google Health API hold: sleeps, days, exercises, weighings.

The shapes are those of Google's own discovery document:
https://github.com/googleapis/google-api-python-client/blob/main/googleapiclient/discovery_cache/documents/health.v4.json
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import partial
from typing import Any

import msgspec

from athlete_ally.core.errors import InvalidMessage
from athlete_ally.core.vendor.api import Document, one_by_one
from athlete_ally.core.vendor.json_body import converted, lenient, minutes, moment, pages, present, session
from athlete_ally.core.vendor.times import at_instant
from athlete_ally.core.vendor.webhook import Readings, Unpacked

SOURCE = "google-health"
_DEEPSOURCE = "google-health-deep-sleep"


class Points(msgspec.Struct, frozen=True, rename="camel"):
    """One page of points, and what names the next one."""

    data_points: tuple[Any, ...] = ()
    next_page_token: str = ""


class _Session(msgspec.Struct, frozen=True, rename="camel"):
    """Physical times, and the person's offsets from UTC (`-14400s`) at both."""

    start_time: datetime
    end_time: datetime | None = None
    start_utc_offset: str = "0s"
    end_utc_offset: str = "0s"

    def fields(self) -> dict[str, str] | None:
        """Return start and end in the person's offsets; None for what has not ended."""
        if self.end_time is None:
            return None
        return {
            "start": moment(self.start_time.timestamp(), round(_seconds(self.start_utc_offset))),
            "end": moment(self.end_time.timestamp(), round(_seconds(self.end_utc_offset))),
        }


class _Stage(msgspec.Struct, frozen=True):
    type: str
    minutes: str | float = 0.0


class _SleepSummary(msgspec.Struct, frozen=True, rename="camel"):
    minutes_asleep: str | float = 0.0
    minutes_awake: str | float | None = None
    stages_summary: tuple[_Stage | None, ...] = ()


class _Sleep(msgspec.Struct, frozen=True, rename="camel"):
    interval: _Session
    type: str = "CLASSIC"
    metadata: Mapping[str, Any] = {}
    summary: _SleepSummary = _SleepSummary()
    update_time: datetime | None = None


# Schemas Sleep, SleepSummary and SleepMetadata: minutes; "classic" sleep only tells asleep from restless and awake. A
# session that is neither the longest of its day nor a nap has no context of ours.
def _sleep(sleep: _Sleep, document: Document) -> Readings:
    asleep_min = _number(sleep.summary.minutes_asleep)
    if not asleep_min:
        return []
    stages = present(awake=_number(sleep.summary.minutes_awake))
    if sleep.type == "STAGES":
        stages |= {
            each.type.lower(): _number(each.minutes)
            for each in sleep.summary.stages_summary
            if each is not None and each.type in _STAGES
        }
    context = "overnight" if sleep.metadata.get("mainSleep") is True else "unspecified"
    if context == "unspecified" and sleep.metadata.get("nap") is True:
        context = "nap"
    interval = sleep.interval.fields()
    if interval is None:
        return []
    common = {"date": interval["end"][:10], **interval, "capturedAt": _changed(sleep.update_time, document)}
    fields = present(durationMinutes=asleep_min, stages=stages or None)
    return [("sleep", {**common, "source": SOURCE, "context": context, **fields})]


class _Date(msgspec.Struct, frozen=True):
    year: int
    month: int
    day: int


class _Daily(msgspec.Struct, frozen=True, rename="camel"):
    """What a day was found to be, in the person's time zone; each type has some of it."""

    date: _Date
    average_heart_rate_variability_milliseconds: float | None = None
    deep_sleep_root_mean_square_of_successive_differences_milliseconds: float | None = None
    beats_per_minute: str | float | None = None
    breaths_per_minute: float | None = None
    average_percentage: float | None = None
    nightly_temperature_celsius: float | None = None
    baseline_temperature_celsius: float | None = None


# Schemas Daily...: rMSSD of the night and of its deep sleep in milliseconds, which are two measures and must not take
# each other's place; beats and breaths a minute; per cent, whose lower bound is one of confidence and no lowest value;
# the skin's temperature, and the median of thirty nights that Google calls its baseline.
def _daily(daily: _Daily, document: Document) -> Readings:
    night = {
        "date": _iso(daily.date),
        "capturedAt": document.received_at.isoformat(),
        "source": SOURCE,
        "context": "overnight",
    }
    deep = daily.deep_sleep_root_mean_square_of_successive_differences_milliseconds
    nightly, baseline = daily.nightly_temperature_celsius, daily.baseline_temperature_celsius
    warmer = None if nightly is None or baseline is None else nightly - baseline
    resting = {name: value for name, value in night.items() if name != "context"}
    readings: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        ("hrv", night, present(rmssd=daily.average_heart_rate_variability_milliseconds or None)),
        ("hrv", {**night, "source": _DEEPSOURCE}, present(rmssd=deep or None)),
        ("resting_heart_rate", resting, present(bpm=_number(daily.beats_per_minute) or None)),
        ("respiratory_rate", night, present(breathsPerMinute=daily.breaths_per_minute or None)),
        ("spo2", night, present(percent=daily.average_percentage)),
        ("skin_temperature", night, present(celsius=nightly, deviationCelsius=warmer)),
    ]
    return [(kind, {**common, **fields}) for kind, common, fields in readings if fields]


class _Metrics(msgspec.Struct, frozen=True, rename="camel"):
    calories_kcal: float | None = None
    distance_millimeters: float | None = None
    elevation_gain_millimeters: float | None = None
    average_heart_rate_beats_per_minute: str | float | None = None


class _Exercise(msgspec.Struct, frozen=True, rename="camel"):
    interval: _Session
    exercise_type: str
    active_duration: str | None = None
    metrics_summary: _Metrics = _Metrics()
    update_time: datetime | None = None


# Schemas Exercise and MetricsSummary: kilocalories, millimeters; the active duration leaves pauses out.
def _exercise(exercise: _Exercise, document: Document) -> Readings:
    metrics, interval = exercise.metrics_summary, exercise.interval.fields()
    if interval is None:
        return []
    workout = present(
        **interval,
        capturedAt=_changed(exercise.update_time, document),
        source=SOURCE,
        context="workout",
        sport=exercise.exercise_type.lower() or "other",
        durationMinutes=minutes(None if exercise.active_duration is None else _seconds(exercise.active_duration))
        or None,
        energyKcal=metrics.calories_kcal,
        distanceMeters=(metrics.distance_millimeters or 0) / 1000 or None,
        ascentMeters=(metrics.elevation_gain_millimeters or 0) / 1000 or None,
        averageBpm=_number(metrics.average_heart_rate_beats_per_minute) or None,
    )
    return [("workout", workout)]


class _Sampled(msgspec.Struct, frozen=True, rename="camel"):
    physical_time: datetime
    utc_offset: str = "0s"


class _Weight(msgspec.Struct, frozen=True, rename="camel"):
    sample_time: _Sampled
    weight_grams: float


# Schema Weight: grams.
def _weight(weight: _Weight, document: Document) -> Readings:
    return [("body", {**_sampled(weight.sample_time, document), "massKg": weight.weight_grams / 1000})]


class _BodyFat(msgspec.Struct, frozen=True, rename="camel"):
    sample_time: _Sampled
    percentage: float


# Schema BodyFat: per cent, from 0 to 100. It is asked for with the weights of the same time: those of one instant are
# one record.
def _body_fat(fat: _BodyFat, document: Document) -> Readings:
    return [("body", {**_sampled(fat.sample_time, document), "fatPercent": fat.percentage})]


def _sampled(time: _Sampled, document: Document) -> dict[str, str]:
    at = moment(time.physical_time.timestamp(), round(_seconds(time.utc_offset)))
    common = {"capturedAt": document.received_at.isoformat(), "source": SOURCE}
    return {**at_instant(datetime.fromisoformat(at)), **common}


class _Variability(msgspec.Struct, frozen=True, rename="camel"):
    sample_time: _Sampled
    root_mean_square_of_successive_differences_milliseconds: float | None = None


# Schema HeartRateVariability: rMSSD in milliseconds, of minutes whose number and place are not said: a point at the
# time that is. Its `standardDeviationMilliseconds` has no series of ours.
def _variability(found: _Variability, document: Document) -> Readings:
    rmssd_ms = found.root_mean_square_of_successive_differences_milliseconds
    if not rmssd_ms:
        return []
    series = {"code": "rmssd", "unit": "ms", "values": [rmssd_ms]}
    return [("samples", {**_sampled(found.sample_time, document), **series})]


def _changed(at: datetime | None, document: Document) -> str:
    return document.received_at.isoformat() if at is None else moment(at.timestamp())


def _iso(day: _Date) -> str:
    try:
        return date(day.year, day.month, day.day).isoformat()
    except ValueError as error:
        raise InvalidMessage("date: no day of the calendar") from error


def _seconds(duration: str) -> float:
    """Return a duration of Google's (`3.5s`) in seconds."""
    found = re.fullmatch(r"(-?\d{1,9}(?:\.\d{1,30})?)s", duration, re.ASCII)
    if found is None:
        raise InvalidMessage("a duration is not a number of seconds")
    return float(found[1])


def _number(value: str | float | None) -> float | None:
    """Return what JSON holds as a text, as Google writes integers of 64 bits."""
    if not isinstance(value, str):
        return value
    if re.fullmatch(r"-?\d{1,18}(\.\d{1,30})?", value, re.ASCII) is None:
        raise InvalidMessage("a number is not one")
    return float(value)


_STAGES = {"LIGHT", "DEEP", "REM"}
_PARTS: Mapping[str, tuple[type[Any], Callable[[Any, Document], Readings]]] = {
    "sleep": (_Sleep, _sleep),
    "exercise": (_Exercise, _exercise),
    "weight": (_Weight, _weight),
    "bodyFat": (_BodyFat, _body_fat),
    "heartRateVariability": (_Variability, _variability),
    "dailyHeartRateVariability": (_Daily, _daily),
    "dailyRestingHeartRate": (_Daily, _daily),
    "dailyRespiratoryRate": (_Daily, _daily),
    "dailyOxygenSaturation": (_Daily, _daily),
    "dailySleepTemperatureDerivations": (_Daily, _daily),
}


def read(document: Document) -> Unpacked:
    """Read the points of one answer, or of several pages; one that can't be read leaves the others alone."""
    points = (point for page in pages(document.body, Points) for point in page.data_points)
    return one_by_one((partial(_of_point, point, document) for point in points), document.account)


def _of_point(point: Any, document: Document) -> Readings:
    readings: Readings = []
    parts = converted(point, dict[str, Any])
    for name, part in parts.items():
        if name in _PARTS:
            shape, readings_of = _PARTS[name]
            value, unread = lenient(part, shape)
            own = session(str(parts.get("name", "")).rpartition("/")[2]) if name in _SESSIONS else {}
            readings += [*((kind, {**fields, **own}) for kind, fields in readings_of(value, document)), *unread]
    return readings


# "name": "users/{user}/dataTypes/{data_type}/dataPoints/{data_point}". What is of a day is known by the day.
# https://developers.google.com/health/reference/rest/v4/users.dataTypes.dataPoints
_SESSIONS = {"sleep", "exercise"}
