"""Google Health: a notification for each type of a day, which names an interval; lists of points behind it."""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from athlete_ally.simulate.synthetic_people import Night, night, waking, weight_kg
from athlete_ally.simulate.vendor_profile import ApiProfile, Asked, Handshake, Headers, VendorProfile, page, to_json

_PATH = re.compile(r"/v4/users/me/dataTypes/([a-z-]+)/dataPoints")
_DAY = timedelta(days=1)
# The most that there are of sleep and exercise on a page.
_PAGE = 25
_DAILY = (
    "daily-heart-rate-variability",
    "daily-resting-heart-rate",
    "daily-respiratory-rate",
    "daily-oxygen-saturation",
    "daily-sleep-temperature-derivations",
)


def _deliveries(account: str, day: date) -> tuple[bytes, ...]:
    slept = night(account, day)
    midnight = datetime.combine(day, time(), UTC)
    whole = (midnight, midnight + timedelta(days=1))
    times = {"sleep": (slept.start, slept.end), **dict.fromkeys((*_DAILY, "exercise", "weight"), whole)}
    return tuple(to_json([_notification(account, each, *between)]) for each, between in times.items())


def _notification(account: str, type_name: str, start: datetime, end: datetime) -> dict[str, Any]:
    interval = {"startTime": _utc(start), "endTime": _utc(end)}
    data = {"version": "1", "healthUserId": account, "operation": "UPSERT", "dataType": type_name}
    return {"data": {**data, "intervals": [{"physicalTimeInterval": interval}]}}


def _document(asked: Asked) -> dict[str, Any] | None:
    found = _PATH.fullmatch(asked.path)
    if found is None:
        return None
    _, first, _, end, _ = asked.query["filter"].split('"')
    points = _points(found[1], asked, datetime.fromisoformat(first), datetime.fromisoformat(end))
    items, token = page(points, asked.query.get("pageToken", ""), _PAGE)
    return {"dataPoints": items, **({"nextPageToken": token} if token else {})}


# The filters of https://developers.google.com/health/filters: from an instant or day to one that is left out.
def _points(type_name: str, asked: Asked, first: datetime, end: datetime) -> list[Any]:
    match type_name:
        case "sleep":
            days = asked.days(first.date(), end.date())
            return [_sleep(asked.account, day) for day in days if first <= night(asked.account, day).end < end]
        case "weight":
            days = asked.days(first.date(), end.date())
            return [_weight(asked.account, day) for day in days if first <= _weighed_at(day) < end]
        case "heart-rate-variability":
            # Tells of the night only, and that is in the value of the day.
            return []
        case "exercise":
            return [_exercise(asked.account, day) for day in asked.days(first.date(), end.date() - _DAY)]
        case daily if daily in _DAILY:
            return [_daily(daily, asked.account, day) for day in asked.days(first.date(), end.date() - _DAY)]
        case _:
            raise ValueError


def _weighed_at(day: date) -> datetime:
    return datetime.combine(day, time(7, 10), UTC)


# The shapes are those of Google's discovery document:
# https://github.com/googleapis/google-api-python-client/blob/main/googleapiclient/discovery_cache/documents/health.v4.json
def _sleep(account: str, day: date) -> dict[str, Any]:
    slept = night(account, day)
    minutes = {"AWAKE": slept.awake_s, "LIGHT": slept.light_s, "DEEP": slept.deep_s, "REM": slept.rem_s}
    stages = [{"type": name, "minutes": str(round(each / 60)), "count": "7"} for name, each in minutes.items()]
    summary = {"minutesAsleep": str(round(slept.asleep_s / 60)), "minutesAwake": stages[0]["minutes"]}
    return {
        "name": f"users/me/dataTypes/sleep/dataPoints/{day}",
        "sleep": {
            "interval": _interval(slept.start, slept.end),
            "type": "STAGES",
            "metadata": {"processed": True, "mainSleep": True, "stagesStatus": "SUCCEEDED"},
            "summary": {**summary, "stagesSummary": stages},
            "updateTime": _utc(slept.end + timedelta(minutes=20)),
        },
    }


def _daily(type_name: str, account: str, day: date) -> dict[str, Any]:
    words = type_name.split("-")
    name = words[0] + "".join(word.capitalize() for word in words[1:])
    values = _values(type_name, night(account, day))
    return {name: {"date": {"year": day.year, "month": day.month, "day": day.day}, **values}}


def _values(type_name: str, slept: Night) -> dict[str, Any]:
    return {
        "daily-heart-rate-variability": {"averageHeartRateVariabilityMilliseconds": slept.rmssd_ms},
        "daily-resting-heart-rate": {"beatsPerMinute": str(slept.resting_bpm)},
        "daily-respiratory-rate": {"breathsPerMinute": slept.breaths_per_minute},
        "daily-oxygen-saturation": {"averagePercentage": slept.spo2_percent},
        "daily-sleep-temperature-derivations": {"nightlyTemperatureCelsius": 33.5, "baselineTemperatureCelsius": 33.25},
    }[type_name]


def _exercise(account: str, day: date) -> dict[str, Any]:
    moved = waking(account, day)
    start = datetime.combine(day, time(16, 30), UTC)
    end = start + timedelta(minutes=moved.moderate_min + 3)
    metrics = {"caloriesKcal": moved.active_kcal, "distanceMillimeters": moved.distance_m * 1000}
    return {
        "exercise": {
            "interval": _interval(start, end),
            "exerciseType": "RUNNING",
            "displayName": "Running",
            "activeDuration": f"{moved.moderate_min * 60}s",
            "metricsSummary": {**metrics, "averageHeartRateBeatsPerMinute": "143"},
            "updateTime": _utc(end),
        }
    }


def _weight(account: str, day: date) -> dict[str, Any]:
    at = {"physicalTime": _utc(_weighed_at(day)), "utcOffset": "3600s"}
    return {"weight": {"sampleTime": at, "weightGrams": round(weight_kg(account, day) * 1000)}}


def _interval(start: datetime, end: datetime) -> dict[str, Any]:
    return {"startTime": _utc(start), "endTime": _utc(end), "startUtcOffset": "3600s", "endUtcOffset": "3600s"}


def _utc(instant: datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")


# https://developers.google.com/health/reference/rest/v4/projects.subscribers: the secret is the whole value.
def _sign(secret: str, _body: bytes, _at_s: int) -> Headers:
    return {"authorization": secret}


# https://developers.google.com/health/reference/rest/v4/projects.subscribers/create
def _handshake(secret: str, _token: str) -> tuple[Handshake, ...]:
    probe = to_json({"type": "verification"})
    return Handshake("POST", 201, headers={"authorization": secret}, body=probe), Handshake("POST", 401, body=probe)


GOOGLE_HEALTH = VendorProfile(
    deliveries=_deliveries,
    sign=_sign,
    handshake=_handshake,
    api=ApiProfile(
        authorize_path="/o/oauth2/v2/auth",
        token_path="/token",  # noqa: S106  # a path
        who_path="/v4/users/me/identity",
        account_field="healthUserId",
        document=_document,
    ),
)
