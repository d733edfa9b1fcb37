"""Polar: a notification for a night, a day and a training session."""

import hashlib
import hmac
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from athlete_ally.simulate.synthetic_people import Night, night, waking
from athlete_ally.simulate.vendor_profile import ApiProfile, Asked, Handshake, Headers, VendorProfile, to_json

_URL = "https://www.polaraccesslink.com"
_SLEEP = "/v3/users/sleep/"
_RECHARGE = "/v3/users/nightly-recharge/"
_ACTIVITY = "/v3/users/activities/"
_EXERCISE = "/v3/exercises/"
_SAMPLE_EVERY = timedelta(minutes=5)


def _deliveries(account: str, day: date) -> tuple[bytes, ...]:
    common = {"user_id": int(account), "timestamp": f"{day}T20:00:00Z"}
    exercise = f"ex{day:%Y%m%d}"
    return (
        to_json({"event": "SLEEP", **common, "date": f"{day}", "url": f"{_URL}{_SLEEP}{day}"}),
        to_json({"event": "ACTIVITY_SUMMARY", **common, "date": f"{day}", "url": f"{_URL}{_ACTIVITY}{day}"}),
        to_json({"event": "EXERCISE", **common, "entity_id": exercise, "url": f"{_URL}{_EXERCISE}{exercise}"}),
    )


def _document(asked: Asked) -> Any:
    match asked.path:
        case "/v3/users/activities":
            days = asked.days(*(date.fromisoformat(asked.query[name]) for name in ("from", "to")))
            return [_activity(asked.account, day) for day in days]
        case "/v3/exercises":
            days = asked.days(asked.last_day - timedelta(days=29), asked.last_day)
            return [_exercise(f"ex{day:%Y%m%d}", asked.account, day) for day in days]
        case _:
            return _single(asked)


def _single(asked: Asked) -> dict[str, Any] | None:
    folder, _, name = asked.path.rpartition("/")
    match f"{folder}/":
        case "/v3/users/sleep/":
            return _sleep(asked.account, date.fromisoformat(name))
        case "/v3/users/nightly-recharge/":
            return _recharge(asked.account, date.fromisoformat(name))
        case "/v3/users/activities/":
            return _activity(asked.account, date.fromisoformat(name))
        case "/v3/exercises/":
            day = datetime.strptime(name, "ex%Y%m%d").replace(tzinfo=UTC).date()
            return _exercise(name, asked.account, day)
        case _:
            return None


# https://www.polar.com/accesslink-api/#get-sleep
def _sleep(account: str, day: date) -> dict[str, Any]:
    slept = night(account, day)
    return {
        "polar_user": f"{_URL}/v3/users/{account}",
        "date": f"{day}",
        "sleep_start_time": slept.start.isoformat(),
        "sleep_end_time": slept.end.isoformat(),
        "device_id": "1111AAAA",
        "continuity": 3.4,
        "continuity_class": 4,
        "light_sleep": slept.light_s,
        "deep_sleep": slept.deep_s,
        "rem_sleep": slept.rem_s,
        "unrecognized_sleep_stage": 0,
        "total_interruption_duration": slept.awake_s,
        "sleep_score": 82,
        "sleep_cycles": 5,
        "heart_rate_samples": _heart_rates(slept),
    }


def _heart_rates(slept: Night) -> dict[str, int]:
    count = slept.in_bed_s // int(_SAMPLE_EVERY.total_seconds())
    moments = (slept.start + number * _SAMPLE_EVERY for number in range(count))
    return {f"{at:%H:%M}": slept.resting_bpm + 2 + number % 4 for number, at in enumerate(moments)}


# https://www.polar.com/accesslink-api/#get-nightly-recharge
def _recharge(account: str, day: date) -> dict[str, Any]:
    slept = night(account, day)
    return {
        "polar_user": f"{_URL}/v3/users/{account}",
        "date": f"{day}",
        "heart_rate_avg": slept.resting_bpm + 3,
        "beat_to_beat_avg": round(60_000 / (slept.resting_bpm + 3)),
        "heart_rate_variability_avg": round(slept.rmssd_ms),
        "breathing_rate_avg": slept.breaths_per_minute,
        "nightly_recharge_status": 4,
        "ans_charge": 1.2,
        "ans_charge_status": 3,
    }


# https://www.polar.com/accesslink-api/#get-activity-for-given-date
def _activity(account: str, day: date) -> dict[str, Any]:
    moved = waking(account, day)
    return {
        "start_time": f"{day}T00:00:00",
        "end_time": f"{day}T23:59:59",
        "active_duration": f"PT{moved.moderate_min + moved.vigorous_min}M",
        "calories": 1_700 + moved.active_kcal,
        "active_calories": moved.active_kcal,
        "steps": moved.steps,
        "distance_from_steps": moved.distance_m,
    }


# https://www.polar.com/accesslink-api/#get-exercise
def _exercise(name: str, account: str, day: date) -> dict[str, Any]:
    moved = waking(account, day)
    start = datetime.combine(day, time(17, 30))
    return {
        "id": name,
        "upload_time": f"{day}T19:00:00.000Z",
        "polar_user": f"{_URL}/v3/users/{account}",
        "device": "Polar Vantage V3",
        "start_time": start.isoformat(),
        "start_time_utc_offset": 60,
        "duration": f"PT{moved.moderate_min}M30S",
        "calories": moved.active_kcal,
        "distance": moved.distance_m,
        "heart_rate": {"average": 138, "maximum": 171},
        "sport": "RUNNING",
        "detailed_sport_info": "RUNNING",
        "training_load": 71.5,
    }


# https://www.polar.com/accesslink-api/#webhooks
def _sign(secret: str, body: bytes, _at_s: int) -> Headers:
    return {"polar-webhook-signature": hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


# https://www.polar.com/accesslink-api/#create-webhook
def _handshake(_secret: str, _token: str) -> tuple[Handshake, ...]:
    return (Handshake("POST", 200, body=to_json({"timestamp": "2026-01-01T00:00:00Z", "event": "PING"})),)


POLAR = VendorProfile(
    deliveries=_deliveries,
    sign=_sign,
    handshake=_handshake,
    api=ApiProfile(
        authorize_path="/oauth2/authorization",
        token_path="/v2/oauth2/token",  # noqa: S106  # a path
        account_field="x_user_id",
        document=_document,
        number_accounts=True,
        wants_basic=True,
        refreshes=False,
        enrol_path="/v3/users",
    ),
)
