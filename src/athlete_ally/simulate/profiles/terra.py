"""Terra, an aggregator: data of one person in each webhook.

Docs: https://docs.tryterra.co/reference/v2
"""

import hashlib
import hmac
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from athlete_ally.simulate.synthetic_people import Night, night, waking
from athlete_ally.simulate.vendor_profile import Headers, VendorProfile, to_json


def _deliveries(account: str, day: date) -> tuple[bytes, ...]:
    slept = night(account, day)
    return (
        _event("sleep", account, _sleep(slept)),
        _event("daily", account, _daily(account, day, slept.resting_bpm)),
    )


def _event(kind: str, account: str, item: dict[str, Any]) -> bytes:
    user = {"user_id": account, "provider": "SIMULATED", "active": True}
    return to_json({"status": "success", "type": kind, "user": user, "data": [item], "version": "2022-03-16"})


def _sleep(slept: Night) -> dict[str, Any]:
    asleep = {
        "duration_asleep_state_seconds": slept.asleep_s,
        "duration_light_sleep_state_seconds": slept.light_s,
        "duration_deep_sleep_state_seconds": slept.deep_s,
        "duration_REM_sleep_state_seconds": slept.rem_s,
    }
    return {
        "metadata": {"start_time": slept.start.isoformat(), "end_time": slept.end.isoformat(), "is_nap": False},
        "sleep_durations_data": {"asleep": asleep, "awake": {"duration_awake_state_seconds": slept.awake_s}},
        "heart_rate_data": {"summary": {"avg_hrv_rmssd": slept.rmssd_ms, "resting_hr_bpm": slept.resting_bpm}},
        "respiration_data": {
            "breaths_data": {"avg_breaths_per_min": slept.breaths_per_minute},
            "oxygen_saturation_data": {"avg_saturation_percentage": slept.spo2_percent},
        },
    }


def _daily(account: str, day: date, resting_bpm: int) -> dict[str, Any]:
    moved = waking(account, day)
    start = datetime.combine(day, time(), UTC)
    distance = {"steps": moved.steps, "distance_meters": moved.distance_m, "floors_climbed": moved.floors}
    return {
        "metadata": {"start_time": start.isoformat(), "end_time": (start + timedelta(days=1)).isoformat()},
        "distance_data": distance,
        "calories_data": {"net_activity_calories": moved.active_kcal},
        "heart_rate_data": {"summary": {"resting_hr_bpm": resting_bpm}},
    }


# https://docs.tryterra.co/reference/signing
def _sign(secret: str, body: bytes, at_s: int) -> Headers:
    digest = hmac.new(secret.encode(), f"{at_s}.".encode() + body, hashlib.sha256).hexdigest()
    return {"terra-signature": f"t={at_s},v1={digest}"}


TERRA = VendorProfile(
    deliveries=_deliveries,
    sign=_sign,
    # "roughly 5 min, 30 min, 1h, 2h, 4h, up to about 8 retries": the ones that are named.
    # https://docs.tryterra.co/faq/help-topics/webhook/failures-errors-and-retries/retry-policy-and-redelivery
    waits_s=(300.0, 1800.0, 3600.0, 7200.0, 14_400.0),
)
