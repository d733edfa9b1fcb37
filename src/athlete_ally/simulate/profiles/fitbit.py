"""Fitbit: a notification for the night and the day; each names what else there is to ask for."""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from athlete_ally.simulate.synthetic_people import night, waking, weight_kg
from athlete_ally.simulate.vendor_profile import ApiProfile, Asked, Handshake, Headers, VendorProfile, to_json

_DAY = r"\d{4}-\d{2}-\d{2}"
_PATH = re.compile(rf"/1(?:\.2)?/user/-/(.+)/date/({_DAY})(?:/1d)?\.json")
_RANGE = re.compile(rf"/1(?:\.2)?/user/-/(.+)/date/({_DAY})/({_DAY})\.json")


def _deliveries(account: str, day: date) -> tuple[bytes, ...]:
    common = {"date": f"{day}", "ownerId": account, "ownerType": "user", "subscriptionId": f"s-{account}"}
    return tuple(to_json([{"collectionType": each, **common}]) for each in ("sleep", "activities", "body"))


def _document(asked: Asked) -> Any:
    many = _RANGE.fullmatch(asked.path)
    if many is not None:
        return _listed(many[1], asked, asked.days(date.fromisoformat(many[2]), date.fromisoformat(many[3])))
    found = _PATH.fullmatch(asked.path)
    if found is None:
        return None
    make = _DOCUMENTS.get(found[1])
    return None if make is None else make(asked.account, date.fromisoformat(found[2]))


# "... by Date Range" and "... by Interval" of https://dev.fitbit.com/build/reference/web-api/: the same for many days.
def _listed(name: str, asked: Asked, days: list[date]) -> Any:
    folder, _, series = name.partition("/")
    if folder == "activities":
        points = [{"dateTime": f"{day}", "value": _SERIES[series](asked.account, day)} for day in days]
        return {f"activities-{series}": points}
    documents = [_DOCUMENTS[name](asked.account, day) for day in days]
    if name == "spo2":
        return documents
    key = {"temp/skin": "tempSkin", "body/log/weight": "weight"}.get(name, name)
    return {key: [item for document in documents for item in document[key]]}


# https://dev.fitbit.com/build/reference/web-api/activity-timeseries/get-activity-timeseries-by-date-range/
_SERIES: Mapping[str, Callable[[str, date], Any]] = {
    "steps": lambda account, day: str(waking(account, day).steps),
    "distance": lambda account, day: str(round(waking(account, day).distance_m / 1000, 5)),
    "calories": lambda account, day: str(1_700 + waking(account, day).active_kcal),
    "minutesLightlyActive": lambda _account, _day: "190",
    "minutesFairlyActive": lambda account, day: str(waking(account, day).moderate_min),
    "minutesVeryActive": lambda account, day: str(waking(account, day).vigorous_min),
    "minutesSedentary": lambda _account, _day: "700",
    "floors": lambda account, day: str(waking(account, day).floors),
    "heart": lambda account, day: {"heartRateZones": [], "restingHeartRate": night(account, day).resting_bpm},
}


# https://dev.fitbit.com/build/reference/web-api/sleep/get-sleep-log-by-date/
def _sleep(account: str, day: date) -> dict[str, Any]:
    slept = night(account, day)
    stages = {"deep": slept.deep_s, "light": slept.light_s, "rem": slept.rem_s, "wake": slept.awake_s}
    return {
        "dateOfSleep": f"{day}",
        "duration": slept.in_bed_s * 1000,
        "efficiency": round(100 * slept.asleep_s / slept.in_bed_s),
        "endTime": f"{slept.end:%Y-%m-%dT%H:%M:%S}.000",
        "infoCode": 0,
        "isMainSleep": True,
        "levels": {"summary": {name: {"count": 9, "minutes": round(s / 60)} for name, s in stages.items()}},
        "logId": 26_013_218_219,
        "minutesAsleep": round(slept.asleep_s / 60),
        "minutesAwake": round(slept.awake_s / 60),
        "startTime": f"{slept.start:%Y-%m-%dT%H:%M:%S}.000",
        "timeInBed": round(slept.in_bed_s / 60),
        "type": "stages",
    }


# https://dev.fitbit.com/build/reference/web-api/activity/get-daily-activity-summary/
def _summary(account: str, day: date) -> dict[str, Any]:
    moved = waking(account, day)
    return {
        "activityCalories": moved.active_kcal,
        "caloriesOut": 1_700 + moved.active_kcal,
        "distances": [{"activity": "total", "distance": round(moved.distance_m / 1000, 2)}],
        "fairlyActiveMinutes": moved.moderate_min,
        "floors": moved.floors,
        "lightlyActiveMinutes": 190,
        "restingHeartRate": night(account, day).resting_bpm,
        "sedentaryMinutes": 700,
        "steps": moved.steps,
        "veryActiveMinutes": moved.vigorous_min,
    }


# https://dev.fitbit.com/build/reference/web-api/body/get-weight-log/
def _weight(account: str, day: date) -> dict[str, Any]:
    return {
        "bmi": 23.1,
        "date": f"{day}",
        "fat": 19.5,
        "logId": 1_553_067_494_000,
        "source": "Aria",
        "time": "06:31:34",
        "weight": weight_kg(account, day),
    }


# https://dev.fitbit.com/build/reference/web-api/heartrate-variability/get-hrv-summary-by-date/
def _hrv(account: str, day: date) -> dict[str, Any]:
    rmssd_ms = night(account, day).rmssd_ms
    value = {"dailyRmssd": rmssd_ms, "deepRmssd": round(rmssd_ms * 0.9, 3)}
    return {"hrv": [{"value": value, "dateTime": f"{day}"}]}


# https://dev.fitbit.com/build/reference/web-api/breathing-rate/get-br-summary-by-date/
def _breathing(account: str, day: date) -> dict[str, Any]:
    return {"br": [{"value": {"breathingRate": night(account, day).breaths_per_minute}, "dateTime": f"{day}"}]}


# https://dev.fitbit.com/build/reference/web-api/spo2/get-spo2-summary-by-date/
def _spo2(account: str, day: date) -> dict[str, Any]:
    percent = night(account, day).spo2_percent
    return {"dateTime": f"{day}", "value": {"avg": percent, "min": round(percent - 3, 1), "max": 100.0}}


# https://dev.fitbit.com/build/reference/web-api/temperature/get-temperature-skin-summary-by-date/
def _skin(_account: str, day: date) -> dict[str, Any]:
    return {
        "tempSkin": [{"dateTime": f"{day}", "value": {"nightlyRelative": -0.4}, "logType": "dedicated_temp_sensor"}]
    }


_DOCUMENTS: Mapping[str, Callable[[str, date], dict[str, Any]]] = {
    "sleep": lambda account, day: {"sleep": [_sleep(account, day)], "summary": {"totalSleepRecords": 1}},
    "hrv": _hrv,
    "br": _breathing,
    "spo2": _spo2,
    "temp/skin": _skin,
    "activities/steps": lambda account, day: {
        "activities-steps": [{"dateTime": f"{day}", "value": str(waking(account, day).steps)}]
    },
    "activities": lambda account, day: {"activities": [], "goals": {}, "summary": _summary(account, day)},
    "body/log/weight": lambda account, day: {"weight": [_weight(account, day)]},
}


# https://dev.fitbit.com/build/reference/web-api/developer-guide/best-practices/#Subscriber-Security
def _sign(secret: str, body: bytes, _at_s: int) -> Headers:
    digest = hmac.new(f"{secret}&".encode(), body, hashlib.sha1).digest()
    return {"x-fitbit-signature": base64.b64encode(digest).decode()}


# https://dev.fitbit.com/build/reference/web-api/developer-guide/using-subscriptions/#Verifying-a-Subscriber
def _handshake(_secret: str, token: str) -> tuple[Handshake, ...]:
    return Handshake("GET", 204, {"verify": token}), Handshake("GET", 404, {"verify": "another"})


FITBIT = VendorProfile(
    deliveries=_deliveries,
    sign=_sign,
    handshake=_handshake,
    api=ApiProfile(
        authorize_path="/oauth2/authorize",
        token_path="/oauth2/token",  # noqa: S106  # a path
        account_field="user_id",
        document=_document,
        wants_basic=True,
        wants_pkce=True,
    ),
)
