"""Withings: form-encoded notifications of a category and a period; answers in an envelope with a status."""

from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlencode

from athlete_ally.simulate.body import at_unix_s, night, weight_kg
from athlete_ally.simulate.face import ApiFace, Asked, Face, Shake, unsigned

_AFTER_WAKING_S = 900
_WEIGHING_S = 60
_STATUS = {401: 401, 400: 503, 404: 0, 429: 601, 200: 0}


def _deliveries(account: str, day: date) -> tuple[bytes, ...]:
    at_s = _weighed_at_s(account, day)
    return (urlencode({"userid": account, "appli": 1, "startdate": at_s, "enddate": at_s + _WEIGHING_S}).encode(),)


def _document(asked: Asked) -> dict[str, Any] | None:
    if asked.path != "/measure" or asked.form.get("action") != "getmeas":
        return None
    return _measures(asked.account, int(asked.form.get("startdate") or 0))


# https://developer.withings.com/api-reference/#operation/measure-getmeas: value * 10**unit; type 1 is weight in kg
def _measures(account: str, at_s: int) -> dict[str, Any]:
    day = datetime.fromtimestamp(at_s, UTC).date()
    weight = {"value": round(weight_kg(account, day) * 1000), "type": 1, "unit": -3}
    group = {
        "grpid": at_s,
        "attrib": 0,
        "date": at_s,
        "created": at_s,
        "modified": at_s,
        "category": 1,
        "measures": [weight],
    }
    return {"updatetime": at_s, "timezone": "Europe/Paris", "measuregrps": [group]}


def _weighed_at_s(account: str, day: date) -> int:
    return at_unix_s(night(account, day).end) + _AFTER_WAKING_S


# https://developer.withings.com/api-reference/#section/Response-status
def _wrap(status: int, document: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    if status not in _STATUS:
        return status, document
    return 200, {"status": _STATUS[status], "body": document}


# https://developer.withings.com/developer-guide/v3/data-api/notifications/notification-subscribe/
def _handshake(_secret: str, _token: str) -> tuple[Shake, ...]:
    return (Shake("HEAD", 200),)


WITHINGS = Face(
    deliveries=_deliveries,
    sign=unsigned,
    handshake=_handshake,
    content_type="application/x-www-form-urlencoded",
    secret_in_path=True,
    # After 10 seconds, a minute, an hour and four hours, and some more that chance decides; two requests each time.
    # https://developer.withings.com/developer-guide/v3/integration-guide/public-health-data-api/data-api/notifications/notification-overview/
    waits_s=(10.0, 60.0, 3600.0, 14_400.0),
    api=ApiFace(
        authorize_path="/oauth2_user/authorize2",
        token_path="/v2/oauth2",  # noqa: S106  # a path
        account_field="userid",
        document=_document,
        wrap=_wrap,
        number_accounts=True,
    ),
)
