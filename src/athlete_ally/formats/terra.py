"""What Terra's models hold: nights, days, weighings, workouts and their series.

Docs: https://docs.tryterra.co/reference/health-and-fitness-api/data-models, and the same as source:
https://github.com/tryterra/openapi/tree/master/data_models/specs/data_models. "All fields in all models are nullable".
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from athlete_ally.core.errors import InvalidMessage
from athlete_ally.core.vendor.json_body import kilograms, minutes, present, stages_of
from athlete_ally.core.vendor.times import at_instant
from athlete_ally.core.vendor.webhook import Readings
from athlete_ally.formats.terra_series import Samples, series
from athlete_ally.formats.terra_sports import SPORTS

# The molar mass of glucose is 180.16 g/mol (https://pubchem.ncbi.nlm.nih.gov/compound/5793).
_MG_PER_DL_OF_MMOL_PER_L = 18.016


class Metadata(msgspec.Struct, frozen=True):
    """When an item was, and what it is called by Terra; `name` is the person's own text, and is never read."""

    start_time: datetime | None = None
    end_time: datetime | None = None
    is_nap: bool | None = None
    summary_id: str | None = None
    type: int | str | None = None
    upload_type: int | str | None = None


class _Rates(msgspec.Struct, frozen=True):
    """`avg_hrv_rmssd` and `avg_hrv_sdnn` are milliseconds, two quantities that are never mixed."""

    avg_hr_bpm: float | None = None
    max_hr_bpm: float | None = None
    resting_hr_bpm: float | None = None
    avg_hrv_rmssd: float | None = None
    avg_hrv_sdnn: float | None = None


class _RateSeries(msgspec.Struct, frozen=True):
    hr_samples: Samples = ()
    hrv_samples_rmssd: Samples = ()


class _HeartRate(msgspec.Struct, frozen=True):
    summary: _Rates = _Rates()
    detailed: _RateSeries = _RateSeries()


class _Asleep(msgspec.Struct, frozen=True):
    duration_asleep_state_seconds: float | None = None
    duration_light_sleep_state_seconds: float | None = None
    duration_deep_sleep_state_seconds: float | None = None
    duration_REM_sleep_state_seconds: float | None = None  # noqa: N815  # the vendor's name


class _Awake(msgspec.Struct, frozen=True):
    duration_awake_state_seconds: float | None = None


class _Durations(msgspec.Struct, frozen=True):
    asleep: _Asleep = _Asleep()
    awake: _Awake = _Awake()


class _Breaths(msgspec.Struct, frozen=True):
    avg_breaths_per_min: float | None = None
    samples: Samples = ()


class _Oxygen(msgspec.Struct, frozen=True):
    avg_saturation_percentage: float | None = None
    samples: Samples = ()
    saturation_samples: Samples = ()


class _Respiration(msgspec.Struct, frozen=True):
    breaths_data: _Breaths = _Breaths()
    oxygen_saturation_data: _Oxygen = _Oxygen()


class _Temperature(msgspec.Struct, frozen=True):
    delta: float | None = None
    body_temperature_samples: Samples = ()


class _Sleep(msgspec.Struct, frozen=True):
    metadata: Metadata
    sleep_durations_data: _Durations = _Durations()
    heart_rate_data: _HeartRate = _HeartRate()
    respiration_data: _Respiration = _Respiration()
    temperature_data: _Temperature = _Temperature()


# Durations in seconds.
def _sleep(sleep: _Sleep, common: dict[str, Any]) -> Readings:
    asleep, awake = sleep.sleep_durations_data.asleep, sleep.sleep_durations_data.awake
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
    rates, breathing = sleep.heart_rate_data.summary, sleep.respiration_data
    hrv = present(rmssd=rates.avg_hrv_rmssd or None, sdnn=rates.avg_hrv_sdnn or None)
    found += [("hrv", {**whole, **hrv})] if hrv else []
    values = {
        "resting_heart_rate": ("bpm", rates.resting_hr_bpm or None),
        "respiratory_rate": ("breathsPerMinute", breathing.breaths_data.avg_breaths_per_min or None),
        "spo2": ("percent", breathing.oxygen_saturation_data.avg_saturation_percentage or None),
        "skin_temperature": ("deviationCelsius", sleep.temperature_data.delta),
    }
    found += [(kind, {**whole, name: value}) for kind, (name, value) in values.items() if value is not None]
    return [
        *found,
        *_rate_series(sleep.heart_rate_data, whole),
        *series("respiratory_rate", "/min", breathing.breaths_data.samples, "breaths_per_min", whole),
        *series("spo2", "%", breathing.oxygen_saturation_data.samples, "percentage", whole),
    ]


class _Elevation(msgspec.Struct, frozen=True):
    gain_actual_meters: float | None = None


class _Distance(msgspec.Struct, frozen=True):
    steps: float | None = None
    distance_meters: float | None = None
    floors_climbed: float | None = None
    elevation: _Elevation = _Elevation()


class _Heights(msgspec.Struct, frozen=True):
    elevation_samples: Samples = ()


class _DistanceSummary(msgspec.Struct, frozen=True):
    summary: _Distance = _Distance()
    detailed: _Heights = _Heights()


class _Calories(msgspec.Struct, frozen=True):
    net_activity_calories: float | None = None
    total_burned_calories: float | None = None


class _Active(msgspec.Struct, frozen=True):
    activity_seconds: float | None = None
    low_intensity_seconds: float | None = None
    moderate_intensity_seconds: float | None = None
    vigorous_intensity_seconds: float | None = None
    inactivity_seconds: float | None = None


class _Daily(msgspec.Struct, frozen=True):
    metadata: Metadata
    distance_data: _Distance = _Distance()
    calories_data: _Calories = _Calories()
    heart_rate_data: _HeartRate = _HeartRate()
    active_durations_data: _Active = _Active()
    oxygen_data: _Oxygen = _Oxygen()


# A day comes again and again while it grows.
def _daily(daily: _Daily, common: dict[str, Any]) -> Readings:
    day = {name: value for name, value in common.items() if name not in {"start", "end"}}
    distance, calories, active = daily.distance_data, daily.calories_data, daily.active_durations_data
    activity = present(
        steps=distance.steps,
        distanceMeters=distance.distance_meters,
        floors=distance.floors_climbed,
        activeEnergyKcal=calories.net_activity_calories,
        totalEnergyKcal=calories.total_burned_calories,
        activeMinutes=minutes(active.activity_seconds),
        lightMinutes=minutes(active.low_intensity_seconds),
        moderateMinutes=minutes(active.moderate_intensity_seconds),
        vigorousMinutes=minutes(active.vigorous_intensity_seconds),
        sedentaryMinutes=minutes(active.inactivity_seconds),
    )
    rates = daily.heart_rate_data.summary
    hrv = present(rmssd=rates.avg_hrv_rmssd or None, sdnn=rates.avg_hrv_sdnn or None)
    return [
        *([("activity", {**day, **activity})] if activity else []),
        *([("resting_heart_rate", {**day, "bpm": rates.resting_hr_bpm})] if rates.resting_hr_bpm else []),
        *([("hrv", {**day, **hrv})] if hrv else []),
        *_rate_series(daily.heart_rate_data, day),
        *series("spo2", "%", daily.oxygen_data.saturation_samples, "percentage", day),
    ]


class _Measurement(msgspec.Struct, frozen=True):
    measurement_time: datetime
    weight_kg: float | None = None
    bodyfat_percentage: float | None = None
    lean_mass_g: float | None = None
    muscle_mass_g: float | None = None
    bone_mass_g: float | None = None
    water_percentage: float | None = None
    height_cm: float | None = None


class _Measurements(msgspec.Struct, frozen=True):
    measurements: tuple[_Measurement | None, ...] = ()


class _Pressures(msgspec.Struct, frozen=True):
    blood_pressure_samples: Samples = ()


class _Glucose(msgspec.Struct, frozen=True):
    blood_glucose_samples: Samples = ()


class _Heart(msgspec.Struct, frozen=True):
    heart_rate_data: _HeartRate = _HeartRate()


class _Body(msgspec.Struct, frozen=True):
    metadata: Metadata
    measurements_data: _Measurements = _Measurements()
    blood_pressure_data: _Pressures = _Pressures()
    glucose_data: _Glucose = _Glucose()
    heart_data: _Heart = _Heart()
    oxygen_data: _Oxygen = _Oxygen()
    temperature_data: _Temperature = _Temperature()


# Mass in kilograms, its parts in grams, height in centimetres. Lean mass is all that is not fat.
def _body(body: _Body, common: dict[str, Any]) -> Readings:
    found: Readings = []
    without_offset: dict[str, dict[str, Any]] = {}
    for each in body.measurements_data.measurements:
        if each is None or not (values := _values_of(each)):
            continue
        own = {"capturedAt": common["capturedAt"], "source": common["source"]}
        if each.measurement_time.tzinfo is not None:
            found.append(("body", {**own, **at_instant(each.measurement_time), **values}))
        else:
            # Local to nobody knows where: the day is all that is known, and the later of two values of it stays.
            day = without_offset.setdefault(each.measurement_time.date().isoformat(), own)
            day |= values
    found += [("body", {**values, "date": day}) for day, values in without_offset.items()]
    own = {name: value for name, value in common.items() if name not in {"start", "end", "date"}}
    pressures, glucose = body.blood_pressure_data.blood_pressure_samples, body.glucose_data.blood_glucose_samples
    return [
        *found,
        *series("systolic_pressure", "mm[Hg]", pressures, "systolic_bp", own),
        *series("diastolic_pressure", "mm[Hg]", pressures, "diastolic_bp", own),
        *series("blood_glucose", "mmol/L", glucose, "blood_glucose_mg_per_dL", own, _MG_PER_DL_OF_MMOL_PER_L),
        *series("body_temperature", "Cel", body.temperature_data.body_temperature_samples, "temperature_celsius", own),
        *series("spo2", "%", body.oxygen_data.saturation_samples, "percentage", own),
        *_rate_series(body.heart_data.heart_rate_data, own),
    ]


def _values_of(each: _Measurement) -> dict[str, Any]:
    return present(
        massKg=each.weight_kg or None,
        fatPercent=each.bodyfat_percentage or None,
        fatFreeMassKg=kilograms(each.lean_mass_g or None),
        muscleMassKg=kilograms(each.muscle_mass_g or None),
        boneMassKg=kilograms(each.bone_mass_g or None),
        waterPercent=each.water_percentage or None,
        heightMeters=None if not each.height_cm else each.height_cm / 100,
    )


class _Watts(msgspec.Struct, frozen=True):
    power_samples: Samples = ()


class _Movement(msgspec.Struct, frozen=True):
    speed_samples: Samples = ()


class _Activity(msgspec.Struct, frozen=True):
    metadata: Metadata
    distance_data: _DistanceSummary = _DistanceSummary()
    calories_data: _Calories = _Calories()
    heart_rate_data: _HeartRate = _HeartRate()
    active_durations_data: _Active = _Active()
    power_data: _Watts = _Watts()
    movement_data: _Movement = _Movement()


def _activity(activity: _Activity, common: dict[str, Any]) -> Readings:
    if "start" not in common:
        raise InvalidMessage("metadata: a workout needs start_time and end_time with an offset")
    rates, distance = activity.heart_rate_data.summary, activity.distance_data.summary
    whole = {**common, "context": "workout"}
    workout = present(
        sport=sport_of(activity.metadata.type),
        durationMinutes=minutes(activity.active_durations_data.activity_seconds or None),
        distanceMeters=distance.distance_meters,
        ascentMeters=distance.elevation.gain_actual_meters,
        energyKcal=activity.calories_data.total_burned_calories,
        averageBpm=rates.avg_hr_bpm or None,
        maxBpm=rates.max_hr_bpm or None,
    )
    return [
        ("workout", {**whole, **workout}),
        *_rate_series(activity.heart_rate_data, whole),
        *series("power", "W", activity.power_data.power_samples, "watts", whole),
        *series("speed", "m/s", activity.movement_data.speed_samples, "speed_meters_per_second", whole),
        *series("altitude", "m", activity.distance_data.detailed.elevation_samples, "elev_meters", whole),
    ]


def sport_of(kind: int | str | None) -> str:
    """Return the sport of a workout: Terra's word for its number, a word as it is, or what says that it has none."""
    if isinstance(kind, str):
        return kind.lower() or "unknown"
    return "unknown" if kind is None else SPORTS.get(kind, f"type {kind}")


def _rate_series(rates: _HeartRate, common: Mapping[str, Any]) -> Readings:
    return [
        *series("heart_rate", "/min", rates.detailed.hr_samples, "bpm", common),
        *series("rmssd", "ms", rates.detailed.hrv_samples_rmssd, "hrv_rmssd", common),
    ]


MODELS: Mapping[str, tuple[type[Any], Callable[[Any, dict[str, Any]], Readings]]] = {
    "sleep": (_Sleep, _sleep),
    "daily": (_Daily, _daily),
    "body": (_Body, _body),
    "activity": (_Activity, _activity),
}
"""By the type of an event: the shape of an item, and what reads it with the fields that all its readings share."""
