"""What the summaries of Garmin's Health API hold: days, nights, and what was measured at an instant.

The specification is given to partners only; sections are those of the public copy that `vendors/garmin.py` names.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from athlete_ally.core.vendor.json_body import kilograms, minutes, moment, present, session, stages_of
from athlete_ally.core.vendor.times import at_instant, later
from athlete_ally.core.vendor.webhook import Readings
from athlete_ally.formats.garmin_activities import Activity, Details, details, workout
from athlete_ally.formats.garmin_time import Points, Timed


class _Daily(Timed, frozen=True, rename="camel"):
    steps: float | None = None
    distance_in_meters: float | None = None
    active_kilocalories: float | None = None
    moderate_intensity_duration_in_seconds: float | None = None
    vigorous_intensity_duration_in_seconds: float | None = None
    floors_climbed: float | None = None
    resting_heart_rate_in_beats_per_minute: float | None = None
    time_offset_heart_rate_samples: Points = msgspec.field(default_factory=dict[str, Any])


# Section 7.1: heart rates are averages of fifteen seconds.
def _daily(daily: _Daily) -> Readings:
    common = {"date": daily.calendar_date}
    if daily.calendar_date is None:
        common = {"start": daily.at(), "end": daily.at(daily.duration_in_seconds)}
    activity = present(
        steps=daily.steps,
        distanceMeters=daily.distance_in_meters,
        activeEnergyKcal=daily.active_kilocalories,
        moderateMinutes=minutes(daily.moderate_intensity_duration_in_seconds),
        vigorousMinutes=minutes(daily.vigorous_intensity_duration_in_seconds),
        floors=daily.floors_climbed,
    )
    resting = daily.resting_heart_rate_in_beats_per_minute
    return [
        *([("activity", {**common, **activity})] if activity else []),
        *([("resting_heart_rate", {**common, "bpm": resting})] if resting else []),
        *daily.series("heart_rate", "/min", daily.time_offset_heart_rate_samples),
    ]


class _Score(msgspec.Struct, frozen=True):
    value: float | None = None


class _Nap(msgspec.Struct, frozen=True, rename="camel"):
    nap_duration_in_seconds: float
    nap_start_time_in_seconds: float
    nap_offset_in_seconds: int = 0


class _Sleep(Timed, frozen=True, rename="camel"):
    deep_sleep_duration_in_seconds: float = 0.0
    light_sleep_duration_in_seconds: float = 0.0
    rem_sleep_in_seconds: float | None = None
    awake_duration_in_seconds: float = 0.0
    unmeasurable_sleep_in_seconds: float = 0.0
    unmeasurable_sleep_duration_in_seconds: float = 0.0
    overall_sleep_score: _Score | float = _Score()
    naps: tuple[_Nap | None, ...] = ()
    time_offset_sleep_respiration: Points = msgspec.field(default_factory=dict[str, Any])
    time_offset_sleep_spo2: Points = msgspec.field(default_factory=dict[str, Any])

    @property
    def asleep_s(self) -> float:
        """Seconds in the stages of sleep."""
        return (
            self.deep_sleep_duration_in_seconds
            + self.light_sleep_duration_in_seconds
            + (self.rem_sleep_in_seconds or 0.0)
        )

    @property
    def unmeasured_s(self) -> float:
        """Seconds without a stage; the specification's table and its examples spell the field differently."""
        return max(self.unmeasurable_sleep_in_seconds, self.unmeasurable_sleep_duration_in_seconds)

    @property
    def score(self) -> float | None:
        """The score, which is a number or an object with one."""
        return (
            self.overall_sleep_score.value if isinstance(self.overall_sleep_score, _Score) else self.overall_sleep_score
        )


# Section 7.3. By the table `durationInSeconds` leaves out time awake, by both examples it holds it: the sums of the
# stages are used instead, and the duration only where there is no stage (entered by hand, or not worn). A device that
# does not know REM sleep sends none.
def _sleep(sleep: _Sleep) -> Readings:
    asleep_s = sleep.asleep_s or sleep.duration_in_seconds
    in_bed_s = asleep_s + sleep.awake_duration_in_seconds + sleep.unmeasured_s
    stages = stages_of(
        awake_s=sleep.awake_duration_in_seconds,
        light_s=sleep.light_sleep_duration_in_seconds,
        deep_s=sleep.deep_sleep_duration_in_seconds,
        rem_s=sleep.rem_sleep_in_seconds,
    )
    night = present(
        date=sleep.calendar_date,
        start=sleep.at(),
        end=sleep.at(in_bed_s),
        context="overnight",
        **session(sleep.summary_id),
        durationMinutes=asleep_s / 60,
        stages=stages if sleep.asleep_s else None,
        qualityScore=sleep.score,
    )
    return [
        *([("sleep", night)] if asleep_s > 0 else []),
        *(("sleep", _nap(nap)) for nap in sleep.naps if nap is not None),
        *sleep.series("respiratory_rate", "/min", sleep.time_offset_sleep_respiration, "overnight"),
        *sleep.series("spo2", "%", sleep.time_offset_sleep_spo2, "overnight"),
    ]


def _nap(nap: _Nap) -> dict[str, Any]:
    end_s = nap.nap_start_time_in_seconds + nap.nap_duration_in_seconds
    return {
        "start": moment(nap.nap_start_time_in_seconds, nap.nap_offset_in_seconds),
        "end": moment(end_s, nap.nap_offset_in_seconds),
        "context": "nap",
        "durationMinutes": nap.nap_duration_in_seconds / 60,
    }


def _whole(timed: Timed) -> dict[str, Any]:
    return present(date=timed.calendar_date, start=timed.at(), end=timed.at(timed.duration_in_seconds))


class _Hrv(Timed, frozen=True, rename="camel"):
    last_night_avg: float | None = None
    hrv_values: Points = msgspec.field(default_factory=dict[str, Any])


# Section 7.10: overnight averages of rMSSD, and its values of five minutes, in milliseconds.
def _hrv(hrv: _Hrv) -> Readings:
    night = {**_whole(hrv), "context": "overnight", **session(hrv.summary_id), "rmssd": hrv.last_night_avg}
    return [
        *([("hrv", night)] if hrv.last_night_avg else []),
        *hrv.series("rmssd", "ms", hrv.hrv_values, "overnight"),
    ]


class _Measured(msgspec.Struct, frozen=True, rename="camel"):
    measurement_time_in_seconds: float
    measurement_time_offset_in_seconds: int = 0

    def at(self) -> dict[str, Any]:
        """Return the instant of the measurement."""
        text = moment(self.measurement_time_in_seconds, self.measurement_time_offset_in_seconds)
        return at_instant(datetime.fromisoformat(text))


class _BodyComposition(_Measured, frozen=True, rename="camel"):
    weight_in_grams: float | None = None
    muscle_mass_in_grams: float | None = None
    bone_mass_in_grams: float | None = None
    body_water_in_percent: float | None = None
    body_fat_in_percent: float | None = None


# Section 7.4: masses in grams.
def _body(body: _BodyComposition) -> Readings:
    values = present(
        massKg=kilograms(body.weight_in_grams),
        muscleMassKg=kilograms(body.muscle_mass_in_grams),
        boneMassKg=kilograms(body.bone_mass_in_grams),
        waterPercent=body.body_water_in_percent,
        fatPercent=body.body_fat_in_percent,
    )
    return [("body", {**body.at(), **values})] if values else []


class _BloodPressure(_Measured, frozen=True, rename="camel"):
    systolic: float | None = None
    diastolic: float | None = None
    pulse: float | None = None


# Section 7.11: mmHg, and beats a minute.
def _blood_pressure(pressure: _BloodPressure) -> Readings:
    values = (
        ("systolic_pressure", "mm[Hg]", pressure.systolic),
        ("diastolic_pressure", "mm[Hg]", pressure.diastolic),
        ("heart_rate", "/min", pressure.pulse),
    )
    spot = {**pressure.at(), "context": "spot"}
    return [
        ("samples", {**spot, "code": code, "unit": unit, "values": [value]}) for code, unit, value in values if value
    ]


class _SkinTemperature(Timed, frozen=True, rename="camel"):
    avg_deviation_celsius: float | None = None


# Section 7.12: deviation during sleep, not a temperature.
def _skin_temperature(skin: _SkinTemperature) -> Readings:
    if skin.avg_deviation_celsius is None:
        return []
    night = {**_whole(skin), "context": "overnight", **session(skin.summary_id)}
    return [("skin_temperature", {**night, "deviationCelsius": skin.avg_deviation_celsius})]


class _PulseOx(Timed, frozen=True, rename="camel"):
    time_offset_spo2_values: Points = msgspec.field(default_factory=dict[str, Any])
    on_demand: bool = False


# Section 7.7: keys are seconds after the start. Values taken on demand are spot readings; all others are a series that
# is not summed up here, since an average of ours would be no value of the vendor's.
def _pulse_ox(pulse: _PulseOx) -> Readings:
    series = pulse.series("spo2", "%", pulse.time_offset_spo2_values)
    if not pulse.on_demand:
        return series
    return [each for kind, fields in series for each in (_spots(fields) if kind == "samples" else [(kind, fields)])]


def _spots(run: Mapping[str, Any]) -> Readings:
    start = datetime.fromisoformat(run["start"])
    points = zip(run["offsetsSeconds"], run["values"], strict=True)
    return [("spo2", {**at_instant(later(start, s)), "context": "spot", "percent": value}) for s, value in points]


class _Respiration(Timed, frozen=True, rename="camel"):
    time_offset_epoch_to_breaths: Points = msgspec.field(default_factory=dict[str, Any])


# Section 7.8: breaths a minute.
def _respiration(respiration: _Respiration) -> Readings:
    return respiration.series("respiratory_rate", "/min", respiration.time_offset_epoch_to_breaths)


class _SnapshotPart(msgspec.Struct, frozen=True, rename="camel"):
    summary_type: str
    avg_value: float | None = None


class _Snapshot(Timed, frozen=True, rename="camel"):
    """The specification's example writes the offset's name the other way round."""

    offset_start_time_in_seconds: int | None = None
    summaries: tuple[_SnapshotPart | None, ...] = ()


# Section 7.9: two minutes at rest. `rmssd_hrv` is rMSSD; `sdrr_hrv` is taken over all intervals, artefacts included,
# which SDNN is not: it is left in the webhook.
def _snapshot(snapshot: _Snapshot) -> Readings:
    offset_s = snapshot.offset_start_time_in_seconds or snapshot.start_time_offset_in_seconds
    whole = present(
        date=snapshot.calendar_date,
        start=moment(snapshot.start_time_in_seconds, offset_s),
        end=moment(snapshot.start_time_in_seconds + snapshot.duration_in_seconds, offset_s),
        context="spot",
    )
    parts = {each.summary_type: each.avg_value for each in snapshot.summaries if each is not None and each.avg_value}
    fields = {
        "rmssd_hrv": ("hrv", "rmssd"),
        "respiration": ("respiratory_rate", "breathsPerMinute"),
        "spo2": ("spo2", "percent"),
    }
    return [(kind, {**whole, field: parts[name]}) for name, (kind, field) in fields.items() if name in parts]


SUMMARIES: Mapping[str, tuple[type[Any], Callable[[Any], Readings]]] = {
    "dailies": (_Daily, _daily),
    "sleeps": (_Sleep, _sleep),
    "hrv": (_Hrv, _hrv),
    "bodyComps": (_BodyComposition, _body),
    "bloodPressures": (_BloodPressure, _blood_pressure),
    "skinTemp": (_SkinTemperature, _skin_temperature),
    "pulseox": (_PulseOx, _pulse_ox),
    "pulseOx": (_PulseOx, _pulse_ox),
    "allDayRespiration": (_Respiration, _respiration),
    "respiration": (_Respiration, _respiration),
    "healthSnapshot": (_Snapshot, _snapshot),
    "activities": (Activity, workout),
    "manuallyUpdatedActivities": (Activity, workout),
    "activityDetails": (Details, details),
}
"""By the name of the list in a push: the shape of a summary, and what reads it."""
