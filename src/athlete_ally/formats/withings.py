"""What the answers of Withings hold: measures, nights, days and workouts.

Docs: https://developer.withings.com/api-reference/
"""

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, Generic, TypeVar

import msgspec

from athlete_ally.core.vendor.api import Document, Lister, one_by_one
from athlete_ally.core.vendor.json_body import lenient_body, minutes, moment, pages, present, session, stages_of
from athlete_ally.core.vendor.times import at_instant, in_zone
from athlete_ally.core.vendor.webhook import Readings, Unpacked

_SOURCE = "withings"

_Body = TypeVar("_Body")


class _Answer(msgspec.Struct, Generic[_Body], frozen=True):
    """What is in the envelope."""

    body: _Body


def _changed(modified: float | None, document: Document) -> str:
    """Return when something was changed: where Withings does not say it, when we got it."""
    return document.received_at.isoformat() if modified is None else moment(modified)


class _Measure(msgspec.Struct, frozen=True):
    """The value is `value` times ten to the power of `unit`, in SI units and degrees Celsius."""

    type: int
    value: int
    unit: Annotated[int, msgspec.Meta(ge=-12, le=12)]

    @property
    def real(self) -> float:
        """Return the value; divided, so that 71400 and -3 are 71.4."""
        return self.value / 10**-self.unit if self.unit < 0 else float(self.value * 10**self.unit)


class _Group(msgspec.Struct, frozen=True):
    date: float
    modified: float | None = None
    attrib: int = 0
    category: int = 1
    measures: tuple[_Measure | None, ...] = ()


class _Measures(msgspec.Struct, frozen=True):
    timezone: str
    measuregrps: tuple[msgspec.Raw, ...] = ()


# https://developer.withings.com/api-reference/#operation/measure-getmeas (meastype), also readable at
# https://github.com/joostlek/python-withings/blob/main/src/aiowithings/models.py
_WEIGHT, _HYDRATION, _SPO2, _SKIN = 1, 77, 54, 73
_BODY_TYPES = {
    1: "massKg",
    4: "heightMeters",
    5: "fatFreeMassKg",
    6: "fatPercent",
    76: "muscleMassKg",
    88: "boneMassKg",
}
_SAMPLE_TYPES = {
    9: ("diastolic_pressure", "mm[Hg]"),
    10: ("systolic_pressure", "mm[Hg]"),
    11: ("heart_rate", "/min"),
    12: ("body_temperature", "Cel"),
    71: ("body_temperature", "Cel"),
}
# attrib 1 may be another person on the same scale, 4 was typed in with the account "and may not be accurate":
# https://github.com/api-evangelist/withings/blob/main/json-schema/withings-measuregrp-object.json
_NOT_MEASURED = {1, 4}
# category 2 is what the person wishes to weigh.
_REAL = 1


def _measures(document: Document) -> Unpacked:
    answers = [page.body for page in pages(document.body, _Answer[_Measures])]
    groups = (partial(_group, document, item, answer.timezone) for answer in answers for item in answer.measuregrps)
    return one_by_one(groups, document.account)


# What is typed in comes as a group for each number, all of one instant: `one_by_one` joins them.
def _group(document: Document, item: msgspec.Raw, zone: str) -> Readings:
    group, unread = lenient_body(bytes(item), _Group)
    if group.category != _REAL or group.attrib in _NOT_MEASURED:
        return unread
    instant = at_instant(in_zone(group.date, zone))
    common = {**instant, "capturedAt": _changed(group.modified, document), "source": _SOURCE}
    values = {measure.type: measure.real for measure in group.measures if measure is not None}
    body = {name: values[number] for number, name in _BODY_TYPES.items() if number in values}
    if values.get(_WEIGHT) and _HYDRATION in values:
        # Withings weighs the water; a share of the mass is what we keep.
        body["waterPercent"] = 100 * values[_HYDRATION] / values[_WEIGHT]
    return [
        *([("body", {**common, **body})] if body else []),
        *([("spo2", {**common, "context": "spot", "percent": values[_SPO2]})] if _SPO2 in values else []),
        *([("skin_temperature", {**common, "context": "spot", "celsius": values[_SKIN]})] if _SKIN in values else []),
        *(_point(common, number, values[number]) for number in _SAMPLE_TYPES if number in values),
        *unread,
    ]


def _point(common: dict[str, Any], number: int, value: float) -> tuple[str, dict[str, Any]]:
    code, unit = _SAMPLE_TYPES[number]
    return ("samples", {**common, "context": "spot", "code": code, "unit": unit, "values": [value]})


class _Night(msgspec.Struct, frozen=True):
    """Durations in seconds. A night of another vendor has `asleepduration` and no stages."""

    total_sleep_time: float | None = None
    asleepduration: float | None = None
    lightsleepduration: float | None = None
    deepsleepduration: float | None = None
    remsleepduration: float | None = None
    wakeupduration: float | None = None
    sleep_efficiency: float | None = None
    sleep_score: float | None = None
    rr_average: float | None = None


class _Session(msgspec.Struct, frozen=True):
    timezone: str
    startdate: float
    enddate: float | None = None
    modified: float | None = None
    date: str | None = None
    id: Any = None

    def common(self, document: Document) -> dict[str, Any]:
        """Return the fields that its readings share; it belongs to the local day on which it ended.

        What has not ended has no interval yet, and belongs to the day that Withings names.
        """
        common = {"capturedAt": _changed(self.modified, document), "source": _SOURCE, **session(self.id)}
        start = in_zone(self.startdate, self.timezone)
        if self.enddate is None:
            return {"date": self.date or start.date().isoformat(), **common}
        end = in_zone(self.enddate, self.timezone)
        return {"date": end.date().isoformat(), "start": start.isoformat(), "end": end.isoformat(), **common}


class _Summary(_Session, frozen=True):
    data: _Night = _Night()


class _Summaries(msgspec.Struct, frozen=True):
    series: tuple[msgspec.Raw, ...] = ()


# https://developer.withings.com/api-reference/#operation/sleepv2-getsummary, also readable at
# https://github.com/api-evangelist/withings/blob/main/json-schema/withings-sleep-summary-object.json
def _sleeps(document: Document) -> Unpacked:
    items = (item for page in pages(document.body, _Answer[_Summaries]) for item in page.body.series)
    return one_by_one((partial(_night, document, item) for item in items), document.account)


def _night(document: Document, item: msgspec.Raw) -> Readings:
    summary, unread = lenient_body(bytes(item), _Summary)
    night, whole = summary.data, summary.common(document)
    slept = present(
        durationMinutes=minutes(night.total_sleep_time or night.asleepduration or None),
        stages=stages_of(
            awake_s=night.wakeupduration,
            light_s=night.lightsleepduration,
            deep_s=night.deepsleepduration,
            rem_s=night.remsleepduration,
        )
        if night.total_sleep_time
        else None,
        efficiency=None if night.sleep_efficiency is None else round(100 * night.sleep_efficiency, 2),
        qualityScore=night.sleep_score,
    )
    return [
        *([("sleep", {**whole, **slept})] if "durationMinutes" in slept else []),
        *([("respiratory_rate", {**whole, "breathsPerMinute": night.rr_average})] if night.rr_average else []),
        *unread,
    ]


class _Day(msgspec.Struct, frozen=True):
    """Durations in seconds, energy in kilocalories; `elevation` counts floors, `active` the time of exercise."""

    date: str
    modified: float | None = None
    steps: float | None = None
    distance: float | None = None
    elevation: float | None = None
    soft: float | None = None
    moderate: float | None = None
    intense: float | None = None
    active: float | None = None
    calories: float | None = None
    totalcalories: float | None = None


class _Effort(msgspec.Struct, frozen=True):
    """Zero stands for nothing measured. Active kilocalories, metres; `elevation` counts floors, and is no ascent."""

    calories: float | None = None
    distance: float | None = None
    hr_average: float | None = None
    hr_max: float | None = None


class _Workout(_Session, frozen=True, kw_only=True):
    category: int
    data: _Effort = _Effort()


class _Moved(msgspec.Struct, frozen=True):
    """Days of one answer, workouts of the other."""

    activities: tuple[msgspec.Raw, ...] = ()
    series: tuple[msgspec.Raw, ...] = ()


# https://developer.withings.com/api-reference/#operation/measurev2-getactivity (and -getworkouts), also
# readable at https://github.com/api-evangelist/withings/blob/main/json-schema/withings-activity-object.json
def _movements(document: Document) -> Unpacked:
    answers = [page.body for page in pages(document.body, _Answer[_Moved])]
    days = (partial(_day, document, item) for answer in answers for item in answer.activities)
    workouts = (partial(_workout, document, item) for answer in answers for item in answer.series)
    return one_by_one((*days, *workouts), document.account)


def _day(document: Document, item: msgspec.Raw) -> Readings:
    day, unread = lenient_body(bytes(item), _Day)
    values = present(
        steps=day.steps,
        distanceMeters=day.distance,
        floors=day.elevation,
        lightMinutes=minutes(day.soft),
        moderateMinutes=minutes(day.moderate),
        vigorousMinutes=minutes(day.intense),
        activeMinutes=minutes(day.active),
        activeEnergyKcal=day.calories,
        totalEnergyKcal=day.totalcalories,
    )
    common = {"date": day.date, "capturedAt": _changed(day.modified, document), "source": _SOURCE}
    return [*([("activity", {**common, **values})] if values else []), *unread]


def _workout(document: Document, item: msgspec.Raw) -> Readings:
    workout, unread = lenient_body(bytes(item), _Workout)
    effort, common = workout.data, workout.common(document)
    if "start" not in common:
        # A workout that has not ended is no workout yet; it comes again.
        return unread
    values = present(
        sport=_SPORTS.get(workout.category, f"category {workout.category}"),
        energyKcal=effort.calories or None,
        distanceMeters=effort.distance or None,
        averageBpm=effort.hr_average or None,
        maxBpm=effort.hr_max or None,
    )
    return [("workout", {**common, "context": "workout", **values}), *unread]


# https://developer.withings.com/api-reference/#operation/measurev2-getworkouts (category), also readable at
# https://github.com/joostlek/python-withings/blob/main/src/aiowithings/models.py
_SPORTS = {
    1: "walking", 2: "running", 3: "hiking", 4: "skating", 5: "bmx", 6: "cycling", 7: "swimming", 8: "surfing",
    9: "kitesurfing", 10: "windsurfing", 12: "tennis", 13: "table tennis", 14: "squash", 15: "badminton",
    16: "weight lifting", 17: "calisthenics", 18: "elliptical", 19: "pilates", 20: "basketball", 21: "soccer",
    22: "football", 23: "rugby", 24: "volleyball", 25: "water polo", 26: "horse riding", 27: "golf", 28: "yoga",
    29: "dancing", 30: "boxing", 31: "fencing", 32: "wrestling", 33: "martial arts", 34: "skiing", 35: "snowboarding",
    36: "other", 187: "rowing", 188: "zumba", 191: "baseball", 192: "handball", 193: "hockey", 194: "ice hockey",
    195: "climbing", 196: "ice skating", 272: "multisport", 306: "indoor walking", 307: "indoor running",
    308: "indoor cycling",
}  # fmt: skip

LISTERS: Mapping[str, Lister] = {
    **dict.fromkeys(("1", "2", "4"), _measures),
    "16": _movements,
    "44": _sleeps,
}
"""By category of notifications."""
