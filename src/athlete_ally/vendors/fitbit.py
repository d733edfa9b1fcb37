"""Fitbit's own Web API: notifications that name what changed, and the days that they name. Google Health succeeds it.

Docs: https://dev.fitbit.com/build/reference/web-api/developer-guide/using-subscriptions/
`formats/fitbit.py` reads the answers.
Google turns this API off on 2 November 2026: https://developers.google.com/health/reference/rest/v4beta/Subscription
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import quote

import msgspec

from athlete_ally.core.errors import InvalidMessage
from athlete_ally.core.vendor.api import Api, OAuth, Rate, askable, by_type, seconds_of
from athlete_ally.core.vendor.call import Call
from athlete_ally.core.vendor.catalogue import NO_KIND, counted, taken
from athlete_ally.core.vendor.history import Listing, Window
from athlete_ally.core.vendor.json_body import converted, decoded
from athlete_ally.core.vendor.plugin import Answer, Secrets, Vendor
from athlete_ally.core.vendor.signature import Hmac, Request, is_secret
from athlete_ally.core.vendor.webhook import Resource, Unpacked, Unusable, Webhook
from athlete_ally.formats.fitbit import LISTERS, READERS, Steps

_DOCS = "https://dev.fitbit.com/build/reference/web-api/developer-guide/using-subscriptions/"
_REVOKED = "userRevokedAccess"
_RATES = "https://dev.fitbit.com/build/reference/web-api/developer-guide/application-design/#Rate-Limits"
# What belongs to a night has no collection of its own: it is there once the sleep is.
# https://dev.fitbit.com/build/reference/web-api/developer-guide/using-subscriptions/#Types-of-Subscriptions
_OF_COLLECTION = {
    "sleep": ("sleep", "hrv", "breathing_rate", "spo2", "skin_temperature"),
    "activities": ("activities",),
    "body": ("weight",),
}
# https://dev.fitbit.com/build/reference/web-api/: under each, "... by Date"
_PATHS = {
    "sleep": "/1.2/user/-/sleep/date/{}.json",
    "hrv": "/1/user/-/hrv/date/{}.json",
    "breathing_rate": "/1/user/-/br/date/{}.json",
    "spo2": "/1/user/-/spo2/date/{}.json",
    "skin_temperature": "/1/user/-/temp/skin/date/{}.json",
    "activities": "/1/user/-/activities/steps/date/{}/1d.json",
    "weight": "/1/user/-/body/log/weight/date/{}.json",
}


class _Notification(msgspec.Struct, frozen=True):
    collectionType: str  # noqa: N815  # the vendor's name
    ownerId: str  # noqa: N815  # the vendor's name
    date: str = ""


def unpack(webhook: Webhook) -> Unpacked:
    """Read a list of notifications; a person who took the permission back is one of them."""
    resources: list[Resource] = []
    withdrawn: list[str] = []
    unusable: list[Unusable] = []
    for index, item in enumerate(decoded(webhook.body, list[Any])):
        try:
            notification = converted(item, _Notification)
        except InvalidMessage as error:
            unusable.append(Unusable(index, str(error)))
            continue
        if notification.collectionType == _REVOKED:
            withdrawn.append(notification.ownerId)
        else:
            types = _OF_COLLECTION.get(notification.collectionType, (notification.collectionType,))
            named = [Resource(notification.ownerId, each, notification.date) for each in types]
            its_resources, its_unusable = askable(index, named, call, _PATHS)
            resources += its_resources
            unusable += its_unusable
    return Unpacked(resources=tuple(resources), withdrawn=tuple(withdrawn), unusable=tuple(unusable))


def call(resource: Resource) -> Call | None:
    """Return how to ask for a day of what changed."""
    if resource.type not in _PATHS or not resource.id:
        return None
    path = _PATHS[resource.type].format(quote(resource.id, safe=""))
    return Call(path, then=_its_summary if resource.type == "activities" else None)


# The summary of a day does not say of which day it is: the steps do, and both are kept together.
# https://dev.fitbit.com/build/reference/web-api/activity-timeseries/get-activity-timeseries-by-date/
def _its_summary(steps: bytes) -> Call:
    day = decoded(steps, Steps).days[0].date_time
    return Call(f"/1/user/-/activities/date/{quote(day, safe='')}.json")


# "... by Date Range" and "... by Interval", both days included: at most 30 days, 31 of weights, 100 of sleep. A night
# with its levels is some 8 KB, so that fifty are enough. https://dev.fitbit.com/build/reference/web-api/: under each
_WEB_API = "https://dev.fitbit.com/build/reference/web-api"
_SKIN = "/1/user/-/temp/skin/date/{}/{}.json"
_LISTS = (
    ("sleep", "/1.2/user/-/sleep/date/{}/{}.json", 50, "sleep/get-sleep-log-by-date-range"),
    ("hrv", "/1/user/-/hrv/date/{}/{}.json", 30, "heartrate-variability/get-hrv-summary-by-interval"),
    ("breathing_rate", "/1/user/-/br/date/{}/{}.json", 30, "breathing-rate/get-br-summary-by-interval"),
    ("spo2", "/1/user/-/spo2/date/{}/{}.json", 30, "spo2/get-spo2-summary-by-interval"),
    (
        "skin_temperature",
        "/1/user/-/temp/skin/date/{}/{}.json",
        30,
        "temperature/get-temperature-skin-summary-by-interval",
    ),
    ("weight", "/1/user/-/body/log/weight/date/{}/{}.json", 31, "body-timeseries/get-weight-timeseries-by-date-range"),
)


def listed(path: str, window: Window) -> Call:
    """Return how to ask for the days of a window."""
    return Call(path.format(window.first, window.last))


# The summary of a day is fetched for one day at a time, two requests each, of 150 an hour. What is in it are series as
# well, of up to three years, and heart rates of up to one:
# https://dev.fitbit.com/build/reference/web-api/activity-timeseries/get-activity-timeseries-by-date-range/ and
# https://dev.fitbit.com/build/reference/web-api/heartrate-timeseries/get-heartrate-timeseries-by-date-range/
_RANGE = "get-activity-timeseries-by-date-range"
_SERIES = (
    "steps",
    "distance",
    "calories",
    "minutesLightlyActive",
    "minutesFairlyActive",
    "minutesVeryActive",
    "minutesSedentary",
    "floors",
    "heart",
)


def series(window: Window) -> Call:
    """Return how to ask for what the summaries of a window's days hold, one series after the other."""
    calls = [Call(f"/1/user/-/activities/{name}/date/{window.first}/{window.last}.json") for name in _SERIES]
    whole = calls[-1]
    for call in reversed(calls[:-1]):
        whole = replace(call, then=partial(_next, whole))
    return whole


def _next(call: Call, _body: bytes) -> Call:
    return call


class _Error(msgspec.Struct, frozen=True):
    errorType: str = ""  # noqa: N815  # the vendor's name


class _Errors(msgspec.Struct, frozen=True):
    errors: tuple[_Error, ...] = ()


# {"errors": [{"errorType": "invalid_grant", "message": ...}], "success": false}, with the words of OAuth 2:
# https://dev.fitbit.com/build/reference/web-api/troubleshooting-guide/error-messages/
def unwrap(body: bytes) -> bytes:
    """Return the standard's document, or the error that it has a place for."""
    errors = decoded(body, _Errors).errors
    return msgspec.json.encode({"error": errors[0].errorType or "invalid_request"}) if errors else body


def wait_s(headers: Mapping[str, str], _now_s: float) -> float | None:
    """Return "the number of seconds until the rate limit resets"."""
    # https://dev.fitbit.com/build/reference/web-api/developer-guide/application-design/#Rate-Limits
    return seconds_of(headers, "fitbit-rate-limit-reset", "retry-after")


API = Api(
    base_url="https://api.fitbit.com",
    # https://dev.fitbit.com/build/reference/web-api/authorization/oauth2-token and .../authorization/authorize
    oauth=OAuth(
        authorize_url="https://www.fitbit.com/oauth2/authorize",
        token_url="https://api.fitbit.com/oauth2/token",  # noqa: S106  # an address
        scopes=(
            "activity",
            "heartrate",
            "sleep",
            "oxygen_saturation",
            "respiratory_rate",
            "temperature",
            "weight",
        ),
        account_field="user_id",
        unwrap=unwrap,
        client_by="basic",
        pkce=True,
    ),
    call=call,
    # "150 API requests per hour for each user who has consented":
    # https://dev.fitbit.com/build/reference/web-api/developer-guide/application-design/#Rate-Limits
    rates=(Rate(150, 3_600),),
    counts="person",
    wait_s=wait_s,
    read=by_type(READERS, LISTERS),
    history=(
        *(
            Listing(name, partial(listed, path), longest_days, f"{_WEB_API}/{page}/")
            for name, path, longest_days, page in _LISTS
        ),
        Listing("activity_series", series, longest_days=180, docs=f"{_WEB_API}/activity-timeseries/{_RANGE}/"),
    ),
    sources=("https://dev.fitbit.com/build/reference/web-api/authorization/oauth2-token", _RATES),
    unconfirmed=(
        "that what belongs to a night is there when the notification of its sleep comes",
        "that answers are metric where no Accept-Language is sent; that degrees are Celsius then",
        "how many days of SpO2 one request may ask for: 30, as of the other measures of a night",
        "that a day without a step is one on which nothing was worn, and what fills it is nothing",
        "`efficiency` is a score by Fitbit's own rule, not the share of time in bed: it is left in the answer",
    ),
)


def key(secret: str) -> bytes:
    """Return the client secret followed by an ampersand."""
    # https://dev.fitbit.com/build/reference/web-api/developer-guide/best-practices/#Subscriber-Security
    return f"{secret}&".encode()


# A GET with the right verify code wants 204, one with a wrong code 404; Fitbit tries both.
# https://dev.fitbit.com/build/reference/web-api/developer-guide/using-subscriptions/#Verifying-a-Subscriber
def handshake(request: Request, secrets: Secrets) -> Answer | None:
    """Tell whether the code is the one that Fitbit showed when the subscriber was added."""
    if request.method != "GET" or "verify" not in request.query:
        return None
    return Answer(204 if is_secret(request.query["verify"], secrets.tokens) else 404)


SAYS = (
    *taken(
        sleep="sleep, by its date; the naps of a day are one",
        hrv="hrv, of the night and of deep sleep",
        breathing_rate="respiratory_rate",
        spo2="spo2",
        skin_temperature="skin_temperature (deviation)",
        activities="activity, resting_heart_rate",
        weight="body, one record a day: no time has an offset",
    ),
    *counted(NO_KIND, "foods", "efficiency", "activityCalories"),
    *counted("its times have no offset", "intraday series"),
)


FITBIT = Vendor(
    name="fitbit",
    title="Fitbit Web API",
    # Base64 of HMAC-SHA1 over the body, keyed with the client secret and an ampersand; no timestamp.
    # https://dev.fitbit.com/build/reference/web-api/developer-guide/best-practices/#Subscriber-Security
    signature=Hmac(header="x-fitbit-signature", signed=("body",), algorithm="sha1", encoding="base64", key=key),
    unpack=unpack,
    carries="ids",
    kinds=(
        "sleep",
        "hrv",
        "respiratory_rate",
        "spo2",
        "skin_temperature",
        "activity",
        "resting_heart_rate",
        "body",
    ),
    sources=(_DOCS,),
    handshake=handshake,
    shakes_hands="GET with `verify`: 204 for the right code, 404 for a wrong one",
    asks_for_token=True,
    # The same text again, later on the same day, tells of another change.
    repeats_are_news=True,
    # "a 204 No Content within 5 seconds":
    # https://dev.fitbit.com/build/reference/web-api/developer-guide/using-subscriptions/
    accepted=Answer(204),
    deadline_s=5.0,
    kept_headers=("x-fitbit-signature",),
    api=API,
    says=SAYS,
)
