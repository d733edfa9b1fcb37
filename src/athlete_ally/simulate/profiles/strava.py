"""Strava: an event for the activity of a day."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from athlete_ally.simulate.synthetic_people import at_unix_s, waking
from athlete_ally.simulate.vendor_profile import ApiProfile, Asked, Handshake, VendorProfile, page, to_json, unsigned

_ACTIVITY = "/api/v3/activities/"
_ZONE = timedelta(hours=1)
_STARTS_AT = time(16, 30)
_MOST = 200
# What a summary lacks.
_DETAILS = {"calories", "device_name"}


def _deliveries(account: str, day: date) -> tuple[bytes, ...]:
    event: dict[str, Any] = {
        "aspect_type": "create",
        "event_time": at_unix_s(datetime.combine(day, time(18), UTC)),
        "object_id": int(f"{day:%Y%m%d}"),
        "object_type": "activity",
        "owner_id": int(account),
        "subscription_id": 120_475,
        "updates": {},
    }
    return (to_json(event),)


def _document(asked: Asked) -> Any:
    if asked.path == "/api/v3/athlete/activities":
        return _summaries(asked)
    if not asked.path.startswith(_ACTIVITY):
        return None
    name = asked.path.removeprefix(_ACTIVITY)
    day = datetime.strptime(name, "%Y%m%d").replace(tzinfo=UTC).date()
    return _activity(int(name), asked.account, day)


# https://developers.strava.com/docs/reference/#api-Activities-getLoggedInAthleteActivities
def _summaries(asked: Asked) -> list[dict[str, Any]]:
    after, before = (datetime.fromtimestamp(int(asked.query[name]), UTC) for name in ("after", "before"))
    starts = [datetime.combine(day, _STARTS_AT, UTC) for day in asked.days(after.date(), before.date())]
    found = [_activity(int(f"{at:%Y%m%d}"), asked.account, at.date()) for at in starts if after < at < before]
    size = min(int(asked.query["per_page"]), _MOST)
    items, _ = page(found, str((int(asked.query["page"]) - 1) * size), size)
    return [{name: value for name, value in each.items() if name not in _DETAILS} for each in items]


# https://developers.strava.com/docs/reference/#api-models-DetailedActivity
def _activity(name: int, account: str, day: date) -> dict[str, Any]:
    moved = waking(account, day)
    start = datetime.combine(day, _STARTS_AT, UTC)
    return {
        "id": name,
        "athlete": {"id": int(account), "resource_state": 1},
        "name": "Afternoon Run",
        "type": "Run",
        "sport_type": "Run",
        "start_date": start.isoformat().replace("+00:00", "Z"),
        "start_date_local": (start + _ZONE).replace(tzinfo=None).isoformat() + "Z",
        "timezone": "(GMT+01:00) Europe/Berlin",
        "utc_offset": _ZONE.total_seconds(),
        "elapsed_time": moved.moderate_min * 60 + 180,
        "moving_time": moved.moderate_min * 60,
        "distance": moved.distance_m,
        "total_elevation_gain": moved.floors * 3.0,
        "average_heartrate": 141.2,
        "max_heartrate": 172.0,
        "calories": float(moved.active_kcal),
        "device_name": "Wahoo ELEMNT",
    }


# https://developers.strava.com/docs/webhooks/
def _handshake(_secret: str, token: str) -> tuple[Handshake, ...]:
    query = {"hub.mode": "subscribe", "hub.challenge": "a-challenge", "hub.verify_token": token}
    return (
        Handshake("GET", 200, query, holds='"a-challenge"'),
        Handshake("GET", 401, {**query, "hub.verify_token": "another"}),
    )


STRAVA = VendorProfile(
    deliveries=_deliveries,
    sign=unsigned,
    handshake=_handshake,
    # "retry up to a total of three requests", without saying when: https://developers.strava.com/docs/webhooks/
    waits_s=(60.0, 300.0),
    secret_in_path=True,
    api=ApiProfile(
        authorize_path="/oauth/authorize",
        token_path="/api/v3/oauth/token",  # noqa: S106  # a path
        who_path="/api/v3/athlete",
        account_field="id",
        document=_document,
        number_accounts=True,
    ),
)
