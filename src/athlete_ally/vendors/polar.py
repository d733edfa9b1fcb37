"""Polar AccessLink: notifications that name what changed, and the nights, days and sessions that they name.

Docs: https://www.polar.com/accesslink-api/#webhooks
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any
from urllib.parse import quote

import msgspec

from athlete_ally.core.errors import InvalidMessage
from athlete_ally.core.vendor.api import (
    Api,
    Document,
    Judgement,
    OAuth,
    Rate,
    Reader,
    askable,
    by_status,
    by_type,
    one_by_one,
)
from athlete_ally.core.vendor.call import Call
from athlete_ally.core.vendor.history import Listing, Window
from athlete_ally.core.vendor.json_body import decoded, lenient_body, present, session, stages_of
from athlete_ally.core.vendor.plugin import Answer, Secrets, Vendor
from athlete_ally.core.vendor.signature import Hmac, Request
from athlete_ally.core.vendor.webhook import NOTHING, UNREAD, Readings, Resource, Unpacked, Webhook

_SITE = "https://www.polar.com/accesslink-api/"
_DOCS = f"{_SITE}#webhooks"
_REFERENCE = (
    "https://raw.githubusercontent.com/api-evangelist/polar/main/openapi/_original/polar-accesslink-api-openapi.yml"
)
_PING = "PING"
_EXERCISE = "EXERCISE"
_SLEEP = "SLEEP"
_RECHARGE = "NIGHTLY_RECHARGE"
_ACTIVITY_LIST = "ACTIVITY_SUMMARY_LIST"
_EXERCISE_LIST = "EXERCISE_LIST"
_SOURCE = "polar"
_MINUTE = timedelta(minutes=1)
_MINUTES_A_DAY = 1440
_PATHS = {
    _EXERCISE: "/v3/exercises/",
    _SLEEP: "/v3/users/sleep/",
    _RECHARGE: "/v3/users/nightly-recharge/",
    "ACTIVITY_SUMMARY": "/v3/users/activities/",
}


class _Notification(msgspec.Struct, frozen=True):
    """`entity_id` names an exercise; events without one name a date or only an address in `url`."""

    event: str
    user_id: int | None = None
    entity_id: str | None = None
    date: str | None = None
    url: str | None = None


def unpack(webhook: Webhook) -> Unpacked:
    """Read a notification (EXERCISE, SLEEP, ACTIVITY_SUMMARY ...)."""
    notification = decoded(webhook.body, _Notification)
    if notification.event == _PING:
        return NOTHING
    if notification.user_id is None:
        raise InvalidMessage("user_id: needed")
    # Of an address only its last part is read, which is the date or the id.
    name = notification.entity_id or notification.date or (notification.url or "").rpartition("/")[2]
    # Nothing tells of a Nightly Recharge: it comes of the night, and has its date.
    types = (_SLEEP, _RECHARGE) if notification.event == _SLEEP else (notification.event,)
    named = (Resource(str(notification.user_id), each, name) for each in types)
    resources, unusable = askable(0, named, call, _PATHS)
    return Unpacked(resources=tuple(resources), unusable=tuple(unusable))


# A PING has to be answered with 200 before Polar creates the webhook and tells the secret: it can't be verified.
# https://www.polar.com/accesslink-api/#create-webhook
def handshake(request: Request, _secrets: Secrets) -> Answer | None:
    """Answer a PING, from whomever: nothing of it is kept, and nothing is told."""
    if request.method != "POST":
        return None
    try:
        return Answer(200) if decoded(request.body, _Notification).event == _PING else None
    except InvalidMessage:
        return None


# https://www.polar.com/accesslink-api/#exercises, #sleep, #nightly-recharge and #daily-activity. The address that a
# notification holds is not followed: whoever knew the secret could lead a token anywhere with it.
def call(resource: Resource) -> Call | None:
    """Return how to ask for an exercise by its id, or for a night or day by its date."""
    if resource.type not in _PATHS or not resource.id:
        return None
    if resource.type != _EXERCISE and re.fullmatch(r"\d{4}-\d\d-\d\d", resource.id, re.ASCII) is None:
        return None
    return Call(_PATHS[resource.type] + quote(resource.id, safe=""))


# A night is asked for by its date, as after a webhook: the list of nights takes no dates. "List sleep data of user for
# the last 28 days": https://www.polar.com/accesslink-api/#list-nights and #list-nightly-recharges
def _of_day(type_name: str, window: Window) -> Call:
    return Call(f"{_PATHS[type_name]}{window.first}")


# "From date cannot be older than 365 days from today and the maximum range between from and to is 28 days."
# https://www.polar.com/accesslink-api/#list-activities
def _activities(window: Window) -> Call:
    return Call("/v3/users/activities", query={"from": f"{window.first}", "to": f"{window.last}"})


# "Only Exercises uploaded to Flow in the last 30 days are returned", all of them, whatever was asked for.
# https://www.polar.com/accesslink-api/#list-exercises
def _exercises(_window: Window) -> Call:
    return Call("/v3/exercises")


def _read_list(reader: Reader, document: Document) -> Unpacked:
    items = decoded(document.body, tuple[msgspec.Raw, ...])
    return one_by_one((partial(reader, replace(document, body=bytes(item))) for item in items), document.account)


# "Once partner has been authorized by user, partner must register the user before being able to access its data."
# https://www.polar.com/accesslink-api/#register-user
def enrol(account: str) -> Call:
    """Return how to register a person, by an identifier that tells Polar nothing that it does not know."""
    return Call("/v3/users", json={"member-id": account})


def judge(status: int, body: bytes) -> Judgement:
    """Judge by status: 204 is a day without data, 409 a person who is registered already, 403 a missing consent.

    https://www.polar.com/accesslink-api/#register-user and #get-activity-for-given-date
    """
    match status:
        case 204:
            return "gone"
        case 409:
            return "ok"
        case _:
            return by_status(status, body)


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
def _sleep(document: Document) -> Readings:
    sleep, unread = lenient_body(document.body, _Sleep)
    in_stages_s = (sleep.light_sleep or 0) + (sleep.deep_sleep or 0) + (sleep.rem_sleep or 0)
    asleep_s = in_stages_s + sleep.unrecognized_sleep_stage
    stages = stages_of(
        awake_s=sleep.total_interruption_duration,
        light_s=sleep.light_sleep,
        deep_s=sleep.deep_sleep,
        rem_s=sleep.rem_sleep,
    )
    night = present(
        **_night(document, sleep.date),
        **_interval(sleep),
        durationMinutes=asleep_s / 60,
        stages=stages if in_stages_s else None,
        # From 1 on: a night without a score has none, or 0.
        qualityScore=sleep.sleep_score or None,
    )
    return [*([("sleep", night)] if asleep_s > 0 else []), *_heart_rates(document, sleep), *unread]


# A night that goes on has no end yet; it has its date.
def _interval(sleep: _Sleep) -> dict[str, str]:
    start, end = sleep.sleep_start_time, sleep.sleep_end_time
    return {} if start is None or end is None else {"start": start.isoformat(), "end": end.isoformat()}


# The same page: averages of five minutes in beats per minute, by the clock of the night ("00:41"). What comes before
# the start on that clock is the next day. In a night in which clocks change nobody says which of two hours is meant.
def _heart_rates(document: Document, sleep: _Sleep) -> Readings:
    if sleep.sleep_start_time is None or sleep.sleep_end_time is None:
        return []
    start = sleep.sleep_start_time.replace(second=0, microsecond=0)
    if start.utcoffset() != sleep.sleep_end_time.utcoffset():
        return []
    points, bad = _points(start, sleep.heart_rate_samples)
    unread: Readings = [(UNREAD, {"error": f"heart_rate_samples: {bad} of them no HH:MM with a number"})] if bad else []
    if not points:
        return unread
    last = start + timedelta(minutes=points[-1][0])
    run = {
        "start": start.isoformat(),
        "end": max(last, sleep.sleep_end_time, start + _MINUTE).isoformat(),
        "code": "heart_rate",
        "unit": "/min",
        "values": [bpm for _, bpm in points],
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


# https://www.polar.com/accesslink-api/#get-nightly-recharge: rMSSD in milliseconds and breaths a minute, both averages
# of four hours from half an hour after falling asleep on. The heart rate of these hours is no resting heart rate.
def _recharge(document: Document) -> Readings:
    recharge, unread = lenient_body(document.body, _Recharge)
    night = _night(document, recharge.date)
    rmssd, breaths = recharge.heart_rate_variability_avg, recharge.breathing_rate_avg
    return [
        *([("hrv", {**night, "rmssd": rmssd})] if rmssd else []),
        *([("respiratory_rate", {**night, "breathsPerMinute": breaths})] if breaths else []),
        *unread,
    ]


class _Activity(msgspec.Struct, frozen=True):
    end_time: str | None = None
    start_time: str | None = None
    calories: float | None = None
    active_calories: float | None = None
    steps: float | None = None
    distance_from_steps: float | None = None


# https://www.polar.com/accesslink-api/#get-activity-for-given-date: kilocalories, with and without the basal rate, and
# meters. `active_duration` holds light movement too, and `daily_activity` is a share of a goal: neither is used.
def _activity(document: Document) -> Readings:
    activity, unread = lenient_body(document.body, _Activity)
    named = activity.end_time or activity.start_time
    if named is None:
        raise InvalidMessage("end_time: needed")
    numbers = present(
        steps=activity.steps,
        distanceMeters=activity.distance_from_steps,
        activeEnergyKcal=activity.active_calories,
        totalEnergyKcal=activity.calories,
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
def _exercise(document: Document) -> Readings:
    exercise, unread = lenient_body(document.body, _Exercise)
    start = _in_zone(exercise.start_time, exercise.start_time_utc_offset)
    workout = present(
        start=start.isoformat(),
        end=_after(start, exercise.duration).isoformat(),
        capturedAt=document.received_at.isoformat(),
        source=_SOURCE,
        **session(exercise.id),
        device=exercise.device or None,
        context="workout",
        sport=(exercise.detailed_sport_info or exercise.sport).lower(),
        durationMinutes=exercise.duration.total_seconds() / 60,
        distanceMeters=exercise.distance,
        energyKcal=exercise.calories,
        averageBpm=exercise.heart_rate.average or None,
        maxBpm=exercise.heart_rate.maximum or None,
        load=exercise.training_load,
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


_READERS: Mapping[str, Callable[[Document], Readings]] = {
    "EXERCISE": _exercise,
    _SLEEP: _sleep,
    _RECHARGE: _recharge,
    "ACTIVITY_SUMMARY": _activity,
}


API = Api(
    base_url="https://www.polaraccesslink.com",
    # https://www.polar.com/accesslink-api/#authentication: there is no refresh token, and `x_user_id` is the person.
    oauth=OAuth(
        authorize_url="https://flow.polar.com/oauth2/authorization",
        token_url="https://polarremote.com/v2/oauth2/token",  # noqa: S106  # an address
        scopes=("accesslink.read_all",),
        account_field="x_user_id",
        client_by="basic",
        enrol=enrol,
    ),
    call=call,
    rates=(Rate(500, 900), Rate(5_000, 86_400)),
    judge=judge,
    read=by_type(
        _READERS,
        {_ACTIVITY_LIST: partial(_read_list, _activity), _EXERCISE_LIST: partial(_read_list, _exercise)},
    ),
    history=(
        Listing(_SLEEP, partial(_of_day, _SLEEP), longest_days=1, docs=f"{_SITE}#list-nights", reaches_days=28),
        Listing(
            _RECHARGE,
            partial(_of_day, _RECHARGE),
            longest_days=1,
            docs=f"{_SITE}#list-nightly-recharges",
            reaches_days=28,
        ),
        Listing(_ACTIVITY_LIST, _activities, longest_days=28, docs=f"{_SITE}#list-activities", reaches_days=365),
        Listing(_EXERCISE_LIST, _exercises, longest_days=30, docs=f"{_SITE}#list-exercises", reaches_days=30),
    ),
    sources=("https://www.polar.com/accesslink-api/#authentication", _REFERENCE),
    unconfirmed=(
        "the limits, which grow with the number of people: 500 in 15 minutes and 5,000 a day is for none",
        "what the headers of a refusal say: how long to wait is read from `Retry-After` only",
        "the day of an activity summary: its times are said to be UTC, and look like the device's",
        "by which clock the heart rates of a night are in which clocks change: they are left out then",
        "whether a night older than 28 days is had by its date: the list of nights ends there, and so do we",
        "continuous heart rate is not asked for: its times are the device's, and nothing tells their offset",
        "that `x_user_id` is the `user_id` of webhooks: the reference calls both the Polar user id",
    ),
)


POLAR = Vendor(
    name="polar",
    title="Polar AccessLink",
    # Lower-case hex of HMAC-SHA256 over the body, keyed with signature_secret_key; no timestamp.
    # https://www.polar.com/accesslink-api/#webhooks
    signature=Hmac(header="polar-webhook-signature", signed=("body",)),
    unpack=unpack,
    carries="ids",
    kinds=("sleep", "samples", "hrv", "respiratory_rate", "activity", "workout"),
    sources=(
        _DOCS,
        "https://raw.githubusercontent.com/api-evangelist/polar/main/openapi/polar-accesslink-webhooks-asyncapi.yml",
    ),
    unconfirmed=("the case of the hex digits; how long Polar waits for an answer",),
    handshake=handshake,
    shakes_hands="POST `PING`: 200, before there is a secret",
    api=API,
    kept_headers=("polar-webhook-signature", "polar-webhook-event"),
)
