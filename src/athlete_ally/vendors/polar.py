"""Polar AccessLink: notifications that name what changed, and the nights, days and sessions that they name.

Docs: https://www.polar.com/accesslink-api/#webhooks
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from urllib.parse import quote

import msgspec

from athlete_ally.core.errors import InvalidMessage
from athlete_ally.core.vendor.api import (
    Api,
    Document,
    OAuth,
    Outcome,
    Rate,
    Reader,
    askable,
    by_status,
    by_type,
    one_by_one,
)
from athlete_ally.core.vendor.call import Call
from athlete_ally.core.vendor.catalogue import NO_KIND, counted, taken
from athlete_ally.core.vendor.history import Listing, Window
from athlete_ally.core.vendor.json_body import decoded
from athlete_ally.core.vendor.plugin import Answer, Secrets, Vendor
from athlete_ally.core.vendor.signature import Hmac, Request
from athlete_ally.core.vendor.webhook import NOTHING, Readings, Resource, Unpacked, Webhook
from athlete_ally.formats.polar import activity, exercise, night, physical_information, recharge

_SITE = "https://www.polar.com/accesslink-api/"
_DOCS = f"{_SITE}#webhooks"
_REFERENCE = (
    "https://raw.githubusercontent.com/api-evangelist/polar/main/openapi/_original/polar-accesslink-api-openapi.yml"
)
_PING = "PING"
_EXERCISE = "EXERCISE"
_SLEEP = "SLEEP"
_RECHARGE = "NIGHTLY_RECHARGE"
_PHYSICAL = "PHYSICAL_INFORMATION"
_ACTIVITY_LIST = "ACTIVITY_SUMMARY_LIST"
_EXERCISE_LIST = "EXERCISE_LIST"
_PATHS = {
    _EXERCISE: "/v3/exercises/",
    _SLEEP: "/v3/users/sleep/",
    _RECHARGE: "/v3/users/nightly-recharge/",
    "ACTIVITY_SUMMARY": "/v3/users/activities/",
    _PHYSICAL: "/v3/users/physical-info",
}


class _Notification(msgspec.Struct, frozen=True):
    """`entity_id` names an exercise; events without one name a date or only an address in `url`."""

    event: str
    user_id: int | None = None
    entity_id: str | None = None
    date: str | None = None
    url: str | None = None


def unpack(webhook: Webhook) -> Unpacked:
    """Read a notification (EXERCISE, SLEEP, ACTIVITY_SUMMARY ...)."""
    notification = decoded(webhook.body, _Notification)
    if notification.event == _PING:
        return NOTHING
    if notification.user_id is None:
        raise InvalidMessage("user_id: needed")
    # Of an address only its last part is read, which is the date or the id.
    name = notification.entity_id or notification.date or (notification.url or "").rpartition("/")[2]
    if notification.event == _PHYSICAL:
        # There is one of a person, whatever a notification calls it.
        name = "physical-info"
    # Nothing tells of a Nightly Recharge: it comes of the night, and has its date.
    types = (_SLEEP, _RECHARGE) if notification.event == _SLEEP else (notification.event,)
    named = (Resource(str(notification.user_id), each, name) for each in types)
    resources, unusable = askable(0, named, call, _PATHS)
    return Unpacked(resources=tuple(resources), unusable=tuple(unusable))


# A PING has to be answered with 200 before Polar creates the webhook and tells the secret: it can't be verified.
# https://www.polar.com/accesslink-api/#create-webhook
def handshake(request: Request, _secrets: Secrets) -> Answer | None:
    """Answer a PING, from whomever: nothing of it is kept, and nothing is told."""
    if request.method != "POST":
        return None
    try:
        return Answer(200) if decoded(request.body, _Notification).event == _PING else None
    except InvalidMessage:
        return None


# https://www.polar.com/accesslink-api/#exercises, #sleep, #nightly-recharge and #daily-activity. The address that a
# notification holds is not followed: anyone who knew the secret could send a token anywhere with it.
def call(resource: Resource) -> Call | None:
    """Return how to ask for an exercise by its id, or for a night or day by its date."""
    if resource.type not in _PATHS or not resource.id:
        return None
    if resource.type == _PHYSICAL:
        return Call(_PATHS[_PHYSICAL])
    if resource.type != _EXERCISE and re.fullmatch(r"\d{4}-\d\d-\d\d", resource.id, re.ASCII) is None:
        return None
    return _of_name(resource.type, resource.id)


# A recharge has series by the clock of the night, and only the night says how far that is from UTC.
def _of_name(type_name: str, name: str) -> Call:
    call = Call(_PATHS[type_name] + quote(name, safe=""))

    def its_night(_: bytes) -> Call:
        return _of_name(_SLEEP, name)

    return call if type_name != _RECHARGE else replace(call, then=its_night)


# A night is asked for by its date, as after a webhook: the list of nights takes no dates. "List sleep data of user for
# the last 28 days": https://www.polar.com/accesslink-api/#list-nights and #list-nightly-recharges
def _of_day(type_name: str, window: Window) -> Call:
    return _of_name(type_name, f"{window.first}")


# "From date cannot be older than 365 days from today and the maximum range between from and to is 28 days."
# https://www.polar.com/accesslink-api/#list-activities
def _activities(window: Window) -> Call:
    return Call("/v3/users/activities", query={"from": f"{window.first}", "to": f"{window.last}"})


# "Only Exercises uploaded to Flow in the last 30 days are returned", all of them, whatever was asked for.
# https://www.polar.com/accesslink-api/#list-exercises
def _exercises(_window: Window) -> Call:
    return Call("/v3/exercises")


def _read_list(reader: Reader, document: Document) -> Unpacked:
    items = decoded(document.body, tuple[msgspec.Raw, ...])
    return one_by_one((partial(reader, replace(document, body=bytes(item))) for item in items), document.account)


# "Once partner has been authorized by user, partner must register the user before being able to access its data."
# https://www.polar.com/accesslink-api/#register-user
def enrol(account: str) -> Call:
    """Return how to register a person, by an identifier that tells Polar nothing that it does not know."""
    return Call("/v3/users", json={"member-id": account})


def outcome_of(status: int, body: bytes) -> Outcome:
    """Return the outcome by status: 204: a day without data, 409: already registered, 403: a missing consent.

    https://www.polar.com/accesslink-api/#register-user and #get-activity-for-given-date
    """
    match status:
        case 204:
            return "gone"
        case 409:
            return "ok"
        case _:
            return by_status(status, body)


_READERS: Mapping[str, Callable[[Document], Readings]] = {
    "EXERCISE": exercise,
    _SLEEP: night,
    _RECHARGE: recharge,
    "ACTIVITY_SUMMARY": activity,
    _PHYSICAL: physical_information,
}


API = Api(
    base_url="https://www.polaraccesslink.com",
    # https://www.polar.com/accesslink-api/#authentication: there is no refresh token, and `x_user_id` is the person.
    oauth=OAuth(
        authorize_url="https://flow.polar.com/oauth2/authorization",
        token_url="https://polarremote.com/v2/oauth2/token",  # noqa: S106  # an address
        scopes=("accesslink.read_all",),
        account_field="x_user_id",
        client_by="basic",
        enrol=enrol,
    ),
    call=call,
    rates=(Rate(500, 900), Rate(5_000, 86_400)),
    outcome_of=outcome_of,
    read=by_type(
        _READERS,
        {_ACTIVITY_LIST: partial(_read_list, activity), _EXERCISE_LIST: partial(_read_list, exercise)},
    ),
    history=(
        Listing(_SLEEP, partial(_of_day, _SLEEP), longest_days=1, docs=f"{_SITE}#list-nights", reaches_days=28),
        Listing(
            _RECHARGE,
            partial(_of_day, _RECHARGE),
            longest_days=1,
            docs=f"{_SITE}#list-nightly-recharges",
            reaches_days=28,
        ),
        Listing(_ACTIVITY_LIST, _activities, longest_days=28, docs=f"{_SITE}#list-activities", reaches_days=365),
        Listing(_EXERCISE_LIST, _exercises, longest_days=30, docs=f"{_SITE}#list-exercises", reaches_days=30),
    ),
    sources=("https://www.polar.com/accesslink-api/#authentication", _REFERENCE),
    unconfirmed=(
        "the limits, which grow with the number of people: 500 in 15 minutes and 5,000 a day is for none",
        "what the headers of a refusal say: how long to wait is read from `Retry-After` only",
        "the day of an activity summary: its times are said to be UTC, and look like the device's",
        "by which clock the heart rates of a night are in which clocks change: they are left out then",
        "whether a night older than 28 days can be fetched by its date: the list of nights ends there, and so do we",
        "that hrv_samples and breathing_samples are by the clock of the night: without the night they are left out",
        "that `modified` of the physical information is when its mass was weighed or entered",
        "that hrv_samples are rMSSD, as the average of the same document is",
        "continuous heart rate is not asked for: its times are the device's, and nothing tells their offset",
        "that `x_user_id` is the `user_id` of webhooks: the reference calls both the Polar user id",
    ),
)


SAYS = (
    *taken(
        SLEEP="sleep; heart_rate as samples",
        NIGHTLY_RECHARGE="hrv, respiratory_rate; rmssd and respiratory_rate as samples, by the clock of its night",
        PHYSICAL_INFORMATION="body, at `modified`: the height, and the mass if it was measured or entered",
        ACTIVITY_SUMMARY="activity",
        EXERCISE="workout",
    ),
    *counted("its times are the device's, and nothing tells their offset", "CONTINUOUS_HEART_RATE"),
    *counted("a setting, an estimate or a score", "maximum_heart_rate", "resting_heart_rate", "vo2_max", "thresholds"),
    *counted(NO_KIND, "SLEEP_WISE_ALERTNESS", "SLEEP_WISE_CIRCADIAN_BEDTIME"),
)


POLAR = Vendor(
    name="polar",
    title="Polar AccessLink",
    # Lower-case hex of HMAC-SHA256 over the body, keyed with signature_secret_key; no timestamp.
    # https://www.polar.com/accesslink-api/#webhooks
    signature=Hmac(header="polar-webhook-signature", signed=("body",)),
    unpack=unpack,
    carries="ids",
    kinds=("sleep", "samples", "hrv", "respiratory_rate", "activity", "workout", "body"),
    sources=(
        _DOCS,
        "https://raw.githubusercontent.com/api-evangelist/polar/main/openapi/polar-accesslink-webhooks-asyncapi.yml",
    ),
    unconfirmed=("the case of the hex digits; how long Polar waits for an answer",),
    handshake=handshake,
    shakes_hands="POST `PING`: 200, before there is a secret",
    api=API,
    kept_headers=("polar-webhook-signature", "polar-webhook-event"),
    says=SAYS,
)
