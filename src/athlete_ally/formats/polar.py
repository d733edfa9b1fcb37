"""What the documents of Polar AccessLink hold: nights, recharges, days, sessions, and the person's mass.

Docs: https://www.polar.com/accesslink-api/
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

import msgspec

from athlete_ally.core.errors import InvalidMessage
from athlete_ally.core.vendor.api import Document
from athlete_ally.core.vendor.json_body import decoded_items, lenient, lenient_body, present, session, stages_of
from athlete_ally.core.vendor.times import at_instant
from athlete_ally.core.vendor.webhook import UNREAD, Readings

_SOURCE = "polar"
_MINUTE = timedelta(minutes=1)
_MINUTES_A_DAY = 1440


class _Sleep(msgspec.Struct, frozen=True):
    """Stages and times awake are in seconds, start and end have their offset."""

    date: str
    sleep_start_time: datetime | None = None
    sleep_end_time: datetime | None = None
    light_sleep: float | None = None
    deep_sleep: float | None = None
    rem_sleep: float | None = None
    unrecognized_sleep_stage: float = 0.0
    total_interruption_duration: float | None = None
    sleep_score: float | None = None
    heart_rate_samples: dict[str, Any] = {}


# https://www.polar.com/accesslink-api/#get-sleep: the stages are those of the AASM, light being N1 and N2.
def night(document: Document) -> Readings:
    """Read the sleep of a night, and its heart rates."""
    sleep, unread = lenient_body(document.body, _Sleep)
    in_stages_s = (sleep.light_sleep or 0) + (sleep.deep_sleep or 0) + (sleep.rem_sleep or 0)
    asleep_s = in_stages_s + sleep.unrecognized_sleep_stage
    stages = stages_of(
        awake_s=sleep.total_interruption_duration,
        light_s=sleep.light_sleep,
        deep_s=sleep.deep_sleep,
        rem_s=sleep.rem_sleep,
    )
    slept = present(
        **_night(document, sleep.date),
        **_interval(sleep),
        durationMinutes=asleep_s / 60,
        stages=stages if in_stages_s else None,
        # From 1 on: a night without a score has none, or 0.
        qualityScore=sleep.sleep_score or None,
    )
    return [*([("sleep", slept)] if asleep_s > 0 else []), *_heart_rates(document, sleep), *unread]


# A night that goes on has no end yet; it has its date.
def _interval(sleep: _Sleep) -> dict[str, str]:
    start, end = sleep.sleep_start_time, sleep.sleep_end_time
    return {} if start is None or end is None else {"start": start.isoformat(), "end": end.isoformat()}


# The same page: averages of five minutes in beats per minute.
def _heart_rates(document: Document, sleep: _Sleep) -> Readings:
    return _series(document, sleep, "heart_rate_samples", sleep.heart_rate_samples, "heart_rate", "/min")


# Series of a night are by its clock ("00:41"). What comes before the start on that clock is the next day. In a night in
# which clocks change nobody says which of two hours is meant.
def _series(  # one for each thing that a series is about
    document: Document, sleep: _Sleep, name: str, samples: Mapping[str, Any], code: str, unit: str
) -> Readings:
    if sleep.sleep_start_time is None or sleep.sleep_end_time is None:
        return []
    start = sleep.sleep_start_time.replace(second=0, microsecond=0)
    if start.utcoffset() != sleep.sleep_end_time.utcoffset():
        return []
    points, bad = _points(start, samples)
    unread: Readings = [(UNREAD, {"error": f"{name}: {bad} of them no HH:MM with a number"})] if bad else []
    if not points:
        return unread
    last = start + timedelta(minutes=points[-1][0])
    run = {
        "start": start.isoformat(),
        "end": max(last, sleep.sleep_end_time, start + _MINUTE).isoformat(),
        "code": code,
        "unit": unit,
        "values": [value for _, value in points],
        "offsetsSeconds": [60.0 * minute for minute, _ in points],
        "capturedAt": document.received_at.isoformat(),
        "source": _SOURCE,
    }
    return [("samples", run), *unread]


def _points(start: datetime, samples: Mapping[str, Any]) -> tuple[list[tuple[int, float]], int]:
    """Return the points in order, as minutes after the start and beats per minute, and how many can't be read."""
    points: dict[int, float] = {}
    bad = 0
    for clock, bpm in samples.items():
        found = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)", clock, re.ASCII)
        if found is None or isinstance(bpm, bool) or not isinstance(bpm, int | float):
            bad += 1
            continue
        minute = (int(found[1]) * 60 + int(found[2]) - start.hour * 60 - start.minute) % _MINUTES_A_DAY
        points[minute] = float(bpm)
    return sorted(points.items()), bad


class _Recharge(msgspec.Struct, frozen=True):
    date: str
    heart_rate_variability_avg: float | None = None
    breathing_rate_avg: float | None = None
    hrv_samples: dict[str, Any] = {}
    breathing_samples: dict[str, Any] = {}


# https://www.polar.com/accesslink-api/#get-nightly-recharge: rMSSD in milliseconds and breaths a minute, both averages
# of four hours from half an hour after falling asleep on, and of each five minutes. The heart rate of these hours is no
# resting heart rate.
def recharge(document: Document) -> Readings:
    """Read what was measured in the first hours of a night; the night itself stands behind it where there is one."""
    answers = decoded_items(document.body)
    if not answers:
        raise InvalidMessage("the body can't be read: an empty list")
    found, unread = lenient(answers[0], _Recharge)
    night = _night(document, found.date)
    rmssd, breaths = found.heart_rate_variability_avg, found.breathing_rate_avg
    return [
        *([("hrv", {**night, "rmssd": rmssd})] if rmssd else []),
        *([("respiratory_rate", {**night, "breathsPerMinute": breaths})] if breaths else []),
        *(_recharge_series(document, found, answers[1]) if len(answers) > 1 else []),
        *unread,
    ]


def _recharge_series(document: Document, found: _Recharge, night: Any) -> Readings:
    # What can't be read of the night is told by its own document.
    sleep, _ = lenient(night, _Sleep)
    if sleep.date != found.date:
        return []
    return [
        *_series(document, sleep, "hrv_samples", found.hrv_samples, "rmssd", "ms"),
        *_series(document, sleep, "breathing_samples", found.breathing_samples, "respiratory_rate", "/min"),
    ]


class _PhysicalInformation(msgspec.Struct, frozen=True):
    modified: datetime | None = None
    created: datetime | None = None
    weight: float | None = None
    weight_source: str | None = None
    height: float | None = None


# https://www.polar.com/accesslink-api/#get-user-39-s-physical-info: kilograms, centimeters, and where the mass is from:
# SOURCE_DEFAULT and SOURCE_ESTIMATE are nobody's mass, and what SOURCE_KEEP means is not said.
_OWN_MASS = {"SOURCE_USER", "SOURCE_MEASURED", None}


def physical_information(document: Document) -> Readings:
    """Read the person's mass and height, as of when they were changed."""
    found, unread = lenient_body(document.body, _PhysicalInformation)
    at = found.modified or found.created
    if at is None or at.tzinfo is None:
        raise InvalidMessage("modified: an instant is needed")
    body = present(
        massKg=(found.weight or None) if found.weight_source in _OWN_MASS else None,
        heightMeters=(found.height or 0) / 100 or None,
    )
    changed = found.modified or document.received_at
    common = {**at_instant(at), "capturedAt": changed.isoformat(), "source": _SOURCE}
    return [*([("body", {**common, **body})] if body else []), *unread]


class _Activity(msgspec.Struct, frozen=True):
    end_time: str | None = None
    start_time: str | None = None
    calories: float | None = None
    active_calories: float | None = None
    steps: float | None = None
    distance_from_steps: float | None = None


# https://www.polar.com/accesslink-api/#get-activity-for-given-date: kilocalories, with and without the basal rate, and
# meters. `active_duration` holds light movement too, and `daily_activity` is a share of a goal: neither is used.
def activity(document: Document) -> Readings:
    """Read a day's activity."""
    found, unread = lenient_body(document.body, _Activity)
    named = found.end_time or found.start_time
    if named is None:
        raise InvalidMessage("end_time: needed")
    numbers = present(
        steps=found.steps,
        distanceMeters=found.distance_from_steps,
        activeEnergyKcal=found.active_calories,
        totalEnergyKcal=found.calories,
    )
    # A day ends before midnight on the device's clock, whatever its zone is.
    day = {"date": named[:10], "capturedAt": document.received_at.isoformat(), "source": _SOURCE}
    return [*([("activity", {**day, **numbers})] if numbers else []), *unread]


class _HeartRate(msgspec.Struct, frozen=True):
    average: float | None = None
    maximum: float | None = None


class _Exercise(msgspec.Struct, frozen=True):
    """`start_time` is local, and the offset of it is in minutes."""

    start_time: datetime
    duration: timedelta
    id: Any = None
    start_time_utc_offset: int = 0
    sport: str = "OTHER"
    detailed_sport_info: str | None = None
    device: str | None = None
    calories: float | None = None
    distance: float | None = None
    heart_rate: _HeartRate = _HeartRate()
    training_load: float | None = None


# https://www.polar.com/accesslink-api/#get-exercise: kilocalories, meters, beats per minute; a load of Polar's own.
def exercise(document: Document) -> Readings:
    """Read a workout."""
    found, unread = lenient_body(document.body, _Exercise)
    start = _in_zone(found.start_time, found.start_time_utc_offset)
    workout = present(
        start=start.isoformat(),
        end=_after(start, found.duration).isoformat(),
        capturedAt=document.received_at.isoformat(),
        source=_SOURCE,
        **session(found.id),
        device=found.device or None,
        context="workout",
        sport=(found.detailed_sport_info or found.sport).lower(),
        durationMinutes=found.duration.total_seconds() / 60,
        distanceMeters=found.distance,
        energyKcal=found.calories,
        averageBpm=found.heart_rate.average or None,
        maxBpm=found.heart_rate.maximum or None,
        load=found.training_load,
    )
    return [("workout", workout), *unread]


def _in_zone(local: datetime, offset_min: int) -> datetime:
    if abs(offset_min) >= _MINUTES_A_DAY:
        raise InvalidMessage("start_time_utc_offset: more than a day")
    return local.replace(tzinfo=timezone(timedelta(minutes=offset_min)))


def _after(start: datetime, duration: timedelta) -> datetime:
    try:
        return start + duration
    except OverflowError as error:
        raise InvalidMessage("duration: beyond every calendar") from error


def _night(document: Document, day: str) -> dict[str, Any]:
    return {
        "date": day,
        "capturedAt": document.received_at.isoformat(),
        "source": _SOURCE,
        "context": "overnight",
    }
