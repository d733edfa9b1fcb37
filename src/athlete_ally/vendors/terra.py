"""Terra, an aggregator: other vendors' data in the payload, in Terra's own models.

Docs: https://docs.tryterra.co/reference/v2 (models),
https://docs.tryterra.co/health-and-fitness-api/integration-setup/setting-up-data-destinations/webhooks (delivery)
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from athlete_ally.core.errors import InvalidMessage
from athlete_ally.core.vendor.json_body import converted, decoded, kilograms, minutes, present, stages_of
from athlete_ally.core.vendor.plugin import Vendor
from athlete_ally.core.vendor.signature import Hmac
from athlete_ally.core.vendor.webhook import NOTHING, Found, Readings, Unpacked, Unusable, Webhook

_DELIVERY = "https://docs.tryterra.co/health-and-fitness-api/integration-setup/setting-up-data-destinations/webhooks"
_MODELS = "https://docs.tryterra.co/reference/v2"
_GONE = {"deauth", "access_revoked"}


class _User(msgspec.Struct, frozen=True):
    user_id: str
    provider: str = "terra"


class _Event(msgspec.Struct, frozen=True):
    type: str
    user: _User | None = None
    data: list[Any] = []


class _Metadata(msgspec.Struct, frozen=True):
    start_time: datetime | None = None
    end_time: datetime | None = None
    is_nap: bool | None = None
    name: str | None = None


class _Rates(msgspec.Struct, frozen=True):
    """`avg_hrv_rmssd` and `avg_hrv_sdnn` are milliseconds, two quantities that are never mixed."""

    avg_hr_bpm: float | None = None
    max_hr_bpm: float | None = None
    resting_hr_bpm: float | None = None
    avg_hrv_rmssd: float | None = None
    avg_hrv_sdnn: float | None = None


class _HeartRate(msgspec.Struct, frozen=True):
    summary: _Rates | None = None


class _Asleep(msgspec.Struct, frozen=True):
    duration_asleep_state_seconds: float | None = None
    duration_light_sleep_state_seconds: float | None = None
    duration_deep_sleep_state_seconds: float | None = None
    duration_REM_sleep_state_seconds: float | None = None  # noqa: N815  # the vendor's name


class _Awake(msgspec.Struct, frozen=True):
    duration_awake_state_seconds: float | None = None


class _Durations(msgspec.Struct, frozen=True):
    asleep: _Asleep | None = None
    awake: _Awake | None = None


class _Breaths(msgspec.Struct, frozen=True):
    avg_breaths_per_min: float | None = None


class _Oxygen(msgspec.Struct, frozen=True):
    avg_saturation_percentage: float | None = None


class _Respiration(msgspec.Struct, frozen=True):
    breaths_data: _Breaths | None = None
    oxygen_saturation_data: _Oxygen | None = None


class _Temperature(msgspec.Struct, frozen=True):
    delta: float | None = None


class _Sleep(msgspec.Struct, frozen=True):
    metadata: _Metadata
    sleep_durations_data: _Durations | None = None
    heart_rate_data: _HeartRate | None = None
    respiration_data: _Respiration | None = None
    temperature_data: _Temperature | None = None


# https://docs.tryterra.co/reference/v2 (Sleep): durations in seconds.
def _sleep(sleep: _Sleep, common: dict[str, Any]) -> Readings:
    durations = sleep.sleep_durations_data or _Durations()
    asleep, awake = durations.asleep or _Asleep(), durations.awake or _Awake()
    whole = {**common, "context": "nap" if sleep.metadata.is_nap else "overnight"}
    stages = stages_of(
        awake_s=awake.duration_awake_state_seconds,
        light_s=asleep.duration_light_sleep_state_seconds,
        deep_s=asleep.duration_deep_sleep_state_seconds,
        rem_s=asleep.duration_REM_sleep_state_seconds,
    )
    in_stages_min = sum(value for name, value in (stages or {}).items() if name != "awake")
    asleep_min = minutes(asleep.duration_asleep_state_seconds) or in_stages_min
    found: Readings = []
    if asleep_min:
        found.append(("sleep", {**whole, "durationMinutes": asleep_min, **present(stages=stages)}))
    rates = (sleep.heart_rate_data or _HeartRate()).summary or _Rates()
    hrv = present(rmssd=rates.avg_hrv_rmssd, sdnn=rates.avg_hrv_sdnn)
    found += [("hrv", {**whole, **hrv})] if hrv else []
    breathing = sleep.respiration_data or _Respiration()
    values = {
        "resting_heart_rate": ("bpm", rates.resting_hr_bpm),
        "respiratory_rate": ("breathsPerMinute", (breathing.breaths_data or _Breaths()).avg_breaths_per_min),
        "spo2": ("percent", (breathing.oxygen_saturation_data or _Oxygen()).avg_saturation_percentage),
        "skin_temperature": ("deviationCelsius", (sleep.temperature_data or _Temperature()).delta),
    }
    return found + [(kind, {**whole, name: value}) for kind, (name, value) in values.items() if value is not None]


class _Distance(msgspec.Struct, frozen=True):
    steps: float | None = None
    distance_meters: float | None = None
    floors_climbed: float | None = None


class _DistanceSummary(msgspec.Struct, frozen=True):
    summary: _Distance | None = None


class _Calories(msgspec.Struct, frozen=True):
    net_activity_calories: float | None = None
    total_burned_calories: float | None = None


class _Daily(msgspec.Struct, frozen=True):
    metadata: _Metadata
    distance_data: _Distance | None = None
    calories_data: _Calories | None = None
    heart_rate_data: _HeartRate | None = None


# https://docs.tryterra.co/reference/v2 (Daily): a day comes again and again while it grows.
def _daily(daily: _Daily, common: dict[str, Any]) -> Readings:
    day = {name: value for name, value in common.items() if name not in {"start", "end"}}
    distance, calories = daily.distance_data or _Distance(), daily.calories_data or _Calories()
    activity = present(
        steps=distance.steps,
        distanceMeters=distance.distance_meters,
        floors=distance.floors_climbed,
        activeEnergyKcal=calories.net_activity_calories,
        totalEnergyKcal=calories.total_burned_calories,
    )
    resting = ((daily.heart_rate_data or _HeartRate()).summary or _Rates()).resting_hr_bpm
    return [
        *([("activity", {**day, **activity})] if activity else []),
        *([("resting_heart_rate", {**day, "bpm": resting})] if resting is not None else []),
    ]


class _Measurement(msgspec.Struct, frozen=True):
    measurement_time: datetime | None = None
    weight_kg: float | None = None
    bodyfat_percentage: float | None = None
    muscle_mass_g: float | None = None
    bone_mass_g: float | None = None
    water_percentage: float | None = None


class _Measurements(msgspec.Struct, frozen=True):
    measurements: tuple[_Measurement, ...] = ()


class _Body(msgspec.Struct, frozen=True):
    metadata: _Metadata
    measurements_data: _Measurements | None = None


# https://docs.tryterra.co/reference/v2 (Body): mass in kilograms, muscle and bone in grams.
def _body(body: _Body, common: dict[str, Any]) -> Readings:
    found: Readings = []
    for each in (body.measurements_data or _Measurements()).measurements:
        values = present(
            massKg=each.weight_kg,
            fatPercent=each.bodyfat_percentage,
            muscleMassKg=kilograms(each.muscle_mass_g),
            boneMassKg=kilograms(each.bone_mass_g),
            waterPercent=each.water_percentage,
        )
        if values and each.measurement_time is not None:
            time = each.measurement_time
            captured = time.isoformat() if time.tzinfo else common["capturedAt"]
            whole = {"date": time.date().isoformat(), "capturedAt": captured, "source": common["source"]}
            found.append(("body", {**whole, **values}))
    return found


class _Activity(msgspec.Struct, frozen=True):
    metadata: _Metadata
    distance_data: _DistanceSummary | None = None
    calories_data: _Calories | None = None
    heart_rate_data: _HeartRate | None = None


# https://docs.tryterra.co/reference/v2 (Activity)
def _activity(activity: _Activity, common: dict[str, Any]) -> Readings:
    if "start" not in common:
        raise InvalidMessage("metadata: a workout needs start_time and end_time with an offset")
    rates = (activity.heart_rate_data or _HeartRate()).summary or _Rates()
    workout = present(
        sport=activity.metadata.name or "unknown",
        distanceMeters=((activity.distance_data or _DistanceSummary()).summary or _Distance()).distance_meters,
        energyKcal=(activity.calories_data or _Calories()).total_burned_calories,
        averageBpm=rates.avg_hr_bpm,
        maxBpm=rates.max_hr_bpm,
    )
    return [("workout", {**common, "context": "workout", **workout})]


class _Model(msgspec.Struct, frozen=True):
    metadata: _Metadata


def _common(metadata: _Metadata, event: str, source: str, received_at: datetime) -> dict[str, Any]:
    """Return what all readings of an item have in common.

    A night belongs to the day on which it ended, a day to itself. Times without an offset are local to nobody knows
    whom: only their day is used. The webhook's receipt says how new the values are: a model names no time of capture.
    """
    start, end = metadata.start_time, metadata.end_time
    if start is None or end is None:
        raise InvalidMessage("metadata: start_time and end_time are needed")
    day = start if event == "daily" else end
    common: dict[str, Any] = {"date": day.date().isoformat(), "capturedAt": received_at.astimezone(UTC).isoformat()}
    if start.tzinfo is not None and end.tzinfo is not None and start < end:
        common |= {"start": start.isoformat(), "end": end.isoformat()}
    return {**common, "source": source}


_Mapping = Callable[[Any, dict[str, Any]], Readings]
_MODELS_BY_TYPE: Mapping[str, tuple[type, _Mapping]] = {
    "sleep": (_Sleep, _sleep),
    "daily": (_Daily, _daily),
    "body": (_Body, _body),
    "activity": (_Activity, _activity),
}


def unpack(webhook: Webhook) -> Unpacked:
    """Read an event: data of one person, or news about the permission."""
    event = decoded(webhook.body, _Event)
    if event.type in _GONE:
        return Unpacked(withdrawn=(_person(event).user_id,))
    if event.type not in _MODELS_BY_TYPE:
        return NOTHING
    user = _person(event)
    shape, readings_of = _MODELS_BY_TYPE[event.type]
    found: list[Found] = []
    unusable: list[Unusable] = []
    for index, raw in enumerate(event.data):
        try:
            metadata = converted(raw, _Model).metadata
            common = _common(metadata, event.type, user.provider.lower(), webhook.received_at)
            readings = readings_of(converted(raw, shape), common)
        except InvalidMessage as error:
            unusable.append(Unusable(index, str(error)))
            continue
        found += [Found(index, kind, user.user_id, fields) for kind, fields in readings]
    return Unpacked(found=tuple(found), unusable=tuple(unusable), ignored=int(not found and not unusable))


def _person(event: _Event) -> _User:
    if event.user is None:
        raise InvalidMessage("user: needed")
    return event.user


TERRA = Vendor(
    name="terra",
    title="Terra",
    # `t=...,v1=...`: lower-case hex of HMAC-SHA256 over timestamp, full stop and body, keyed with the signing secret.
    # https://docs.tryterra.co/health-and-fitness-api/integration-setup/setting-up-data-destinations/webhooks
    signature=Hmac(
        header="terra-signature",
        signed=("timestamp", ".", "body"),
        layout="fields",
        # "due to Terra performing webhook retries ... the difference between the current timestamp" may be large:
        # https://docs.tryterra.co/reference/signing. They go on for just over a day; two days lose none.
        max_age_s=172_800,
    ),
    unpack=unpack,
    carries="data",
    kinds=(
        "hrv",
        "sleep",
        "resting_heart_rate",
        "respiratory_rate",
        "spo2",
        "skin_temperature",
        "activity",
        "workout",
        "body",
    ),
    sources=(_DELIVERY, "https://docs.tryterra.co/reference/signing", _MODELS),
    unconfirmed=(
        "the unit of `sleep_efficiency` and of scores: not used",
        "which of the models' times have an offset: without one only the day is used",
    ),
    # "webhook requests will time out after 30 seconds": https://docs.tryterra.co/reference/webhook-settings
    deadline_s=30.0,
    kept_headers=("terra-signature", "terra-reference"),
)
