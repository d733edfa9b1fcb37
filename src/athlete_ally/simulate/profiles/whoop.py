"""WHOOP: a notification for each sleep and recovery; a recovery is named by its sleep."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

from athlete_ally.simulate.synthetic_people import night
from athlete_ally.simulate.vendor_profile import ApiProfile, Asked, Headers, VendorProfile, page, to_json

_MOST = 25


def _deliveries(account: str, day: date) -> tuple[bytes, ...]:
    sleep, person = _name(day), int(account)
    return (
        to_json({"user_id": person, "id": sleep, "type": "recovery.updated", "trace_id": f"{account}-{day}-recovery"}),
        to_json({"user_id": person, "id": sleep, "type": "sleep.updated", "trace_id": f"{account}-{day}-sleep"}),
    )


def _name(day: date) -> str:
    """Return a UUID that holds the day, so that the API knows which night is asked for."""
    return f"00000000-0000-4000-8000-{day.toordinal():012}"


# https://developer.whoop.com/docs/developing/pagination: the latest first.
def _listed(asked: Asked, make: Callable[[date], dict[str, Any]]) -> dict[str, Any]:
    start, end = (datetime.fromisoformat(asked.query[name]) for name in ("start", "end"))
    nights = [(day, night(asked.account, day)) for day in asked.days(start.date(), end.date() + timedelta(days=1))]
    records = [make(day) for day, slept in reversed(nights) if slept.end >= start and slept.start < end]
    size = min(int(asked.query.get("limit", "10")), _MOST)
    found, token = page(records, asked.query.get("nextToken", ""), size)
    return {"records": found, **({"next_token": token} if token else {})}


def _document(asked: Asked) -> dict[str, Any] | None:
    match asked.path.removeprefix("/developer/v2/").split("/"):
        case ["activity", "sleep", sleep]:
            return _sleep(asked.account, sleep)
        case ["cycle", cycle, "recovery"]:
            return _recovery(asked.account, int(cycle))
        case ["activity", "sleep"]:
            return _listed(asked, lambda day: _sleep(asked.account, _name(day)))
        case ["recovery"]:
            return _listed(asked, lambda day: _recovery(asked.account, day.toordinal()))
        case ["activity", "workout"]:
            return {"records": []}
        case _:
            return None


# https://developer.whoop.com/api#tag/Sleep: durations in milliseconds; the cycle is the day that the sleep begins.
def _sleep(account: str, name: str) -> dict[str, Any]:
    ordinal = int(name[-12:])
    slept = night(account, date.fromordinal(ordinal))
    stages = {
        "total_in_bed_time_milli": slept.in_bed_s * 1000,
        "total_awake_time_milli": slept.awake_s * 1000,
        "total_no_data_time_milli": 0,
        "total_light_sleep_time_milli": slept.light_s * 1000,
        "total_slow_wave_sleep_time_milli": slept.deep_s * 1000,
        "total_rem_sleep_time_milli": slept.rem_s * 1000,
    }
    return {
        "id": name,
        "cycle_id": ordinal,
        "user_id": int(account),
        "created_at": _instant(slept.end),
        "updated_at": _instant(slept.end),
        "start": _instant(slept.start),
        "end": _instant(slept.end),
        "timezone_offset": "+00:00",
        "nap": False,
        "score_state": "SCORED",
        "score": {"stage_summary": stages, "respiratory_rate": slept.breaths_per_minute},
    }


# https://developer.whoop.com/api#tag/Recovery
def _recovery(account: str, cycle: int) -> dict[str, Any]:
    slept = night(account, date.fromordinal(cycle))
    return {
        "cycle_id": cycle,
        "sleep_id": _name(date.fromordinal(cycle)),
        "user_id": int(account),
        "created_at": _instant(slept.end),
        "updated_at": _instant(slept.end),
        "score_state": "SCORED",
        "score": {
            "user_calibrating": False,
            "hrv_rmssd_milli": slept.rmssd_ms,
            "resting_heart_rate": slept.resting_bpm,
            "spo2_percentage": slept.spo2_percent,
        },
    }


def _instant(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S.000Z}"


# https://developer.whoop.com/docs/developing/webhooks/
def _sign(secret: str, body: bytes, at_s: int) -> Headers:
    digest = hmac.new(secret.encode(), f"{at_s * 1000}".encode() + body, hashlib.sha256).digest()
    return {"x-whoop-signature": base64.b64encode(digest).decode(), "x-whoop-signature-timestamp": f"{at_s * 1000}"}


WHOOP = VendorProfile(
    deliveries=_deliveries,
    sign=_sign,
    # "five more times over the course of roughly an hour":
    # https://developer.whoop.com/docs/developing/webhooks/
    waits_s=(60.0, 180.0, 600.0, 1200.0, 1500.0),
    api=ApiProfile(
        authorize_path="/oauth/oauth2/auth",
        token_path="/oauth/oauth2/token",  # noqa: S106  # a path
        who_path="/developer/v2/user/profile/basic",
        account_field="user_id",
        document=_document,
        number_accounts=True,
    ),
)
