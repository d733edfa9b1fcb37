"""Fitbit's own Web API: notifications that name what changed, and the days that they name. Google Health succeeds it.

Docs: https://dev.fitbit.com/build/reference/web-api/developer-guide/using-subscriptions/
Google turns this API off on 2 November 2026: https://developers.google.com/health/reference/rest/v4beta/Subscription
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any
from urllib.parse import quote

import msgspec

from athlete_ally.core.api import Api, Call, Document, OAuth, Rate, by_type, seconds_of
from athlete_ally.core.errors import InvalidMessage
from athlete_ally.core.signature import Hmac, Request, is_secret
from athlete_ally.core.vendor import Answer, Readings, Resource, Secrets, Unpacked, Unusable, Vendor, Webhook
from athlete_ally.core.vendor_json import converted, decoded, decoded_items, present

_DOCS = "https://dev.fitbit.com/build/reference/web-api/developer-guide/using-subscriptions/"
_REVOKED = "userRevokedAccess"
_RATES = "https://dev.fitbit.com/build/reference/web-api/developer-guide/application-design/#Rate-Limits"
_SOURCE = "fitbit"
_DEEP_SOURCE = "fitbit-deep-sleep"
_STAGES = {"deep", "light", "rem"}
# What belongs to a night has no collection of its own: it is there once the sleep is.
# https://dev.fitbit.com/build/reference/web-api/developer-guide/using-subscriptions/#Types-of-Subscriptions
_OF_COLLECTION = {
    "sleep": ("sleep", "hrv", "breathing_rate", "spo2", "skin_temperature"),
    "activities": ("activities",),
    "body": ("weight",),
}
# https://dev.fitbit.com/build/reference/web-api/: under each, "... by Date"
_PATHS = {
    "sleep": "/1.2/user/-/sleep/date/{}.json",
    "hrv": "/1/user/-/hrv/date/{}.json",
    "breathing_rate": "/1/user/-/br/date/{}.json",
    "spo2": "/1/user/-/spo2/date/{}.json",
    "skin_temperature": "/1/user/-/temp/skin/date/{}.json",
    "activities": "/1/user/-/activities/steps/date/{}/1d.json",
    "weight": "/1/user/-/body/log/weight/date/{}.json",
}


class _Notification(msgspec.Struct, frozen=True):
    collectionType: str  # noqa: N815  # the vendor's name
    ownerId: str  # noqa: N815  # the vendor's name
    date: str = ""


def unpack(webhook: Webhook) -> Unpacked:
    """Read a list of notifications; a person who took the permission back is one of them."""
    resources: list[Resource] = []
    withdrawn: list[str] = []
    unusable: list[Unusable] = []
    for index, item in enumerate(decoded(webhook.body, list[Any])):
        try:
            notification = converted(item, _Notification)
        except InvalidMessage as error:
            unusable.append(Unusable(index, str(error)))
            continue
        if notification.collectionType == _REVOKED:
            withdrawn.append(notification.ownerId)
        else:
            types = _OF_COLLECTION.get(notification.collectionType, (notification.collectionType,))
            resources += [Resource(notification.ownerId, each, notification.date) for each in types]
    return Unpacked(resources=tuple(resources), withdrawn=tuple(withdrawn), unusable=tuple(unusable))


def call(resource: Resource) -> Call | None:
    """Return how to ask for a day of what changed."""
    if resource.type not in _PATHS or not resource.id:
        return None
    path = _PATHS[resource.type].format(quote(resource.id, safe=""))
    return Call(path, then=_its_summary if resource.type == "activities" else None)


# The summary of a day does not say of which day it is: the steps do, and both are kept together.
# https://dev.fitbit.com/build/reference/web-api/activity-timeseries/get-activity-timeseries-by-date/
def _its_summary(steps: bytes) -> Call:
    day = decoded(steps, _Steps).days[0].date_time
    return Call(f"/1/user/-/activities/date/{quote(day, safe='')}.json")


class _Error(msgspec.Struct, frozen=True):
    errorType: str = ""  # noqa: N815  # the vendor's name


class _Errors(msgspec.Struct, frozen=True):
    errors: tuple[_Error, ...] = ()


# {"errors": [{"errorType": "invalid_grant", "message": ...}], "success": false}, with the words of OAuth 2:
# https://dev.fitbit.com/build/reference/web-api/troubleshooting-guide/error-messages/
def unwrap(body: bytes) -> bytes:
    """Return the standard's document, or the error that it has a place for."""
    errors = decoded(body, _Errors).errors
    return msgspec.json.encode({"error": errors[0].errorType or "invalid_request"}) if errors else body


def wait_s(headers: Mapping[str, str], _now_s: float) -> float | None:
    """Return "the number of seconds until the rate limit resets"."""
    # https://dev.fitbit.com/build/reference/web-api/developer-guide/application-design/#Rate-Limits
    return seconds_of(headers, "fitbit-rate-limit-reset", "retry-after")


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
    minutes_asleep: float
    minutes_awake: float | None = None
    is_main_sleep: bool = True
    type: str = "classic"
    levels: _Levels = _Levels()


class _Sleep(msgspec.Struct, frozen=True):
    sleep: tuple[_Log, ...] = ()


# https://dev.fitbit.com/build/reference/web-api/sleep/get-sleep-log-by-date/: minutes; a log of "stages" has those of
# the AASM by other names, a "classic" one only tells asleep from restless and awake. Naps have no instant that would
# tell them apart: those of a day are one reading.
def _sleep(document: Document) -> Readings:
    logs = decoded(document.body, _Sleep).sleep
    nights = [("sleep", _main_sleep(document, log)) for log in logs if log.is_main_sleep and log.minutes_asleep > 0]
    naps: dict[str, float] = {}
    for log in logs:
        if not log.is_main_sleep:
            naps[log.date_of_sleep] = naps.get(log.date_of_sleep, 0.0) + log.minutes_asleep
    summed = [
        ("sleep", {**_of_day(document, day, "nap"), "durationMinutes": minutes})
        for day, minutes in naps.items()
        if minutes > 0
    ]
    return [*nights, *summed]


def _main_sleep(document: Document, log: _Log) -> dict[str, Any]:
    stages: dict[str, float] = {} if log.minutes_awake is None else {"awake": log.minutes_awake}
    if log.type == "stages":
        stages |= {name: stage.minutes for name, stage in log.levels.summary.items() if name in _STAGES}
    fields = present(durationMinutes=log.minutes_asleep, stages=stages or None)
    return {**_of_day(document, log.date_of_sleep), **fields}


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


def _listed(document: Document, name: str) -> list[_Dated]:
    return converted(decoded(document.body, dict[str, Any]).get(name, []), list[_Dated])


# https://dev.fitbit.com/build/reference/web-api/heartrate-variability/get-hrv-summary-by-date/: rMSSD in milliseconds
# of the main sleep, and of its deep sleep: two measures of one night, which must not take each other's place.
def _hrv(document: Document) -> Readings:
    return [
        ("hrv", {**_of_day(document, day.date_time, source=source), "rmssd": rmssd})
        for day in _listed(document, "hrv")
        for rmssd, source in ((day.value.daily_rmssd, _SOURCE), (day.value.deep_rmssd, _DEEP_SOURCE))
        if rmssd
    ]


# https://dev.fitbit.com/build/reference/web-api/breathing-rate/get-br-summary-by-date/: breaths a minute, asleep.
def _breathing(document: Document) -> Readings:
    return [
        ("respiratory_rate", {**_of_day(document, day.date_time), "breathsPerMinute": day.value.breathing_rate})
        for day in _listed(document, "br")
        if day.value.breathing_rate
    ]


# https://dev.fitbit.com/build/reference/web-api/spo2/get-spo2-summary-by-date/: per cent of the main sleep. A day
# without any is an empty list in public code, and not an object.
def _spo2(document: Document) -> Readings:
    return [
        ("spo2", {**_of_day(document, day.date_time), **present(percent=day.value.avg, lowestPercent=day.value.min)})
        for day in converted(decoded_items(document.body), list[_Dated])
        if day.value.avg
    ]


# https://dev.fitbit.com/build/reference/web-api/temperature/get-temperature-skin-summary-by-date/: the difference from
# the person's baseline, not a temperature.
def _skin(document: Document) -> Readings:
    return [
        ("skin_temperature", {**_of_day(document, day.date_time), "deviationCelsius": day.value.nightly_relative})
        for day in _listed(document, "tempSkin")
        if day.value.nightly_relative is not None
    ]


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
    distances: tuple[_Distance, ...] = ()


class _Day(msgspec.Struct, frozen=True):
    summary: _Summary


class _Counted(msgspec.Struct, frozen=True, rename="camel"):
    date_time: str


class _Steps(msgspec.Struct, frozen=True):
    days: Annotated[tuple[_Counted, ...], msgspec.Meta(min_length=1)] = msgspec.field(name="activities-steps")


# https://dev.fitbit.com/build/reference/web-api/activity/get-daily-activity-summary/: kilometers. The summary does not
# say of which day it is; the steps, which were asked for before it, do. `activityCalories` hold the basal rate of the
# active minutes, which neither of our energies does.
def _activities(document: Document) -> Readings:
    steps, whole = decoded(document.body, tuple[_Steps, _Day])
    summary, day = whole.summary, _of_day(document, steps.days[0].date_time, context=None)
    total_km = [each.distance for each in summary.distances if each.activity == "total"]
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
    ]


class _Weighing(msgspec.Struct, frozen=True):
    date: str
    weight: float
    time: str = ""
    fat: float | None = None


class _Weights(msgspec.Struct, frozen=True):
    weight: tuple[_Weighing, ...] = ()


# https://dev.fitbit.com/build/reference/web-api/body/get-weight-log/: kilograms and per cent; of a day the last one.
def _weights(document: Document) -> Readings:
    last = {each.date: each for each in sorted(decoded(document.body, _Weights).weight, key=lambda each: each.time)}
    return [
        ("body", {**_of_day(document, each.date, None), **present(massKg=each.weight, fatPercent=each.fat)})
        for each in last.values()
    ]


_READERS: Mapping[str, Callable[[Document], Readings]] = {
    "sleep": _sleep,
    "hrv": _hrv,
    "breathing_rate": _breathing,
    "spo2": _spo2,
    "skin_temperature": _skin,
    "activities": _activities,
    "weight": _weights,
}


API = Api(
    base_url="https://api.fitbit.com",
    # https://dev.fitbit.com/build/reference/web-api/authorization/oauth2-token and .../authorization/authorize
    oauth=OAuth(
        authorize_url="https://www.fitbit.com/oauth2/authorize",
        token_url="https://api.fitbit.com/oauth2/token",  # noqa: S106  # an address
        scopes=(
            "activity",
            "heartrate",
            "sleep",
            "oxygen_saturation",
            "respiratory_rate",
            "temperature",
            "weight",
        ),
        account_field="user_id",
        unwrap=unwrap,
        client_by="basic",
        pkce=True,
    ),
    call=call,
    # "150 API requests per hour for each user who has consented":
    # https://dev.fitbit.com/build/reference/web-api/developer-guide/application-design/#Rate-Limits
    rates=(Rate(150, 3_600),),
    counts="person",
    wait_s=wait_s,
    read=by_type(_READERS),
    sources=("https://dev.fitbit.com/build/reference/web-api/authorization/oauth2-token", _RATES),
    unconfirmed=(
        "that what belongs to a night is there when the notification of its sleep comes",
        "that answers are metric where no Accept-Language is sent; that degrees are Celsius then",
        "`efficiency` is a score by Fitbit's own rule, not the share of time in bed: it is left in the answer",
    ),
)


def key(secret: str) -> bytes:
    """Return the client secret followed by an ampersand."""
    # https://dev.fitbit.com/build/reference/web-api/developer-guide/best-practices/#Subscriber-Security
    return f"{secret}&".encode()


# A GET with the right verify code wants 204, one with a wrong code 404; Fitbit tries both.
# https://dev.fitbit.com/build/reference/web-api/developer-guide/using-subscriptions/#Verifying-a-Subscriber
def handshake(request: Request, secrets: Secrets) -> Answer | None:
    """Tell whether the code is the one that Fitbit showed when the subscriber was added."""
    if request.method != "GET" or "verify" not in request.query:
        return None
    return Answer(204 if is_secret(request.query["verify"], secrets.tokens) else 404)


FITBIT = Vendor(
    name="fitbit",
    title="Fitbit Web API",
    # Base64 of HMAC-SHA1 over the body, keyed with the client secret and an ampersand; no timestamp.
    # https://dev.fitbit.com/build/reference/web-api/developer-guide/best-practices/#Subscriber-Security
    signature=Hmac(header="x-fitbit-signature", signed=("body",), algorithm="sha1", encoding="base64", key=key),
    unpack=unpack,
    carries="ids",
    kinds=(
        "sleep",
        "hrv",
        "respiratory_rate",
        "spo2",
        "skin_temperature",
        "activity",
        "resting_heart_rate",
        "body",
    ),
    sources=(_DOCS,),
    handshake=handshake,
    shakes_hands="GET with `verify`: 204 for the right code, 404 for a wrong one",
    asks_for_token=True,
    # The same text again, later on the same day, tells of another change.
    repeats_are_news=True,
    # "a 204 No Content within 5 seconds":
    # https://dev.fitbit.com/build/reference/web-api/developer-guide/using-subscriptions/
    accepted=Answer(204),
    deadline_s=5.0,
    kept_headers=("x-fitbit-signature",),
    api=API,
)
