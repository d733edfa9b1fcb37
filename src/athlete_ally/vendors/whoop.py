"""WHOOP: notifications that name what changed, and the sleeps, recoveries and workouts that they name.

Docs: https://developer.whoop.com/docs/developing/webhooks/
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import quote

import msgspec

from athlete_ally.core.errors import InvalidMessage
from athlete_ally.core.vendor.api import Api, Document, OAuth, Rate, askable, by_type, field_of, one_by_one
from athlete_ally.core.vendor.call import Call
from athlete_ally.core.vendor.catalogue import NOT_ASKED, Said, counted, taken
from athlete_ally.core.vendor.history import Listing, Window
from athlete_ally.core.vendor.json_body import decoded, lenient, lenient_body, named, pages, present, session
from athlete_ally.core.vendor.paging import paged
from athlete_ally.core.vendor.plugin import Vendor
from athlete_ally.core.vendor.signature import Hmac
from athlete_ally.core.vendor.times import local
from athlete_ally.core.vendor.webhook import NOTHING, Readings, Resource, Unpacked, Webhook, found_in, taken_back

_DOCS = "https://developer.whoop.com/docs/developing/webhooks/"
_REFERENCE = "https://developer.whoop.com/api"
# The thermochemical calorie, by definition (ISO 80000-5).
_KILOJOULES_PER_KCAL = 4.184
_SOURCE = "whoop"
# The outcome of each type: a recovery is named by its sleep.
_TYPES: Mapping[str, tuple[str, ...]] = {
    "workout": ("workout",),
    "sleep": ("sleep", "respiratory_rate"),
    "recovery": ("hrv", "resting_heart_rate", "spo2", "skin_temperature"),
}


class _Notification(msgspec.Struct, frozen=True):
    """`id` is a number in the first version of the webhooks, a UUID in the second."""

    user_id: int
    id: int | str
    type: str


def unpack(webhook: Webhook) -> Unpacked:
    """Read a notification (`sleep.updated`, `workout.deleted` ...).

    What was deleted is taken away, and asked for as well: notifications may come in any order.
    """
    notification = decoded(webhook.body, _Notification)
    what, _, change = notification.type.partition(".")
    if what not in _TYPES:
        return NOTHING
    gone: Readings = []
    if change == "deleted":
        received = webhook.received_at.astimezone(UTC).isoformat()
        gone = taken_back(_TYPES[what], str(notification.id), captured_at=received, source=_SOURCE)
    resources, unusable = askable(0, [Resource(str(notification.user_id), what, str(notification.id))], call, _TYPES)
    deleted = found_in(gone, 0, str(notification.user_id)).deleted
    return Unpacked(resources=tuple(resources), unusable=tuple(unusable), deleted=deleted)


# https://developer.whoop.com/docs/developing/v1-v2-migration
def call(resource: Resource) -> Call | None:
    """Return how to ask for a sleep, workout or recovery; a recovery is named by its cycle, or by its sleep."""
    name = quote(resource.id, safe="")
    if not name:
        return None
    if resource.type != "recovery":
        return Call(f"/developer/v2/activity/{resource.type}/{name}")
    if resource.id.isdigit():
        return Call(f"/developer/v2/cycle/{name}/recovery", then=_its_sleep)
    return Call(f"/developer/v2/activity/sleep/{name}", then=_its_recovery)


# A recovery names neither when nor where its night was: both documents are got, and kept together.
def _its_recovery(sleep: bytes) -> Call:
    return Call(f"/developer/v2/cycle/{quote(field_of(sleep, 'cycle_id'), safe='')}/recovery")


def _its_sleep(recovery: bytes) -> Call:
    return Call(f"/developer/v2/activity/sleep/{quote(field_of(recovery, 'sleep_id'), safe='')}")


class _Session(msgspec.Struct, frozen=True):
    """Times are UTC; `timezone_offset` is the person's (`-05:00` or `Z`)."""

    start: datetime
    timezone_offset: str
    end: datetime | None = None
    updated_at: datetime | None = None
    id: Any = None

    def common(self, context: str, document: Document) -> dict[str, Any] | None:
        """Return the fields that every reading of this session has; it belongs to the local day on which it ended.

        What has not ended has none: it comes again.
        """
        if self.end is None:
            return None
        start, end = local(self.start, self.timezone_offset), local(self.end, self.timezone_offset)
        return {
            "date": end.date().isoformat(),
            "start": start.isoformat(),
            "end": end.isoformat(),
            "capturedAt": _changed(self.updated_at, document),
            "source": _SOURCE,
            "context": context,
            **session(self.id),
        }


def _changed(at: datetime | None, document: Document) -> str:
    """Return when something was changed: where WHOOP does not say it, when we got it."""
    return document.received_at.isoformat() if at is None else local(at, "Z").isoformat()


class _Stages(msgspec.Struct, frozen=True):
    """Milliseconds. Slow-wave sleep is deep sleep (N3)."""

    total_awake_time_milli: float | None = None
    total_light_sleep_time_milli: float | None = None
    total_slow_wave_sleep_time_milli: float | None = None
    total_rem_sleep_time_milli: float | None = None


class _SleepScore(msgspec.Struct, frozen=True):
    stage_summary: _Stages = _Stages()
    respiratory_rate: float | None = None
    sleep_efficiency_percentage: float | None = None


class _Sleep(_Session, frozen=True):
    nap: bool = False
    score: _SleepScore | None = None


# https://developer.whoop.com/api (Sleep, SleepScore, SleepStageSummary), also readable at
# https://github.com/api-evangelist/whoop/blob/main/json-schema/whoop-sleep-schema.json
# There is a score only where score_state is SCORED. `sleep_performance_percentage` is the share of the sleep that WHOOP
# thinks was needed, and no quality: it is left in the document.
def _sleep(document: Document) -> Readings:
    sleep, unread = lenient_body(document.body, _Sleep)
    common = sleep.common("nap" if sleep.nap else "overnight", document)
    if sleep.score is None or common is None:
        return unread
    stages = _stages(sleep.score.stage_summary)
    asleep_min = sum(value for name, value in stages.items() if name != "awake")
    slept = present(durationMinutes=asleep_min, stages=stages, efficiency=sleep.score.sleep_efficiency_percentage)
    breaths = sleep.score.respiratory_rate
    return [
        *([("sleep", {**common, **slept})] if asleep_min > 0 else []),
        *([("respiratory_rate", {**common, "breathsPerMinute": breaths})] if breaths is not None else []),
        *unread,
    ]


def _stages(stages: _Stages) -> dict[str, float]:
    milliseconds = present(
        awake=stages.total_awake_time_milli,
        light=stages.total_light_sleep_time_milli,
        deep=stages.total_slow_wave_sleep_time_milli,
        rem=stages.total_rem_sleep_time_milli,
    )
    return {name: value / 60_000 for name, value in milliseconds.items()}


class _RecoveryScore(msgspec.Struct, frozen=True):
    """`hrv_rmssd_milli` is rMSSD in milliseconds; the last two come from WHOOP 4.0 on."""

    resting_heart_rate: float | None = None
    hrv_rmssd_milli: float | None = None
    spo2_percentage: float | None = None
    skin_temp_celsius: float | None = None


class _Recovery(msgspec.Struct, frozen=True):
    sleep_id: str | int
    updated_at: datetime | None = None
    score: _RecoveryScore | None = None


# https://developer.whoop.com/api (Recovery, RecoveryScore), also readable at
# https://github.com/api-evangelist/whoop/blob/main/json-schema/whoop-recoveryscore-schema.json
# `recovery_score` is WHOOP's own and of no kind of ours.
def _recovery(document: Document) -> Readings:
    together = decoded(document.body, list[dict[str, Any]])
    recoveries = [each for each in together if "sleep_id" in each]
    sleeps = [each for each in together if "sleep_id" not in each]
    if not recoveries or not sleeps:
        raise InvalidMessage("a recovery and its sleep: both needed")
    recovery, unread = lenient(recoveries[0], _Recovery)
    # What is wrong with the sleep is said where the sleep itself is read.
    night = lenient(sleeps[0], _Sleep)[0].common("overnight", document)
    if recovery.score is None or night is None:
        return unread
    common = {**night, "capturedAt": _changed(recovery.updated_at, document)}
    values = {
        "hrv": ("rmssd", recovery.score.hrv_rmssd_milli),
        "resting_heart_rate": ("bpm", recovery.score.resting_heart_rate),
        "spo2": ("percent", recovery.score.spo2_percentage),
        "skin_temperature": ("celsius", recovery.score.skin_temp_celsius),
    }
    readings = [(kind, {**common, name: value}) for kind, (name, value) in values.items() if value is not None]
    return [*readings, *unread]


class _WorkoutScore(msgspec.Struct, frozen=True):
    strain: float | None = None
    average_heart_rate: float | None = None
    max_heart_rate: float | None = None
    kilojoule: float | None = None
    distance_meter: float | None = None
    altitude_gain_meter: float | None = None


class _Workout(_Session, frozen=True):
    sport_name: str = "unknown"
    score: _WorkoutScore | None = None


# https://developer.whoop.com/api (WorkoutV2, WorkoutScore), also readable at
# https://github.com/api-evangelist/whoop/blob/main/json-schema/whoop-workoutscore-schema.json
# `strain` (0 to 21) is WHOOP's own load. Time in zones has no kind here, and stays in the document.
def _workout(document: Document) -> Readings:
    workout, unread = lenient_body(document.body, _Workout)
    score, common = workout.score or _WorkoutScore(), workout.common("workout", document)
    if common is None:
        return unread
    values = present(
        sport=workout.sport_name,
        energyKcal=None if score.kilojoule is None else score.kilojoule / _KILOJOULES_PER_KCAL,
        distanceMeters=score.distance_meter,
        ascentMeters=score.altitude_gain_meter,
        averageBpm=score.average_heart_rate,
        maxBpm=score.max_heart_rate,
        load=score.strain,
    )
    return [("workout", {**common, **values}), *unread]


_READERS: Mapping[str, Callable[[Document], Readings]] = {
    "sleep": _sleep,
    "recovery": _recovery,
    "workout": _workout,
}


# Collections of sleeps, recoveries and workouts: `start` included, `end` not, at most 25 on a page, and `nextToken` is
# the `next_token` of the answer before. https://developer.whoop.com/docs/developing/pagination and
# https://developer.whoop.com/api, also readable at
# https://github.com/api-evangelist/whoop/blob/main/openapi/whoop-recovery-api-openapi.yml
def _collection(path: str, window: Window, then: Call | None = None) -> Call:
    start, end = window.instants
    query = {"start": _utc(start), "end": _utc(end), "limit": "25"}
    return paged(Call(f"/developer/v2/{path}", query=query), _next_token, then)


def _utc(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%S.000Z}"


class _Page(msgspec.Struct, frozen=True):
    records: tuple[msgspec.Raw, ...] = ()
    next_token: str | None = None


def _next_token(body: bytes) -> dict[str, str] | None:
    token = decoded(body, _Page).next_token
    return {"nextToken": token} if token else None


def nights(window: Window) -> Call:
    """Return how to ask for the sleeps of a window, and then for the recoveries, which are nothing without them."""
    return _collection("activity/sleep", window, then=_collection("recovery", window))


class _Named(msgspec.Struct, frozen=True):
    """What tells a sleep from a recovery, which has no `id`; anything in them, so that it concerns one record only."""

    id: Any = None
    sleep_id: Any = None


def _records(document: Document) -> list[bytes]:
    return [bytes(record) for page in pages(document.body, _Page) for record in page.records]


# A recovery at the very edge, whose sleep is not in the answer, belongs to days that were not asked for.
def _nights(document: Document) -> Unpacked:
    # What is no record at all has no name, and is said to be none where the sleeps are read.
    both = [(named(record, _Named) or _Named(), record) for record in _records(document)]
    sleeps = {str(name.id): record for name, record in both if name.sleep_id is None}
    pairs = [(record, sleeps[str(name.sleep_id)]) for name, record in both if str(name.sleep_id) in sleeps]
    return one_by_one(
        [
            *(partial(_sleep, replace(document, body=sleep)) for sleep in sleeps.values()),
            *(partial(_recovery, replace(document, body=b"[" + b",".join(pair) + b"]")) for pair in pairs),
        ],
        document.account,
    )


def _workouts(document: Document) -> Unpacked:
    readers = (partial(_workout, replace(document, body=record)) for record in _records(document))
    return one_by_one(readers, document.account)


API = Api(
    base_url="https://api.prod.whoop.com",
    # https://developer.whoop.com/docs/developing/oauth
    oauth=OAuth(
        authorize_url="https://api.prod.whoop.com/oauth/oauth2/auth",
        token_url="https://api.prod.whoop.com/oauth/oauth2/token",  # noqa: S106  # an address
        scopes=("offline", "read:profile", "read:cycles", "read:sleep", "read:recovery", "read:workout"),
        who=Call("/developer/v2/user/profile/basic"),
        account_field="user_id",
    ),
    call=call,
    read=by_type(_READERS, {"night_list": _nights, "workout_list": _workouts}),
    # A sleep is a kilobyte; a month of them is two pages.
    history=(
        Listing("night_list", nights, longest_days=30, docs=_REFERENCE),
        Listing("workout_list", partial(_collection, "activity/workout"), longest_days=30, docs=_REFERENCE),
    ),
    # https://developer.whoop.com/docs/developing/rate-limiting/
    rates=(Rate(100, 60), Rate(10_000, 86_400)),
    sources=("https://developer.whoop.com/docs/developing/oauth", _REFERENCE),
    unconfirmed=("whether webhooks of the first version, which name a recovery by its cycle, still come",),
)


SAYS = (
    *taken(
        sleep="sleep, respiratory_rate",
        recovery="hrv, resting_heart_rate, spo2, skin_temperature, with the interval of its sleep",
        workout="workout; `strain` as its load",
    ),
    Said("sleep.deleted, recovery.deleted, workout.deleted", "taken", "the rows go"),
    *counted("stays in the document", "zone_duration", "sleep_needed", "sleep_performance_percentage"),
    *counted(NOT_ASKED, "cycle", "body_measurement"),
)


WHOOP = Vendor(
    name="whoop",
    title="WHOOP",
    # Base64 of HMAC-SHA256 over timestamp (milliseconds) and body, keyed with the client secret.
    # https://developer.whoop.com/docs/developing/webhooks/
    signature=Hmac(
        header="x-whoop-signature",
        signed=("timestamp", "body"),
        encoding="base64",
        timestamp_header="x-whoop-signature-timestamp",
        # Unconfirmed: whether a retry is signed anew. They go on for about an hour; twice that loses none.
        max_age_s=7_200,
    ),
    unpack=unpack,
    carries="ids",
    sources=(_DOCS, _REFERENCE),
    kinds=("sleep", "respiratory_rate", "hrv", "resting_heart_rate", "spo2", "skin_temperature", "workout"),
    unconfirmed=(
        "whether a retry carries a new timestamp; whether `trace_id` stays the same over retries; how long WHOOP waits",
    ),
    api=API,
    kept_headers=("x-whoop-signature", "x-whoop-signature-timestamp"),
    says=SAYS,
)
