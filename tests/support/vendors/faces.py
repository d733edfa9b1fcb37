"""What tells simulated vendors apart: where tokens are, what an answer looks like, how a delivery is signed."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

Headers = dict[str, str]


@dataclass(frozen=True, slots=True)
class Face:
    """One vendor as its clients see it.

    `document` makes the answer to a path and form for an account; None means 404. `notify` makes the body of delivery
    number n for an account, `sign` its headers. `wrap` puts an answer into the vendor's envelope.
    """

    authorize_path: str
    token_path: str
    who_path: str | None
    account_field: str
    document: Callable[[str, Mapping[str, str], str], dict[str, Any] | None]
    notify: Callable[[str, int], bytes]
    sign: Callable[[str, bytes, int], Headers]
    content_type: str = "application/json"
    wrap: Callable[[int, dict[str, Any]], tuple[int, dict[str, Any]]] = lambda status, document: (status, document)
    number_accounts: bool = False
    secret_in_path: bool = False


def _json(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _oura_document(path: str, _form: Mapping[str, str], _account: str) -> dict[str, Any] | None:
    name = path.rsplit("/", 1)[-1]
    if not path.startswith("/v2/usercollection/sleep/"):
        return None
    return {
        "id": name,
        "day": "2026-11-23",
        "type": "long_sleep",
        "bedtime_start": "2026-11-22T23:04:00+01:00",
        "bedtime_end": "2026-11-23T06:58:00+01:00",
        "total_sleep_duration": 25_200,
        "average_hrv": 41,
    }


def _oura_sign(secret: str, body: bytes, at_s: int) -> Headers:
    digest = hmac.new(secret.encode(), f"{at_s}".encode() + body, hashlib.sha256).hexdigest()
    return {"x-oura-signature": digest.upper(), "x-oura-timestamp": f"{at_s}"}


OURA = Face(
    authorize_path="/oauth/authorize",
    token_path="/oauth/token",  # noqa: S106  # a path
    who_path="/v2/usercollection/personal_info",
    account_field="id",
    document=_oura_document,
    notify=lambda account, n: _json(
        {"event_type": "update", "data_type": "sleep", "object_id": f"sleep-{account}-{n}", "user_id": account}
    ),
    sign=_oura_sign,
)


def _whoop_document(path: str, _form: Mapping[str, str], account: str) -> dict[str, Any] | None:
    name = path.removeprefix("/developer/v2/")
    user = {"user_id": int(account), "score_state": "SCORED"}
    match name.split("/"):
        case ["activity", "sleep", sleep]:
            return {"id": sleep, "cycle_id": 93_845, **user}
        case ["cycle", cycle, "recovery"]:
            return {"cycle_id": int(cycle), **user, "score": {"hrv_rmssd_milli": 68.4, "resting_heart_rate": 51}}
        case _:
            return None


def _whoop_sign(secret: str, body: bytes, at_s: int) -> Headers:
    digest = hmac.new(secret.encode(), f"{at_s * 1000}".encode() + body, hashlib.sha256).digest()
    return {"x-whoop-signature": base64.b64encode(digest).decode(), "x-whoop-signature-timestamp": f"{at_s * 1000}"}


WHOOP = Face(
    authorize_path="/oauth/oauth2/auth",
    token_path="/oauth/oauth2/token",  # noqa: S106  # a path
    who_path="/developer/v2/user/profile/basic",
    account_field="user_id",
    document=_whoop_document,
    notify=lambda account, n: _json(
        {
            "user_id": int(account),
            "id": f"00000000-0000-4000-8000-{n:012}",
            "type": "recovery.updated",
            "trace_id": f"{n}",
        }
    ),
    sign=_whoop_sign,
    number_accounts=True,
)


def _withings_document(path: str, form: Mapping[str, str], account: str) -> dict[str, Any] | None:
    if path != "/measure" or form.get("action") != "getmeas":
        return None
    at_s = int(form.get("startdate") or 0)
    weight = {"value": 70_500 + int(account) % 100, "type": 1, "unit": -3}
    group = {"grpid": at_s, "date": at_s, "category": 1, "measures": [weight]}
    return {"updatetime": at_s, "timezone": "Europe/Paris", "measuregrps": [group]}


_WITHINGS_STATUS = {401: 401, 400: 503, 404: 0, 429: 601, 200: 0}


def _withings_wrap(status: int, document: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    if status not in _WITHINGS_STATUS:
        return status, document
    return 200, {"status": _WITHINGS_STATUS[status], "body": document}


WITHINGS = Face(
    authorize_path="/oauth2_user/authorize2",
    token_path="/v2/oauth2",  # noqa: S106  # a path
    who_path=None,
    account_field="userid",
    document=_withings_document,
    notify=lambda account, n: urlencode(
        {"userid": account, "appli": 1, "startdate": 1_795_400_000 + n, "enddate": 1_795_400_060 + n}
    ).encode(),
    sign=lambda _secret, _body, _at: {},
    content_type="application/x-www-form-urlencoded",
    wrap=_withings_wrap,
    number_accounts=True,
    secret_in_path=True,
)

FACES: Mapping[str, Face] = {"oura": OURA, "whoop": WHOOP, "withings": WITHINGS}
