"""What the answers of Fitbit's Web API hold: nights, days and weighings, on the person's own clock.

Docs: https://dev.fitbit.com/build/reference/web-api/
"""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Annotated, Any, TypeVar

import msgspec

from athlete_ally.core.errors import InvalidMessage
from athlete_ally.core.vendor.api import Document, Lister, Reader, one_by_one
from athlete_ally.core.vendor.json_body import (
    converted,
    decoded,
    decoded_items,
    lenient,
    lenient_body,
    named,
    pages,
    present,
)
from athlete_ally.core.vendor.webhook import UNREAD, Readings, Unpacked

_SOURCE = "fitbit"
_DEEP_SOURCE = "fitbit-deep-sleep"
_STAGES = {"deep", "light", "rem"}


# Fitbit "does not support time zones for data": times are on the person's clock, whose offset no answer tells. Readings
# have the date that Fitbit gives them, and no instants; the answer that came last stays.
# https://dev.fitbit.com/build/reference/web-api/developer-guide/application-design/#Time-Zones
def _of_day(document: Document, day: str, context: str | None = "overnight", source: str = _SOURCE) -> dict[str, Any]:
    return present(date=day, capturedAt=document.received_at.isoformat(), source=source, context=context)


class _Stage(msgspec.Struct, frozen=True):
    minutes: float = 0.0


class _Levels(msgspec.Struct, frozen=True):
    summary: dict[str, _Stage] = {}


class _Log(msgspec.Struct, frozen=True, rename="camel"):
    date_of_sleep: str
    minutes_asleep: float = 0.0
    minutes_awake: float | None = None
    is_main_sleep: bool = True
    type: str = "classic"
    levels: _Levels = _Levels()


class _Filed(msgspec.Struct, frozen=True, rename="camel"):
    """Where a log belongs; anything, so that it concerns one log only."""

    date_of_sleep: Any = None
    is_main_sleep: Any = True


class _Sleep(msgspec.Struct, frozen=True):
    sleep: tuple[msgspec.Raw, ...] = ()


# https://dev.fitbit.com/build/reference/web-api/sleep/get-sleep-log-by-date/: minutes; a log of "stages" has those of
# the AASM by other names, a "classic" one only tells asleep from restless and awake. Naps have no instant that would
# tell them apart: those of a day are one reading.
def _sleep(document: Document) -> Unpacked:
    nights: list[msgspec.Raw] = []
    naps: dict[str, list[msgspec.Raw]] = {}
    for log in decoded(document.body, _Sleep).sleep:
        filed = named(bytes(log), _Filed)
        is_nap = filed is not None and filed.is_main_sleep is False
        (naps.setdefault(str(filed.date_of_sleep), []) if filed is not None and is_nap else nights).append(log)
    readers = [
        *(partial(_night, document, log) for log in nights),
        *(partial(_naps, document, logs) for logs in naps.values()),
    ]
    return one_by_one(readers, document.account)


def _naps(document: Document, logs: list[msgspec.Raw]) -> Readings:
    naps, unread = _each_of(logs, _Log)
    asleep_min = sum(nap.minutes_asleep for nap in naps)
    if asleep_min <= 0:
        return unread
    return [
        ("sleep", {**_of_day(document, naps[0].date_of_sleep, "nap"), "durationMinutes": asleep_min}),
        *unread,
    ]


_Item = TypeVar("_Item")


def _each_of(items: Iterable[msgspec.Raw], shape: type[_Item]) -> tuple[list[_Item], Readings]:
    """Return items that are one reading together; one that can't be read costs the others nothing."""
    good: list[_Item] = []
    unread: Readings = []
    for item in items:
        try:
            value, its_unread = lenient_body(bytes(item), shape)
        except InvalidMessage as error:
            unread.append((UNREAD, {"error": str(error)}))
        else:
            good.append(value)
            unread += its_unread
    return good, unread


def _night(document: Document, item: msgspec.Raw) -> Readings:
    log, unread = lenient_body(bytes(item), _Log)
    if log.minutes_asleep <= 0:
        return unread
    stages: dict[str, float] = {} if log.minutes_awake is None else {"awake": log.minutes_awake}
    if log.type == "stages":
        stages |= {name: stage.minutes for name, stage in log.levels.summary.items() if name in _STAGES}
    fields = present(durationMinutes=log.minutes_asleep, stages=stages or None)
    return [("sleep", {**_of_day(document, log.date_of_sleep), **fields}), *unread]


class _Value(msgspec.Struct, frozen=True, rename="camel"):
    """What a night was found to be; each answer holds some of it."""

    daily_rmssd: float | None = None
    deep_rmssd: float | None = None
    breathing_rate: float | None = None
    avg: float | None = None
    min: float | None = None
    nightly_relative: float | None = None


class _Dated(msgspec.Struct, frozen=True, rename="camel"):
    date_time: str
    value: _Value = _Value()


_OfDay = Callable[[Document, _Dated], Readings]


def _each(document: Document, items: list[Any], read: _OfDay) -> Unpacked:
    def lazy(item: Any) -> Readings:
        dated, unread = lenient(item, _Dated)
        return [*read(document, dated), *unread]

    return one_by_one((partial(lazy, item) for item in items), document.account)


def _listed(name: str, read: _OfDay, document: Document) -> Unpacked:
    items = decoded(document.body, dict[str, Any]).get(name)
    return _each(document, [] if items is None else converted(items, list[Any]), read)


# https://dev.fitbit.com/build/reference/web-api/heartrate-variability/get-hrv-summary-by-date/: rMSSD in milliseconds
# of the main sleep, and of its deep sleep: two measures of one night, which must not take each other's place.
def _hrv(document: Document, day: _Dated) -> Readings:
    return [
        ("hrv", {**_of_day(document, day.date_time, source=source), "rmssd": rmssd})
        for rmssd, source in ((day.value.daily_rmssd, _SOURCE), (day.value.deep_rmssd, _DEEP_SOURCE))
        if rmssd
    ]


# https://dev.fitbit.com/build/reference/web-api/breathing-rate/get-br-summary-by-date/: breaths a minute, asleep.
def _breathing(document: Document, day: _Dated) -> Readings:
    breaths = day.value.breathing_rate
    return [("respiratory_rate", {**_of_day(document, day.date_time), "breathsPerMinute": breaths})] if breaths else []


# https://dev.fitbit.com/build/reference/web-api/spo2/get-spo2-summary-by-date/: per cent of the main sleep. A day
# without any is an empty list in public code, and not an object.
def _spo2(document: Document, day: _Dated) -> Readings:
    values = present(percent=day.value.avg, lowestPercent=day.value.min)
    return [("spo2", {**_of_day(document, day.date_time), **values})] if day.value.avg else []


# https://dev.fitbit.com/build/reference/web-api/temperature/get-temperature-skin-summary-by-date/: the difference from
# the person's baseline, not a temperature.
def _skin(document: Document, day: _Dated) -> Readings:
    warmer = day.value.nightly_relative
    night = _of_day(document, day.date_time)
    return [] if warmer is None else [("skin_temperature", {**night, "deviationCelsius": warmer})]


class _Distance(msgspec.Struct, frozen=True):
    activity: str
    distance: float


class _Summary(msgspec.Struct, frozen=True, rename="camel"):
    steps: float | None = None
    calories_out: float | None = None
    lightly_active_minutes: float | None = None
    fairly_active_minutes: float | None = None
    very_active_minutes: float | None = None
    sedentary_minutes: float | None = None
    floors: float | None = None
    resting_heart_rate: float | None = None
    distances: tuple[_Distance | None, ...] = ()


class _Day(msgspec.Struct, frozen=True):
    summary: _Summary


class _Counted(msgspec.Struct, frozen=True, rename="camel"):
    date_time: str


class Steps(msgspec.Struct, frozen=True):
    """The days of an answer about steps, which name their dates."""

    days: Annotated[tuple[_Counted, ...], msgspec.Meta(min_length=1)] = msgspec.field(name="activities-steps")


# https://dev.fitbit.com/build/reference/web-api/activity/get-daily-activity-summary/: kilometers. The summary does not
# say of which day it is; the steps, which were asked for before it, do. `activityCalories` hold the basal rate of the
# active minutes, which neither of our energies does.
def _activities(document: Document) -> Readings:
    (steps, whole), unread = lenient_body(document.body, tuple[Steps, _Day])
    summary, day = whole.summary, _of_day(document, steps.days[0].date_time, context=None)
    total_km = [each.distance for each in summary.distances if each is not None and each.activity == "total"]
    numbers = present(
        steps=summary.steps,
        distanceMeters=total_km[0] * 1000 if total_km else None,
        totalEnergyKcal=summary.calories_out,
        lightMinutes=summary.lightly_active_minutes,
        moderateMinutes=summary.fairly_active_minutes,
        vigorousMinutes=summary.very_active_minutes,
        sedentaryMinutes=summary.sedentary_minutes,
        floors=summary.floors,
    )
    resting = summary.resting_heart_rate
    return [
        *([("activity", {**day, **numbers})] if numbers else []),
        *([("resting_heart_rate", {**day, "bpm": resting})] if resting else []),
        *unread,
    ]


class _Weighing(msgspec.Struct, frozen=True):
    date: str
    weight: float | None = None
    time: str = ""
    fat: float | None = None


class _Weighed(msgspec.Struct, frozen=True):
    date: Any = None


class _Weights(msgspec.Struct, frozen=True):
    weight: tuple[msgspec.Raw, ...] = ()


# https://dev.fitbit.com/build/reference/web-api/body/get-weight-log/: kilograms and per cent. The times have no offset,
# so that the day is one record: what was weighed last, and what only an earlier weighing of the day says.
def _weights(document: Document) -> Unpacked:
    days: dict[str, list[msgspec.Raw]] = {}
    for item in decoded(document.body, _Weights).weight:
        weighed = named(bytes(item), _Weighed)
        days.setdefault("" if weighed is None else str(weighed.date), []).append(item)
    return one_by_one((partial(_last_weight, document, items) for items in days.values()), document.account)


def _last_weight(document: Document, items: list[msgspec.Raw]) -> Readings:
    weighings, unread = _each_of(items, _Weighing)
    values: dict[str, Any] = {}
    for each in sorted(weighings, key=lambda each: each.time):
        values |= present(massKg=each.weight or None, fatPercent=each.fat or None)
    return [*([("body", {**_of_day(document, weighings[0].date, None), **values})] if values else []), *unread]


class _Point(msgspec.Struct, frozen=True, rename="camel"):
    date_time: str
    value: Any


class _Heart(msgspec.Struct, frozen=True, rename="camel"):
    resting_heart_rate: float | None = None


# https://dev.fitbit.com/build/reference/web-api/activity-timeseries/get-activity-timeseries-by-date-range/: the numbers
# of a day's summary, each a text; distances in kilometers.
_SERIES = {
    "activities-steps": ("steps", 1.0),
    "activities-distance": ("distanceMeters", 1000.0),
    "activities-calories": ("totalEnergyKcal", 1.0),
    "activities-minutesLightlyActive": ("lightMinutes", 1.0),
    "activities-minutesFairlyActive": ("moderateMinutes", 1.0),
    "activities-minutesVeryActive": ("vigorousMinutes", 1.0),
    "activities-minutesSedentary": ("sedentaryMinutes", 1.0),
    "activities-floors": ("floors", 1.0),
}
_HEART = "activities-heart"


def _series(document: Document) -> Unpacked:
    days: dict[str, dict[str, Any]] = {}
    broken: list[str] = []
    for answer in pages(document.body, dict[str, Any]):
        for name in sorted({*_SERIES, _HEART} & set(answer)):
            for item in converted(answer[name], list[Any]) if answer[name] is not None else []:
                try:
                    point = converted(item, _Point)
                except InvalidMessage as error:
                    broken.append(f"{name}: {error}")
                else:
                    days.setdefault(point.date_time, {})[name] = point.value
    readers = [partial(_day, document, day, days[day]) for day in sorted(days)]
    return one_by_one([*readers, *(partial(_broken, error) for error in broken)], document.account)


def _broken(error: str) -> Readings:
    raise InvalidMessage(error)


def _day(document: Document, day: str, values: dict[str, Any]) -> Readings:
    numbers: dict[str, float] = {}
    unread: Readings = []
    for name, (field, factor) in _SERIES.items():
        number = _number(values.get(name))
        if number is not None:
            numbers[field] = number * factor
        elif values.get(name) is not None:
            unread.append((UNREAD, {"error": f"{name}: a value is not a number"}))
    heart, its_unread = lenient(values.get(_HEART) or {}, _Heart)
    resting = heart.resting_heart_rate
    common = _of_day(document, day, context=None)
    return [
        # Fitbit fills in what nobody wore: a day without a step is sedentary from one midnight to the next.
        *([("activity", {**common, **numbers})] if numbers.get("steps") else []),
        *([("resting_heart_rate", {**common, "bpm": resting})] if resting else []),
        *unread,
        *its_unread,
    ]


def _number(value: Any) -> float | None:
    """Return a number, which is written as a text and with as many decimals as a computer has."""
    return float(value) if re.fullmatch(r"\d{1,9}(\.\d{1,30})?", str(value), re.ASCII) else None


READERS: Mapping[str, Reader] = {"activities": _activities}
LISTERS: Mapping[str, Lister] = {
    "sleep": _sleep,
    "hrv": partial(_listed, "hrv", _hrv),
    "breathing_rate": partial(_listed, "br", _breathing),
    "spo2": lambda document: _each(document, decoded_items(document.body), _spo2),
    "skin_temperature": partial(_listed, "tempSkin", _skin),
    "activity_series": _series,
    "weight": _weights,
}
"""Each reads the answer about a day, and the one about many."""
