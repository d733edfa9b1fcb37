"""Google Health API, which succeeds Fitbit's: notifications that name a type and what changed of it.

Docs: https://developers.google.com/health/webhooks. `formats/google_health.py` reads the points that are asked for.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial

import msgspec

from athlete_ally.core.errors import InvalidMessage
from athlete_ally.core.vendor.api import Api, OAuth, Rate
from athlete_ally.core.vendor.call import Call
from athlete_ally.core.vendor.history import Listing, Window
from athlete_ally.core.vendor.json_body import converted, decoded, decoded_items
from athlete_ally.core.vendor.paging import paged
from athlete_ally.core.vendor.plugin import Answer, Secrets, Vendor
from athlete_ally.core.vendor.signature import Request, SharedHeader, is_secret
from athlete_ally.core.vendor.webhook import Resource, Unpacked, Unusable, Webhook
from athlete_ally.formats.google_health import Points, read

_DOCS = "https://developers.google.com/health/webhooks"
_REFERENCE = "https://developers.google.com/health/reference/rest/v4/projects.subscribers"
_DISCOVERY = (
    "https://github.com/googleapis/google-api-python-client/blob/main/googleapiclient/discovery_cache/documents/"
    "health.v4.json"
)
_SCOPE = "https://www.googleapis.com/auth/googlehealth."
_DAY = timedelta(days=1)


class _Times(msgspec.Struct, frozen=True, rename="camel"):
    start_time: str = ""
    end_time: str = ""


class _Interval(msgspec.Struct, frozen=True, rename="camel"):
    physical_time_interval: _Times = _Times()


class _Data(msgspec.Struct, frozen=True, rename="camel"):
    health_user_id: str
    data_type: str
    operation: str
    intervals: tuple[_Interval, ...] = ()


class _Notification(msgspec.Struct, frozen=True):
    data: _Data


class _Probe(msgspec.Struct, frozen=True):
    type: str = ""


def unpack(webhook: Webhook) -> Unpacked:
    """Read one notification or a list of them."""
    resources: list[Resource] = []
    unusable: list[Unusable] = []
    for index, item in enumerate(decoded_items(webhook.body)):
        try:
            data = converted(item, _Notification).data
        except InvalidMessage as error:
            unusable.append(Unusable(index, str(error)))
            continue
        resources += [Resource(data.health_user_id, data.data_type, _span(each)) for each in data.intervals or [None]]
    return Unpacked(resources=tuple(resources), unusable=tuple(unusable))


def _span(interval: _Interval | None) -> str:
    times = interval.physical_time_interval if interval else _Times()
    return f"{times.start_time}/{times.end_time}"


# Two probes, {"type": "verification"}: with the right Authorization 201 is wanted, without one 401 or 403.
# https://developers.google.com/health/reference/rest/v4/projects.subscribers/create
def handshake(request: Request, secrets: Secrets) -> Answer | None:
    """Answer a probe; anything else is a delivery."""
    try:
        probe = decoded(request.body, _Probe) if request.method == "POST" else _Probe()
    except InvalidMessage:
        return None
    if probe.type != "verification":
        return None
    stated = request.headers.get("authorization", "")
    return Answer(201 if is_secret(stated, secrets.signing) else 401)


# The filters of https://developers.google.com/health/reference/rest/v4/users.dataTypes.dataPoints/list. What changed is
# named in physical time, and days are the person's: a day more on both sides holds every zone.
def call(resource: Resource) -> Call | None:
    """Return how to ask for the points of a type around what changed."""
    match [_instant(text) for text in resource.id.split("/")]:
        case [datetime() as start, datetime() as end] if resource.type in _FILTERS:
            return _points(resource.type, start, end)
        case _:
            return None


def _points(type_name: str, start: datetime, end: datetime) -> Call:
    chosen = _FILTERS[type_name].format(
        name=type_name.replace("-", "_"),
        start=start.isoformat(),
        just_after=(end + timedelta(seconds=1)).isoformat(),
        a_day_after=(end + _DAY).isoformat(),
        day_before=(start - _DAY).date(),
        earliest=(start - 2 * _DAY).date(),
        latest=(end + 2 * _DAY).date(),
    )
    return paged(Call(f"/v4/users/me/dataTypes/{type_name}/dataPoints", query={"filter": chosen}), _next_page)


# "The maximum page size for exercise and sleep is 25", and `nextPageToken` leads on:
# https://developers.google.com/health/reference/rest/v4/users.dataTypes.dataPoints/list
def _next_page(body: bytes) -> dict[str, str] | None:
    token = decoded(body, Points).next_page_token
    return {"pageToken": token} if token else None


def listed(type_name: str, window: Window) -> Call:
    """Return how to ask for the points of a window."""
    return _points(type_name, *window.instants)


def _instant(text: str) -> datetime | None:
    try:
        instant = converted(text, datetime)
    except InvalidMessage:
        return None
    # So that a day more on either side is a date too.
    return instant if instant.tzinfo is not None and _FIRST_YEAR < instant.year < _LAST_YEAR else None


_FIRST_YEAR, _LAST_YEAR = 1970, 9998
_OF_DAYS = '{name}.date >= "{day_before}" AND {name}.date < "{latest}"'
_FILTERS: Mapping[str, str] = {
    "sleep": '{name}.interval.end_time >= "{start}" AND {name}.interval.end_time < "{a_day_after}"',
    "exercise": '{name}.interval.civil_start_time >= "{earliest}" AND {name}.interval.civil_start_time < "{latest}"',
    "weight": '{name}.sample_time.physical_time >= "{start}" AND {name}.sample_time.physical_time < "{just_after}"',
    "daily-heart-rate-variability": _OF_DAYS,
    "daily-resting-heart-rate": _OF_DAYS,
    "daily-respiratory-rate": _OF_DAYS,
    "daily-oxygen-saturation": _OF_DAYS,
    "daily-sleep-temperature-derivations": _OF_DAYS,
}


API = Api(
    base_url="https://health.googleapis.com",
    # https://developers.google.com/identity/protocols/oauth2/web-server: without `access_type` there is no refresh
    # token, and without `prompt` there is one at a person's first consent only.
    oauth=OAuth(
        authorize_url="https://accounts.google.com/o/oauth2/v2/auth",
        token_url="https://oauth2.googleapis.com/token",  # noqa: S106  # an address
        scopes=tuple(
            f"{_SCOPE}{each}.readonly" for each in ("sleep", "activity_and_fitness", "health_metrics_and_measurements")
        ),
        asks={"access_type": "offline", "prompt": "consent"},
        who=Call("/v4/users/me/identity"),
        account_field="healthUserId",
    ),
    call=call,
    read=read,
    # A sleep with its stages is some 5 KB.
    history=tuple(
        Listing(name, partial(listed, name), longest_days=30, docs="https://developers.google.com/health/filters")
        for name in _FILTERS
    ),
    # "Per user (minutely): 300 requests / minute"; the project's 120,000 are nothing that one database would count.
    # https://developers.google.com/health/rate-limits
    rates=(Rate(300, 60),),
    counts="person",
    sources=(_DISCOVERY, "https://developers.google.com/health/rate-limits"),
    unconfirmed=(
        "how a person who takes the permission back is told: the token is refused then",
        "steps, distance and the like are summed up by another method for each, and not asked for",
    ),
)


GOOGLE_HEALTH = Vendor(
    name="google_health",
    title="Google Health API",
    # The configured secret is the whole value of Authorization, its scheme included (`Bearer ...`).
    # https://developers.google.com/health/reference/rest/v4/projects.subscribers
    signature=SharedHeader("authorization"),
    unpack=unpack,
    carries="ids",
    kinds=("sleep", "hrv", "resting_heart_rate", "respiratory_rate", "spo2", "skin_temperature", "workout", "body"),
    sources=(_DOCS, _REFERENCE),
    unconfirmed=(
        "`X-HEALTHAPI-SIGNATURE` (ECDSA P-256, Google's public keys) is kept with the webhook and not checked",
        "whether every notification carries Authorization: the reference says so, a developer reports otherwise",
    ),
    handshake=handshake,
    shakes_hands='POST `{"type": "verification"}`: 201 with the right Authorization, 401 without',
    repeats_are_news=True,
    # "respond with HTTP 204 No Content": https://developers.google.com/health/webhooks
    accepted=Answer(204),
    kept_headers=("x-healthapi-signature", "google-health-api-signature"),
    api=API,
)
