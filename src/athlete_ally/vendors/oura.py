"""Oura: notifications that name what changed, and the documents that they name.

Docs: https://cloud.ouraring.com/v2/docs#tag/Webhook-Subscription-Routes
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import quote

import msgspec

from athlete_ally.core.vendor.api import Api, Document, OAuth, Rate, Reader, askable, by_type, one_by_one
from athlete_ally.core.vendor.call import Call
from athlete_ally.core.vendor.history import Listing, Window
from athlete_ally.core.vendor.json_body import decoded, lenient_body, minutes, named, pages, present, session, stages_of
from athlete_ally.core.vendor.paging import paged
from athlete_ally.core.vendor.plugin import Answer, Secrets, Vendor
from athlete_ally.core.vendor.signature import Hmac, Request, is_secret
from athlete_ally.core.vendor.times import later
from athlete_ally.core.vendor.webhook import Readings, Resource, Unpacked, Webhook, found_in, taken_back

_DOCS = "https://cloud.ouraring.com/v2/docs#tag/Webhook-Subscription-Routes"
_LONGEST_CHALLENGE = 1024
_SOURCE = "oura"


class _Notification(msgspec.Struct, frozen=True):
    event_type: str
    data_type: str
    object_id: str
    user_id: str


# `event_type` is create, update or delete: https://cloud.ouraring.com/v2/docs#tag/Webhook-Subscription-Routes
def unpack(webhook: Webhook) -> Unpacked:
    """Read a notification.

    What was deleted is taken away, and asked for as well: notifications may come in any order, and a document that is
    there after all is newer.
    """
    notification = decoded(webhook.body, _Notification)
    gone: Readings = []
    if notification.event_type == "delete":
        kinds = _KINDS.get(notification.data_type, ())
        received = webhook.received_at.astimezone(UTC).isoformat()
        gone = taken_back(kinds, notification.object_id, captured_at=received, source=_SOURCE)
    resource = Resource(notification.user_id, notification.data_type, notification.object_id)
    resources, unusable = askable(0, [resource], call, _READERS)
    deleted = found_in(gone, 0, notification.user_id).deleted
    return Unpacked(resources=tuple(resources), unusable=tuple(unusable), deleted=deleted)


# The subscription's verification: Oura sends verification_token and challenge, and wants the challenge back as JSON.
# https://cloud.ouraring.com/v2/docs#tag/Webhook-Subscription-Routes
def handshake(request: Request, secrets: Secrets) -> Answer | None:
    """Give the challenge back to whoever knows the token."""
    challenge = request.query.get("challenge")
    if request.method != "GET" or challenge is None or len(challenge) > _LONGEST_CHALLENGE:
        return None
    if not is_secret(request.query.get("verification_token", ""), secrets.tokens):
        return Answer(401)
    return Answer(200, msgspec.json.encode({"challenge": challenge}), "application/json")


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
        took = taken_back(_KINDS["sleep"], common["sessionId"], **_when(common)) if "sessionId" in common else []
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


# What the documents of a type become, and what goes with them.
_KINDS: Mapping[str, tuple[str, ...]] = {
    "sleep": ("sleep", "hrv", "resting_heart_rate", "respiratory_rate"),
    "daily_readiness": ("skin_temperature",),
    "daily_activity": ("activity",),
    "daily_spo2": ("spo2",),
    "workout": ("workout",),
}


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
    return {"capturedAt": document.received_at.isoformat(), "source": _SOURCE, **session(known.id)}


# `daily_sleep` holds scores only, and the other types nothing that is a kind of ours: they are not asked for.
_READERS: Mapping[str, Callable[[Document], Readings]] = {
    "sleep": _sleep,
    "daily_readiness": _readiness,
    "daily_activity": _activity,
    "daily_spo2": _spo2,
    "workout": _workout,
    "session": _session,
}


def call(resource: Resource) -> Call | None:
    """Return how to ask for a document; https://cloud.ouraring.com/v2/docs names the routes."""
    if resource.type not in _READERS or not resource.id:
        return None
    return Call(f"/v2/usercollection/{resource.type}/{quote(resource.id, safe='')}")


class _Page(msgspec.Struct, frozen=True):
    data: tuple[msgspec.Raw, ...]
    next_token: str | None = None


def _list(type_name: str) -> str:
    return f"{type_name}_list"


# "Multiple ... Documents": `start_date`, `end_date` and the `next_token` of the answer before; documents as those asked
# for one by one. https://cloud.ouraring.com/v2/docs#tag/Sleep-Routes (and the other tags)
# Which ends are part of it differs by type, as others have measured: a day more on either side holds them all.
# https://github.com/the-momentum/open-wearables/pull/1007 and .../pull/1162
def listed(type_name: str, window: Window) -> Call:
    """Return how to ask for the documents of a window."""
    padded = window.padded()
    query = {"start_date": f"{padded.first}", "end_date": f"{padded.last}"}
    return paged(Call(f"/v2/usercollection/{type_name}", query=query), _next_token)


def _page_of(type_name: str) -> str:
    return f"https://cloud.ouraring.com/v2/docs#tag/{type_name.title().replace('_', '-')}-Routes"


def _next_token(body: bytes) -> dict[str, str] | None:
    token = decoded(body, _Page).next_token
    return {"next_token": token} if token else None


def _read_list(reader: Reader, document: Document) -> Unpacked:
    items = (bytes(item) for page in pages(document.body, _Page) for item in page.data)
    return one_by_one((partial(reader, replace(document, body=item)) for item in items), document.account)


API = Api(
    base_url="https://api.ouraring.com",
    # https://cloud.ouraring.com/docs/authentication
    oauth=OAuth(
        authorize_url="https://cloud.ouraring.com/oauth/authorize",
        token_url="https://api.ouraring.com/oauth/token",  # noqa: S106  # an address
        scopes=("personal", "daily", "workout", "session", "spo2Daily"),
        who=Call("/v2/usercollection/personal_info"),
        account_field="id",
    ),
    call=call,
    read=by_type(_READERS, {_list(name): partial(_read_list, reader) for name, reader in _READERS.items()}),
    # A night with its series is some 5 KB, a day of activity 10 KB: a month is a third of a message.
    history=tuple(
        Listing(_list(name), partial(listed, name), longest_days=30, docs=_page_of(name)) for name in _READERS
    ),
    # "5000 requests in a 5-minute period": https://cloud.ouraring.com/docs/error-handling
    rates=(Rate(5000, 300),),
    sources=("https://cloud.ouraring.com/docs/authentication", _DOCS),
    unconfirmed=(
        "that `id` of personal_info is the `user_id` of webhooks",
        "the scope that SpO2 needs: `spo2Daily` in the specification, `spo2` by the report of a developer",
        "5000 requests in 5 minutes: read on a secondary page",
        "that low, medium and high activity are the light, moderate and vigorous of others",
        "what a sleep without a type is: its context stays unspecified",
        "whether the ends of a period that is listed are part of it: asked for with a day more on either side",
    ),
)


OURA = Vendor(
    name="oura",
    title="Oura",
    # Hex in upper case of HMAC-SHA256 over timestamp and body, keyed with the client secret.
    # https://cloud.ouraring.com/v2/docs#tag/Webhook-Subscription-Routes
    signature=Hmac(
        header="x-oura-signature",
        signed=("timestamp", "body"),
        encoding="upper-case hex",
        timestamp_header="x-oura-timestamp",
        # Unconfirmed: neither the timestamp's unit nor whether a retry is signed anew. A day outlives the retries, and
        # a replay within it is a duplicate.
        max_age_s=86_400,
    ),
    unpack=unpack,
    carries="ids",
    sources=(_DOCS, "https://github.com/api-evangelist/oura/tree/main/json-schema"),
    kinds=(
        "sleep",
        "hrv",
        "resting_heart_rate",
        "respiratory_rate",
        "skin_temperature",
        "activity",
        "spo2",
        "workout",
        "samples",
    ),
    unconfirmed=("unit of `x-oura-timestamp`; whether a retry carries a new one",),
    handshake=handshake,
    shakes_hands="GET with `verification_token` and `challenge`: 200 with the challenge as JSON, or 401",
    asks_for_token=True,
    deadline_s=10.0,
    api=API,
    kept_headers=("x-oura-signature", "x-oura-timestamp"),
)
