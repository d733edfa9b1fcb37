"""Garmin Health API: summaries in the payload, as far as `vendors/garmin.py` could read about it."""

from datetime import UTC, date, datetime, time
from typing import Any

from athlete_ally.simulate.synthetic_people import Night, at_unix_s, night, waking, weight_kg
from athlete_ally.simulate.vendor_profile import VendorProfile, to_json, unsigned

_DAY_S = 86_400


def _deliveries(account: str, day: date) -> tuple[bytes, ...]:
    slept = night(account, day)
    common = {"userId": account, "summaryId": f"{account}-{day}", "calendarDate": day.isoformat()}
    weighed = {
        "userId": account,
        "measurementTimeInSeconds": at_unix_s(slept.end),
        "measurementTimeOffsetInSeconds": 0,
        "weightInGrams": round(weight_kg(account, day) * 1000),
    }
    return (
        to_json({"sleeps": [{**common, **_sleep(slept)}]}),
        to_json({"hrv": [{**common, **_period(slept), "lastNightAvg": round(slept.rmssd_ms)}]}),
        to_json({"dailies": [{**common, **_daily(account, day, slept.resting_bpm)}]}),
        to_json({"bodyComps": [weighed]}),
    )


def _period(slept: Night) -> dict[str, Any]:
    return {
        "startTimeInSeconds": at_unix_s(slept.start),
        "startTimeOffsetInSeconds": 0,
        "durationInSeconds": slept.in_bed_s,
    }


def _sleep(slept: Night) -> dict[str, Any]:
    return {
        **_period(slept),
        "deepSleepDurationInSeconds": slept.deep_s,
        "lightSleepDurationInSeconds": slept.light_s,
        "remSleepInSeconds": slept.rem_s,
        "awakeDurationInSeconds": slept.awake_s,
    }


def _daily(account: str, day: date, resting_bpm: int) -> dict[str, Any]:
    moved = waking(account, day)
    return {
        "startTimeInSeconds": at_unix_s(datetime.combine(day, time(), UTC)),
        "startTimeOffsetInSeconds": 0,
        "durationInSeconds": _DAY_S,
        "steps": moved.steps,
        "distanceInMeters": moved.distance_m,
        "activeKilocalories": moved.active_kcal,
        "moderateIntensityDurationInSeconds": moved.moderate_min * 60,
        "vigorousIntensityDurationInSeconds": moved.vigorous_min * 60,
        "floorsClimbed": moved.floors,
        "restingHeartRateInBeatsPerMinute": resting_bpm,
    }


GARMIN = VendorProfile(deliveries=_deliveries, sign=unsigned, secret_in_path=True)
