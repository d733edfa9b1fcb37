"""Oura: a notification for each document of a day."""

import hashlib
import hmac
from datetime import date
from typing import Any

from athlete_ally.simulate.body import night
from athlete_ally.simulate.face import ApiFace, Asked, Face, Headers, Shake, to_json

_SLEEP = "/v2/usercollection/sleep/"


def _deliveries(account: str, day: date) -> tuple[bytes, ...]:
    name = f"sleep-{account}-{day}"
    return (to_json({"event_type": "update", "data_type": "sleep", "object_id": name, "user_id": account}),)


def _document(asked: Asked) -> dict[str, Any] | None:
    if not asked.path.startswith(_SLEEP):
        return None
    name = asked.path.removeprefix(_SLEEP)
    return _sleep(name, asked.account, date.fromisoformat(name[-10:]))


# https://cloud.ouraring.com/v2/docs#operation/Single_sleep_Document_v2_usercollection_sleep__document_id__get
def _sleep(name: str, account: str, day: date) -> dict[str, Any]:
    slept = night(account, day)
    return {
        "id": name,
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


# https://cloud.ouraring.com/v2/docs#tag/Webhook-Subscription-Routes
def _sign(secret: str, body: bytes, at_s: int) -> Headers:
    digest = hmac.new(secret.encode(), f"{at_s}".encode() + body, hashlib.sha256).hexdigest()
    return {"x-oura-signature": digest.upper(), "x-oura-timestamp": f"{at_s}"}


# https://cloud.ouraring.com/v2/docs#tag/Webhook-Subscription-Routes
def _handshake(_secret: str, token: str) -> tuple[Shake, ...]:
    query = {"verification_token": token, "challenge": "a-challenge"}
    return (
        Shake("GET", 200, query, holds='"a-challenge"'),
        Shake("GET", 401, {**query, "verification_token": "another"}),
    )


OURA = Face(
    deliveries=_deliveries,
    sign=_sign,
    handshake=_handshake,
    api=ApiFace(
        authorize_path="/oauth/authorize",
        token_path="/oauth/token",  # noqa: S106  # a path
        who_path="/v2/usercollection/personal_info",
        account_field="id",
        document=_document,
    ),
)
