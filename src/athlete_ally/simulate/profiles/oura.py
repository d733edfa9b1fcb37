"""Oura: a notification for each document of a day."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from athlete_ally.simulate.synthetic_people import night, waking
from athlete_ally.simulate.vendor_profile import ApiProfile, Asked, Handshake, Headers, VendorProfile, page, to_json

_ROOT = "/v2/usercollection/"
_PAGE = 10


def _deliveries(account: str, day: date) -> tuple[bytes, ...]:
    name = f"sleep-{account}-{day}"
    return (to_json({"event_type": "update", "data_type": "sleep", "object_id": name, "user_id": account}),)


def _document(asked: Asked) -> dict[str, Any] | None:
    collection, _, name = asked.path.removeprefix(_ROOT).partition("/")
    if collection == "session":
        return {"data": [], "next_token": None}
    make = _DOCUMENTS.get(collection)
    if make is None:
        return None
    if name:
        return make(asked.account, date.fromisoformat(name[-10:]))
    days = asked.days(*(date.fromisoformat(asked.query[name]) for name in ("start_date", "end_date")))
    items, token = page([make(asked.account, day) for day in days], asked.query.get("next_token", ""), _PAGE)
    return {"data": items, "next_token": token or None}


# https://cloud.ouraring.com/v2/docs#operation/Single_sleep_Document_v2_usercollection_sleep__document_id__get
def _sleep(account: str, day: date) -> dict[str, Any]:
    slept = night(account, day)
    return {
        "id": f"sleep-{account}-{day}",
        "day": day.isoformat(),
        "type": "long_sleep",
        "bedtime_start": slept.start.isoformat(),
        "bedtime_end": slept.end.isoformat(),
        "time_in_bed": slept.in_bed_s,
        "total_sleep_duration": slept.asleep_s,
        "deep_sleep_duration": slept.deep_s,
        "light_sleep_duration": slept.light_s,
        "rem_sleep_duration": slept.rem_s,
        "awake_time": slept.awake_s,
        "average_hrv": round(slept.rmssd_ms),
        "average_heart_rate": slept.resting_bpm + 3.5,
        "lowest_heart_rate": slept.resting_bpm,
        "average_breath": slept.breaths_per_minute,
        "efficiency": round(100 * slept.asleep_s / slept.in_bed_s),
    }


# https://cloud.ouraring.com/v2/docs#tag/Daily-Activity-Routes
def _activity(account: str, day: date) -> dict[str, Any]:
    moved = waking(account, day)
    return {
        "id": f"activity-{day}",
        "day": f"{day}",
        "steps": moved.steps,
        "active_calories": moved.active_kcal,
        "total_calories": 1_700 + moved.active_kcal,
        "medium_activity_time": moved.moderate_min * 60,
        "high_activity_time": moved.vigorous_min * 60,
        "score": 84,
    }


# https://cloud.ouraring.com/v2/docs#tag/Workout-Routes
def _workout(account: str, day: date) -> dict[str, Any]:
    moved = waking(account, day)
    start = datetime.combine(day, time(17), UTC)
    return {
        "id": f"workout-{day}",
        "activity": "running",
        "day": f"{day}",
        "start_datetime": start.isoformat(),
        "end_datetime": (start + timedelta(minutes=moved.moderate_min + 1)).isoformat(),
        "calories": float(moved.active_kcal),
        "distance": moved.distance_m,
    }


# https://cloud.ouraring.com/v2/docs#tag/Daily-Readiness-Routes
def _readiness(_account: str, day: date) -> dict[str, Any]:
    return {"id": f"readiness-{day}", "day": f"{day}", "score": 81, "temperature_deviation": 0.12}


# https://cloud.ouraring.com/v2/docs#tag/Daily-Spo2-Routes
def _spo2(account: str, day: date) -> dict[str, Any]:
    percent = night(account, day).spo2_percent
    return {"id": f"spo2-{day}", "day": f"{day}", "spo2_percentage": {"average": percent}}


_DOCUMENTS: Mapping[str, Callable[[str, date], dict[str, Any]]] = {
    "sleep": _sleep,
    "daily_activity": _activity,
    "daily_readiness": _readiness,
    "daily_spo2": _spo2,
    "workout": _workout,
}


# https://cloud.ouraring.com/v2/docs#tag/Webhook-Subscription-Routes
def _sign(secret: str, body: bytes, at_s: int) -> Headers:
    digest = hmac.new(secret.encode(), f"{at_s}".encode() + body, hashlib.sha256).hexdigest()
    return {"x-oura-signature": digest.upper(), "x-oura-timestamp": f"{at_s}"}


# https://cloud.ouraring.com/v2/docs#tag/Webhook-Subscription-Routes
def _handshake(_secret: str, token: str) -> tuple[Handshake, ...]:
    query = {"verification_token": token, "challenge": "a-challenge"}
    return (
        Handshake("GET", 200, query, holds='"a-challenge"'),
        Handshake("GET", 401, {**query, "verification_token": "another"}),
    )


OURA = VendorProfile(
    deliveries=_deliveries,
    sign=_sign,
    handshake=_handshake,
    api=ApiProfile(
        authorize_path="/oauth/authorize",
        token_path="/oauth/token",  # noqa: S106  # a path
        who_path="/v2/usercollection/personal_info",
        account_field="id",
        document=_document,
    ),
)
