"""Garmin Health and Activity API: summaries in the payload (push), or an address to fetch them from (ping).

The specification is given to partners only. What is used of it was read in a public copy of "Garmin Connect Developer
Program, Health API" 1.2 (sections 4 to 7), and of the Activity API in public code that receives it:
https://github.com/the-momentum/open-wearables/blob/main/backend/app/schemas/providers/garmin/activity_import.py
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from athlete_ally.core.errors import InvalidMessage
from athlete_ally.core.vendor.json_body import converted, decoded, kilograms, minutes, moment, present, stages_of
from athlete_ally.core.vendor.plugin import Vendor
from athlete_ally.core.vendor.signature import SecretPath
from athlete_ally.core.vendor.webhook import Found, Readings, Resource, Unpacked, Unusable, Webhook

_OVERVIEW = "https://developer.garmin.com/gc-developer-program/health-api/"
_ACTIVITIES = (
    "https://github.com/the-momentum/open-wearables/blob/main/backend/app/schemas/providers/garmin/activity_import.py"
)
_SOURCE = "garmin"


class _Item(msgspec.Struct, frozen=True, rename="camel"):
    user_id: str
    callback_url: str | None = msgspec.field(default=None, name="callbackURL")


class _Timed(msgspec.Struct, frozen=True, rename="camel"):
    """Times are Unix seconds; the offset is what the device showed, in seconds east of UTC (section 6.2)."""

    start_time_in_seconds: float
    duration_in_seconds: float = 0.0
    start_time_offset_in_seconds: int = 0
    calendar_date: str | None = None

    def at(self, after_s: float = 0.0) -> str:
        """Return the instant so many seconds after the start."""
        return moment(self.start_time_in_seconds + after_s, self.start_time_offset_in_seconds)


class _Daily(_Timed, frozen=True, rename="camel"):
    steps: float | None = None
    distance_in_meters: float | None = None
    active_kilocalories: float | None = None
    moderate_intensity_duration_in_seconds: float | None = None
    vigorous_intensity_duration_in_seconds: float | None = None
    floors_climbed: float | None = None
    resting_heart_rate_in_beats_per_minute: float | None = None


# Section 7.1: a day's summary grows with each sync; the end of what it covers says how new it is.
def _daily(daily: _Daily) -> Readings:
    common = present(date=daily.calendar_date, capturedAt=daily.at(daily.duration_in_seconds), source=_SOURCE)
    if daily.calendar_date is None:
        common |= {"start": daily.at(), "end": daily.at(daily.duration_in_seconds)}
    moderate, vigorous = daily.moderate_intensity_duration_in_seconds, daily.vigorous_intensity_duration_in_seconds
    activity = present(
        steps=daily.steps,
        distanceMeters=daily.distance_in_meters,
        activeEnergyKcal=daily.active_kilocalories,
        moderateMinutes=minutes(moderate),
        vigorousMinutes=minutes(vigorous),
        floors=daily.floors_climbed,
    )
    resting = daily.resting_heart_rate_in_beats_per_minute
    return [
        *([("activity", {**common, **activity})] if activity else []),
        *([("resting_heart_rate", {**common, "bpm": resting})] if resting else []),
    ]


class _Score(msgspec.Struct, frozen=True):
    value: float | None = None


class _Nap(msgspec.Struct, frozen=True, rename="camel"):
    nap_duration_in_seconds: float
    nap_start_time_in_seconds: float
    nap_offset_in_seconds: int = 0


class _Sleep(_Timed, frozen=True, rename="camel"):
    deep_sleep_duration_in_seconds: float = 0.0
    light_sleep_duration_in_seconds: float = 0.0
    rem_sleep_in_seconds: float = 0.0
    awake_duration_in_seconds: float = 0.0
    unmeasurable_sleep_in_seconds: float = 0.0
    unmeasurable_sleep_duration_in_seconds: float = 0.0
    overall_sleep_score: _Score = _Score()
    naps: tuple[_Nap, ...] = ()

    @property
    def asleep_s(self) -> float:
        """Seconds in the stages of sleep."""
        return self.deep_sleep_duration_in_seconds + self.light_sleep_duration_in_seconds + self.rem_sleep_in_seconds

    @property
    def unmeasured_s(self) -> float:
        """Seconds without a stage; the specification's table and its examples spell the field differently."""
        return max(self.unmeasurable_sleep_in_seconds, self.unmeasurable_sleep_duration_in_seconds)


# Section 7.3. By the table `durationInSeconds` leaves out time awake, by both examples it holds it: the sums of the
# stages are used instead, and the duration only where there is no stage (entered by hand, or not worn).
def _sleep(sleep: _Sleep) -> Readings:
    asleep_s = sleep.asleep_s or sleep.duration_in_seconds
    in_bed_s = asleep_s + sleep.awake_duration_in_seconds + sleep.unmeasured_s
    night = present(
        date=sleep.calendar_date,
        start=sleep.at(),
        end=sleep.at(in_bed_s),
        capturedAt=sleep.at(in_bed_s),
        source=_SOURCE,
        context="overnight",
        durationMinutes=asleep_s / 60,
        stages=stages_of(
            awake_s=sleep.awake_duration_in_seconds,
            light_s=sleep.light_sleep_duration_in_seconds,
            deep_s=sleep.deep_sleep_duration_in_seconds,
            rem_s=sleep.rem_sleep_in_seconds,
        )
        if sleep.asleep_s
        else None,
        qualityScore=sleep.overall_sleep_score.value,
    )
    return [*([("sleep", night)] if asleep_s > 0 else []), *(("sleep", _nap(nap)) for nap in sleep.naps)]


def _nap(nap: _Nap) -> dict[str, Any]:
    end_s = nap.nap_start_time_in_seconds + nap.nap_duration_in_seconds
    end = moment(end_s, nap.nap_offset_in_seconds)
    return {
        "start": moment(nap.nap_start_time_in_seconds, nap.nap_offset_in_seconds),
        "end": end,
        "capturedAt": end,
        "source": _SOURCE,
        "context": "nap",
        "durationMinutes": nap.nap_duration_in_seconds / 60,
    }


class _Hrv(_Timed, frozen=True, rename="camel"):
    last_night_avg: float | None = None


# Section 7.10: overnight averages of rMSSD, in milliseconds.
def _hrv(hrv: _Hrv) -> Readings:
    if hrv.last_night_avg is None:
        return []
    end = hrv.at(hrv.duration_in_seconds)
    whole = present(date=hrv.calendar_date, start=hrv.at(), end=end, capturedAt=end, source=_SOURCE)
    return [("hrv", {**whole, "context": "overnight", "rmssd": hrv.last_night_avg})]


class _BodyComposition(msgspec.Struct, frozen=True, rename="camel"):
    measurement_time_in_seconds: float
    measurement_time_offset_in_seconds: int = 0
    weight_in_grams: float | None = None
    muscle_mass_in_grams: float | None = None
    bone_mass_in_grams: float | None = None
    body_water_in_percent: float | None = None
    body_fat_in_percent: float | None = None


# Section 7.4: masses in grams.
def _body(body: _BodyComposition) -> Readings:
    at = moment(body.measurement_time_in_seconds, body.measurement_time_offset_in_seconds)
    values = present(
        massKg=kilograms(body.weight_in_grams),
        muscleMassKg=kilograms(body.muscle_mass_in_grams),
        boneMassKg=kilograms(body.bone_mass_in_grams),
        waterPercent=body.body_water_in_percent,
        fatPercent=body.body_fat_in_percent,
    )
    return [("body", {"date": at[:10], "capturedAt": at, "source": _SOURCE, **values})] if values else []


class _SkinTemperature(_Timed, frozen=True, rename="camel"):
    avg_deviation_celsius: float | None = None


# Section 7.12: deviation during sleep, not a temperature.
def _skin_temperature(skin: _SkinTemperature) -> Readings:
    if skin.avg_deviation_celsius is None:
        return []
    end = skin.at(skin.duration_in_seconds)
    whole = present(date=skin.calendar_date, start=skin.at(), end=end, capturedAt=end, source=_SOURCE)
    return [("skin_temperature", {**whole, "context": "overnight", "deviationCelsius": skin.avg_deviation_celsius})]


class _PulseOx(_Timed, frozen=True, rename="camel"):
    time_offset_spo2_values: dict[str, float] = {}
    on_demand: bool = False


# Section 7.7: keys are seconds after the start. Values taken on demand are spot readings; the all-day series is not
# summed up here, since an average of ours would be no value of the vendor's.
def _pulse_ox(pulse: _PulseOx) -> Readings:
    if not pulse.on_demand:
        return []
    readings: Readings = []
    for after, percent in pulse.time_offset_spo2_values.items():
        at = pulse.at(_number(after))
        day = {"date": at[:10], "capturedAt": at, "source": _SOURCE, "context": "spot"}
        readings.append(("spo2", {**day, "percent": percent}))
    return readings


class _SnapshotPart(msgspec.Struct, frozen=True, rename="camel"):
    summary_type: str
    avg_value: float | None = None
    min_value: float | None = None


class _Snapshot(_Timed, frozen=True, rename="camel"):
    """The specification's example writes the offset's name the other way round."""

    offset_start_time_in_seconds: int | None = None
    summaries: tuple[_SnapshotPart, ...] = ()


# Section 7.9: two minutes at rest. `rmssd_hrv` is rMSSD; `sdrr_hrv` is taken over all intervals, artefacts included,
# which SDNN is not: it is left in the webhook.
def _snapshot(snapshot: _Snapshot) -> Readings:
    offset_s = snapshot.offset_start_time_in_seconds or snapshot.start_time_offset_in_seconds
    end = moment(snapshot.start_time_in_seconds + snapshot.duration_in_seconds, offset_s)
    whole = present(
        date=snapshot.calendar_date,
        start=moment(snapshot.start_time_in_seconds, offset_s),
        end=end,
        capturedAt=end,
        source=_SOURCE,
        context="spot",
    )
    parts = {part.summary_type: part for part in snapshot.summaries if part.avg_value is not None}
    fields = {
        "rmssd_hrv": ("hrv", "rmssd"),
        "respiration": ("respiratory_rate", "breathsPerMinute"),
        "spo2": ("spo2", "percent"),
    }
    return [(kind, {**whole, field: parts[name].avg_value}) for name, (kind, field) in fields.items() if name in parts]


class _Activity(_Timed, frozen=True, rename="camel"):
    activity_type: str = "UNKNOWN"
    device_name: str | None = None
    distance_in_meters: float | None = None
    active_kilocalories: float | None = None
    average_heart_rate_in_beats_per_minute: float | None = None
    max_heart_rate_in_beats_per_minute: float | None = None


def _workout(activity: _Activity) -> Readings:
    end = activity.at(activity.duration_in_seconds)
    workout = present(
        start=activity.at(),
        end=end,
        capturedAt=end,
        source=_SOURCE,
        device=activity.device_name or None,
        context="workout",
        sport=activity.activity_type.lower(),
        durationMinutes=minutes(activity.duration_in_seconds),
        distanceMeters=activity.distance_in_meters,
        energyKcal=activity.active_kilocalories,
        averageBpm=activity.average_heart_rate_in_beats_per_minute,
        maxBpm=activity.max_heart_rate_in_beats_per_minute,
    )
    return [("workout", workout)]


def _number(text: str) -> float:
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise InvalidMessage("an offset is not a number of seconds")
    return float(text)


_MOST_DIGITS = 9
# A ping or push for one person holds one summary; batches stay in the thousands.
_DEREGISTRATIONS = "deregistrations"
_Mapping = Callable[[Any], Readings]
_SUMMARIES: Mapping[str, tuple[type, _Mapping]] = {
    "dailies": (_Daily, _daily),
    "sleeps": (_Sleep, _sleep),
    "hrv": (_Hrv, _hrv),
    "bodyComps": (_BodyComposition, _body),
    "skinTemp": (_SkinTemperature, _skin_temperature),
    "pulseox": (_PulseOx, _pulse_ox),
    "healthSnapshot": (_Snapshot, _snapshot),
    "activities": (_Activity, _workout),
}


class _Contents:
    """What was found so far in one webhook."""

    def __init__(self) -> None:
        self.found: list[Found] = []
        self.resources: list[Resource] = []
        self.withdrawn: list[str] = []
        self.unusable: list[Unusable] = []
        self.ignored = 0

    def take(self, index: int, type_name: str, raw: Any) -> None:
        """Take one item: an address, a deregistration, a summary, or something that we don't use."""
        item = converted(raw, _Item)
        if type_name == _DEREGISTRATIONS:
            self.withdrawn.append(item.user_id)
        elif item.callback_url is not None:
            self.resources.append(Resource(item.user_id, type_name, item.callback_url))
        elif type_name in _SUMMARIES:
            shape, readings_of = _SUMMARIES[type_name]
            readings = readings_of(converted(raw, shape))
            self.found += [Found(index, kind, item.user_id, fields) for kind, fields in readings]
            self.ignored += not readings
        else:
            self.ignored += 1


def unpack(webhook: Webhook) -> Unpacked:
    """Read the lists of summaries, by type; one list may concern many people."""
    contents = _Contents()
    index = 0
    for type_name, items in decoded(webhook.body, dict[str, list[Any]]).items():
        for raw in items:
            try:
                contents.take(index, type_name, raw)
            except InvalidMessage as error:
                contents.unusable.append(Unusable(index, str(error)))
            index += 1
    return Unpacked(
        tuple(contents.found),
        tuple(contents.resources),
        tuple(contents.withdrawn),
        tuple(contents.unusable),
        contents.ignored,
    )


GARMIN = Vendor(
    name="garmin",
    title="Garmin Health and Activity API",
    # Garmin does not sign; its `garmin-client-id` header names our own application and is no secret. What protects the
    # address is that only Garmin knows it.
    # https://github.com/the-momentum/open-wearables/blob/main/backend/app/services/providers/garmin/webhook_handler.py
    signature=SecretPath(),
    unpack=unpack,
    carries="data or ids",
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
    sources=(_OVERVIEW, _ACTIVITIES),
    unconfirmed=(
        "everything: the specification is given to partners only, and was read in a public copy of version 1.2",
        "which token the address in a ping takes: a ping is counted and not followed, so have summaries pushed",
        "whether `durationInSeconds` of a night holds time awake: its text and its examples differ",
    ),
    # Section 4.1: thirty seconds, and nothing but 200 counts as taken.
    deadline_s=30.0,
)
