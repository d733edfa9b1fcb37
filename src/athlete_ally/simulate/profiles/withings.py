"""Withings: form-encoded notifications of a category and a period; answers in an envelope with a status."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from athlete_ally.simulate.synthetic_people import at_unix_s, night, waking, weight_kg
from athlete_ally.simulate.vendor_profile import ApiProfile, Asked, Handshake, VendorProfile, page, unsigned

_AFTER_WAKING_S = 900
_WEIGHING_S = 60
_PAGE = 20
_STATUS = {401: 401, 400: 503, 404: 0, 429: 601, 200: 0}


def _deliveries(account: str, day: date) -> tuple[bytes, ...]:
    at_s = _weighed_at_s(account, day)
    return (urlencode({"userid": account, "appli": 1, "startdate": at_s, "enddate": at_s + _WEIGHING_S}).encode(),)


def _document(asked: Asked) -> dict[str, Any] | None:
    match asked.path, asked.form.get("action"):
        case "/measure", "getmeas":
            return {"timezone": "Europe/Paris", **_paged(asked, "measuregrps", _measures(asked))}
        case "/v2/measure", "getactivity":
            return _paged(asked, "activities", [_activity(asked.account, day) for day in _days(asked)])
        case "/v2/measure", "getworkouts":
            return _paged(asked, "series", [])
        case "/v2/sleep", "getsummary":
            return _paged(asked, "series", [_summary(asked.account, day) for day in _days(asked)])
        case _:
            return None


def _days(asked: Asked) -> list[date]:
    return asked.days(*(date.fromisoformat(asked.form[name]) for name in ("startdateymd", "enddateymd")))


# https://developer.withings.com/api-reference/#operation/measurev2-getactivity (more, offset)
def _paged(asked: Asked, name: str, items: list[Any]) -> dict[str, Any]:
    found, token = page(items, asked.form.get("offset", ""), _PAGE)
    return {name: found, "more": bool(token), "offset": int(token or 0)}


def _measures(asked: Asked) -> list[Any]:
    start_s, end_s = int(asked.form["startdate"]), int(asked.form["enddate"])
    days = asked.days(*(datetime.fromtimestamp(each, UTC).date() for each in (start_s, end_s)))
    weighed = [(day, _weighed_at_s(asked.account, day)) for day in days]
    return [_measure(asked.account, day, at_s) for day, at_s in weighed if start_s <= at_s <= end_s]


# https://developer.withings.com/api-reference/#operation/measurev2-getactivity
def _activity(account: str, day: date) -> dict[str, Any]:
    moved = waking(account, day)
    return {
        "date": f"{day}",
        "timezone": "Europe/Paris",
        "modified": at_unix_s(night(account, day).end + timedelta(hours=16)),
        "steps": moved.steps,
        "distance": moved.distance_m,
        "elevation": moved.floors,
        "moderate": moved.moderate_min * 60,
        "intense": moved.vigorous_min * 60,
        "calories": moved.active_kcal,
        "totalcalories": 1_700 + moved.active_kcal,
    }


# https://developer.withings.com/api-reference/#operation/sleepv2-getsummary
def _summary(account: str, day: date) -> dict[str, Any]:
    slept = night(account, day)
    data = {
        "total_sleep_time": slept.asleep_s,
        "deepsleepduration": slept.deep_s,
        "lightsleepduration": slept.light_s,
        "remsleepduration": slept.rem_s,
        "wakeupduration": slept.awake_s,
        "sleep_efficiency": round(slept.asleep_s / slept.in_bed_s, 2),
        "rr_average": round(slept.breaths_per_minute),
    }
    return {
        "id": day.toordinal(),
        "timezone": "Europe/Paris",
        "startdate": at_unix_s(slept.start),
        "enddate": at_unix_s(slept.end),
        "date": f"{day}",
        "modified": at_unix_s(slept.end) + _AFTER_WAKING_S,
        "data": data,
    }


# https://developer.withings.com/api-reference/#operation/measure-getmeas: value * 10**unit; type 1 is weight in kg
def _measure(account: str, day: date, at_s: int) -> dict[str, Any]:
    weight = {"value": round(weight_kg(account, day) * 1000), "type": 1, "unit": -3}
    return {
        "grpid": at_s,
        "attrib": 0,
        "date": at_s,
        "created": at_s,
        "modified": at_s,
        "category": 1,
        "measures": [weight],
    }


def _weighed_at_s(account: str, day: date) -> int:
    return at_unix_s(night(account, day).end) + _AFTER_WAKING_S


# https://developer.withings.com/api-reference/#section/Response-status
def _wrap(status: int, document: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    if status not in _STATUS:
        return status, document
    return 200, {"status": _STATUS[status], "body": document}


# https://developer.withings.com/developer-guide/v3/data-api/notifications/notification-subscribe/
def _handshake(_secret: str, _token: str) -> tuple[Handshake, ...]:
    return (Handshake("HEAD", 200),)


WITHINGS = VendorProfile(
    deliveries=_deliveries,
    sign=unsigned,
    handshake=_handshake,
    content_type="application/x-www-form-urlencoded",
    secret_in_path=True,
    # After 10 seconds, a minute, an hour and four hours, and some more that chance decides; two requests each time.
    # https://developer.withings.com/developer-guide/v3/integration-guide/public-health-data-api/data-api/notifications/notification-overview/
    waits_s=(10.0, 60.0, 3600.0, 14_400.0),
    api=ApiProfile(
        authorize_path="/oauth2_user/authorize2",
        token_path="/v2/oauth2",  # noqa: S106  # a path
        account_field="userid",
        document=_document,
        wrap=_wrap,
        number_accounts=True,
    ),
)
