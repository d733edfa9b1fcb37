"""Withings: form-encoded notifications that name a category and a period.

Docs: https://developer.withings.com/developer-guide/v3/data-api/notifications/notification-content/
`formats/withings.py` reads what was measured in it.
"""

import re
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import parse_qs

import msgspec

from athlete_ally.core.errors import InvalidMessage
from athlete_ally.core.vendor.api import Api, OAuth, Outcome, Rate, askable, by_status, by_type
from athlete_ally.core.vendor.call import Call
from athlete_ally.core.vendor.catalogue import NOT_ASKED, Said, counted
from athlete_ally.core.vendor.history import Listing, Window
from athlete_ally.core.vendor.json_body import decoded
from athlete_ally.core.vendor.paging import paged
from athlete_ally.core.vendor.plugin import Answer, Secrets, Vendor
from athlete_ally.core.vendor.signature import Request, SecretPath, is_secret
from athlete_ally.core.vendor.webhook import Resource, Unpacked, Webhook
from athlete_ally.formats.withings import LISTERS

_CONTENT = "https://developer.withings.com/developer-guide/v3/data-api/notifications/notification-content/"
_SUBSCRIBE = "https://developer.withings.com/developer-guide/v3/data-api/notifications/notification-subscribe/"
_REFERENCE = "https://developer.withings.com/api-reference/"
_GONE = {"delete", "unlink"}
_MOST_FIELDS = 50
_TOO_MANY = 601
_ACTIVITY = "steps,distance,elevation,soft,moderate,intense,active,calories,totalcalories"
_WORKOUT = "calories,distance,hr_average,hr_max"
_SLEEP = (
    "total_sleep_time,asleepduration,deepsleepduration,lightsleepduration,remsleepduration,wakeupduration,"
    "sleep_efficiency,sleep_score,rr_average"
)


def unpack(webhook: Webhook) -> Unpacked:
    """Read a notification; `action` tells of a person who unlinked or deleted the account."""
    fields = _fields(webhook.body)
    account, category = fields.get("userid", ""), fields.get("appli", "")
    if not account or not category:
        raise InvalidMessage("userid and appli: both needed")
    if fields.get("action") in _GONE:
        return Unpacked(withdrawn=(account,))
    span = f"{fields.get('startdate', '')}/{fields.get('enddate', '')}/{fields.get('date', '')}"
    resources, unusable = askable(0, [Resource(account, category, span)], call, LISTERS)
    return Unpacked(resources=tuple(resources), unusable=tuple(unusable))


def _fields(body: bytes) -> dict[str, str]:
    try:
        parsed = parse_qs(body.decode(), strict_parsing=True, max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise InvalidMessage("the body is not form-encoded") from error
    return {name: values[0] for name, values in parsed.items()}


# "Withings sends a HEAD request to verify your URL is reachable": 2xx is wanted.
# https://developer.withings.com/developer-guide/v3/data-api/notifications/notification-subscribe/
def handshake(request: Request, secrets: Secrets) -> Answer | None:
    """Answer a probe at the secret address."""
    if request.method not in {"HEAD", "GET"}:
        return None
    return Answer(200 if is_secret(request.path_secret, secrets.signing) else 404)


# https://developer.withings.com/api-reference/#tag/measure and #tag/sleep
def call(resource: Resource) -> Call | None:
    """Return how to ask for a category (1: body, 2: temperature, 4: pressure, 16: activity, 44: sleep)."""
    try:
        return _call(resource.type, *resource.id.split("/"))
    except (ValueError, OverflowError, OSError):
        return None


def _call(category: str, start: str, end: str, day: str) -> Call | None:
    match category:
        case "1" | "2" | "4":
            return _measures(_second(start or day), _second(end or start or day))
        case "16":
            window = _days(day or start, day or end or start)
            return _movements(f"{window.first}", f"{window.last}")
        case "44":
            return _sleeps({"lastupdate": _second(start or day)})
        case _:
            return None


# "startdate", "enddate": Unix seconds; "date": a day, as text by the page and as Unix seconds by others' traffic.
# https://developer.withings.com/developer-guide/v3/data-api/notifications/notification-content/
def _second(text: str) -> str:
    """Return Unix seconds, as they are or of the first instant of a day anywhere on Earth."""
    if _SECONDS.fullmatch(text):
        return text
    day = _day(text)
    return f"{Window(day, day).instants[0].timestamp():.0f}"


def _days(first: str, last: str) -> Window:
    """Return the days from a day to another; an instant is on one of two or three days, and all of them are asked."""
    days = [
        Window(each, each) if not _SECONDS.fullmatch(text) else Window(each, each).padded()
        for text, each in ((first, _day(first)), (last, _day(last)))
    ]
    return Window(min(each.first for each in days), max(each.last for each in days))


def _day(text: str) -> date:
    return datetime.fromtimestamp(int(text), UTC).date() if _SECONDS.fullmatch(text) else date.fromisoformat(text)


_SECONDS = re.compile("[0-9]{1,11}")


def _measures(start: str, end: str) -> Call:
    return _asked("/measure", {"action": "getmeas", "category": "1", "startdate": start, "enddate": end})


def _movements(first: str, last: str) -> Call:
    days = {"startdateymd": first, "enddateymd": last}
    workouts = _asked("/v2/measure", {"action": "getworkouts", **days, "data_fields": _WORKOUT})
    return _asked("/v2/measure", {"action": "getactivity", **days, "data_fields": _ACTIVITY}, then=workouts)


def _sleeps(chosen: dict[str, str]) -> Call:
    return _asked("/v2/sleep", {"action": "getsummary", **chosen, "data_fields": _SLEEP})


class _Rest(msgspec.Struct, frozen=True):
    more: bool | int = False
    offset: int = 0


class _Answer(msgspec.Struct, frozen=True):
    body: _Rest


# "When a first call returns more:1 and offset:XX, set value XX in this parameter to retrieve next available rows":
# https://developer.withings.com/api-reference/#operation/measure-getmeas
def _asked(path: str, form: dict[str, str], then: Call | None = None) -> Call:
    return paged(Call(path, form=form), _next_offset, then)


def _next_offset(body: bytes) -> dict[str, str] | None:
    rest = decoded(body, _Answer).body
    return {"offset": str(rest.offset)} if rest.more else None


# Days of the person for nights, days and workouts; for measures from an instant to an instant, in Unix seconds.
# https://developer.withings.com/api-reference/#tag/measure and #tag/sleep
def _listed_measures(window: Window) -> Call:
    start, end = window.instants
    return _measures(f"{start.timestamp():.0f}", f"{end.timestamp():.0f}")


def _listed_movements(window: Window) -> Call:
    return _movements(f"{window.first}", f"{window.last}")


def _listed_sleeps(window: Window) -> Call:
    return _sleeps({"startdateymd": f"{window.first}", "enddateymd": f"{window.last}"})


def outcome_of(status: int, body: bytes) -> Outcome:
    """Return the outcome by the status in the body: over HTTP nearly all is 200. The groups are ours.

    https://developer.withings.com/api-reference/#section/Response-status
    """
    if by_status(status, body) != "ok":
        return by_status(status, body)
    try:
        inner = decoded(body, dict[str, Any]).get("status")
    except InvalidMessage:
        return "later"
    if inner in {100, 101, 102, 200, 401}:
        return "unauthorized"
    if inner == _TOO_MANY:
        return "limited"
    return "ok" if inner == 0 else "refused" if inner in {214, 277, 2553, 2554, 2555} else "later"


# https://developer.withings.com/api-reference/#operation/oauth2-getaccesstoken
def unwrap(body: bytes) -> bytes:
    """Return the document inside `body`, or an OAuth error for what says otherwise."""
    answer = decoded(body, dict[str, Any])
    if answer.get("status") == 0:
        return msgspec.json.encode(answer.get("body"))
    is_busy = answer.get("status") == _TOO_MANY
    return msgspec.json.encode({"error": "temporarily_unavailable" if is_busy else "invalid_grant"})


API = Api(
    base_url="https://wbsapi.withings.net",
    # https://developer.withings.com/developer-guide/v3/integration-guide/public-health-data-api/get-access/oauth-authorization-url/
    oauth=OAuth(
        authorize_url="https://account.withings.com/oauth2_user/authorize2",
        token_url="https://wbsapi.withings.net/v2/oauth2",  # noqa: S106  # an address
        scopes=("user.metrics", "user.activity"),
        separator=",",
        extra={"action": "requesttoken"},
        unwrap=unwrap,
        account_field="userid",
    ),
    call=call,
    # "a 120 requests-per-minute limit across your application":
    # https://developer.withings.com/developer-guide/v3/integration-guide/public-health-data-api/data-api/notifications/notification-overview/
    rates=(Rate(120, 60),),
    outcome_of=outcome_of,
    read=by_type({}, LISTERS),
    # A weighing, a night or a day is half a kilobyte.
    history=(
        Listing("1", _listed_measures, longest_days=90, docs=f"{_REFERENCE}#operation/measure-getmeas"),
        Listing("16", _listed_movements, longest_days=90, docs=f"{_REFERENCE}#operation/measurev2-getactivity"),
        Listing("44", _listed_sleeps, longest_days=90, docs=f"{_REFERENCE}#operation/sleepv2-getsummary"),
    ),
    sources=(_REFERENCE,),
    unconfirmed=(
        "which status a dead refresh token gives",
        "which statuses mean `refused`, and which `later`: the groups are ours where the page names no reason",
        "whether a summary of sleep can be a nap: its context stays unspecified",
        "unit and meaning of `rmssd_start_avg` and `rmssd_end_avg`, which are not used",
        "how long a period may be in one request: the page names no limit",
    ),
)


SAYS = (
    Said("appli 1, 2, 4 (measures)", "taken", "body, spo2, skin_temperature, at an instant; pressures as samples"),
    Said("appli 16 (activity)", "taken", "activity, workout"),
    Said("appli 44 (sleep)", "taken", "sleep, respiratory_rate"),
    Said("action delete, unlink", "taken", "the permission is withdrawn"),
    *counted("of another person, or a wish", "attrib 1 and 4", "category 2"),
    *counted(NOT_ASKED, "appli 50 and 51 (in and out of bed)", "appli 54 (ECG)", "appli 55", "appli 58", "appli 62"),
    Said("rmssd_start_avg, rmssd_end_avg", "unconfirmed", "their unit and meaning"),
)


WITHINGS = Vendor(
    name="withings",
    title="Withings",
    # Nothing in the documentation speaks of a signature: what protects the address is that only Withings knows it.
    # https://developer.withings.com/developer-guide/v3/data-api/notifications/notification-subscribe/
    signature=SecretPath(),
    unpack=unpack,
    carries="ids",
    sources=(_CONTENT, _SUBSCRIBE, "https://github.com/api-evangelist/withings/tree/main/json-schema"),
    kinds=("body", "spo2", "skin_temperature", "samples", "sleep", "respiratory_rate", "activity", "workout"),
    unconfirmed=("that notifications are not signed: no page says so either way",),
    handshake=handshake,
    shakes_hands="HEAD or GET at the secret address: 200",
    repeats_are_news=True,
    # "within two seconds, otherwise the notification delivery will be considered as failed"; "a few seconds" elsewhere.
    # https://developer.withings.com/developer-guide/v3/data-api/keep-user-data-up-to-date/
    deadline_s=2.0,
    api=API,
    says=SAYS,
)
