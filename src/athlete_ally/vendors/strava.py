"""Strava: notifications that name an activity or an athlete, and the workouts that they name.

Docs: https://developers.strava.com/docs/webhooks/
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal
from urllib.parse import quote

import msgspec

from athlete_ally.core.errors import InvalidMessage
from athlete_ally.core.vendor.api import Api, Document, OAuth, Rate, told_to_wait_s
from athlete_ally.core.vendor.call import Call
from athlete_ally.core.vendor.catalogue import NOT_ASKED, Said, counted
from athlete_ally.core.vendor.history import Listing, Window
from athlete_ally.core.vendor.json_body import converted, decoded, lenient_body, moment, present, session
from athlete_ally.core.vendor.plugin import Answer, Secrets, Vendor
from athlete_ally.core.vendor.signature import Request, SecretPath, is_secret
from athlete_ally.core.vendor.webhook import (
    NOTHING,
    Readings,
    Resource,
    Unpacked,
    Webhook,
    found_in,
    holding,
    taken_back,
)

_DOCS = "https://developers.strava.com/docs/webhooks/"
_LONGEST_CHALLENGE = 1024
_SOURCE = "strava"
_AUTHENTICATION = "https://developers.strava.com/docs/authentication/"
_LIST = "https://developers.strava.com/docs/reference/#api-Activities-getLoggedInAthleteActivities"
_LIMITS = "https://developers.strava.com/docs/rate-limits/"
_QUARTER_S = 900
_DAY_S = 86_400
# What is wrong when a code or a refresh token is worth nothing any more.
_DEAD = {"AuthorizationCode", "RefreshToken"}


class _Event(msgspec.Struct, frozen=True):
    object_type: Literal["activity", "athlete"]
    object_id: int
    aspect_type: str
    owner_id: int
    updates: dict[str, Any] = {}


def unpack(webhook: Webhook) -> Unpacked:
    """Read an event; an athlete who takes the permission back is an update with `authorized` false.

    What was deleted is taken away, and asked for as well: events may come in any order.
    """
    event = decoded(webhook.body, _Event)
    account = str(event.owner_id)
    # "updates: ... for app deauthorizations, there is always an authorized: false key": https://developers.strava.com/docs/webhooks/
    if event.object_type == "athlete" and str(event.updates.get("authorized")).lower() == "false":
        return Unpacked(withdrawn=(account,))
    # "aspect_type: Always create, update, or delete": https://developers.strava.com/docs/webhooks/
    gone: Readings = []
    if event.object_type == "activity" and event.aspect_type == "delete":
        received = webhook.received_at.astimezone(UTC).isoformat()
        gone = taken_back(("workout",), str(event.object_id), captured_at=received, source=_SOURCE)
    resource = Resource(account, event.object_type, str(event.object_id))
    return Unpacked(resources=(resource,), deleted=found_in(gone, 0, account).deleted)


# The subscription's validation: GET with hub.mode, hub.verify_token and hub.challenge; the challenge is wanted back.
# https://developers.strava.com/docs/webhooks/
def handshake(request: Request, secrets: Secrets) -> Answer | None:
    """Return the challenge to a sender that knows the token."""
    challenge = request.query.get("hub.challenge")
    if request.method != "GET" or challenge is None or len(challenge) > _LONGEST_CHALLENGE:
        return None
    if not is_secret(request.query.get("hub.verify_token", ""), secrets.tokens):
        return Answer(401)
    return Answer(200, msgspec.json.encode({"hub.challenge": challenge}), "application/json")


# https://developers.strava.com/docs/reference/#api-Activities-getActivityById
def call(resource: Resource) -> Call | None:
    """Return how to ask for an activity; what else an athlete changes is nothing that we use."""
    if resource.type != "activity":
        return None
    return Call(f"/api/v3/activities/{quote(resource.id, safe='')}")


class _Summary(msgspec.Struct, frozen=True):
    id: int


# `after` and `before` in Unix seconds, pages of up to 200: https://developers.strava.com/docs/reference/#api-Activities-getLoggedInAthleteActivities
# "prefer iterating until an empty page is returned": https://developers.strava.com/docs/ (Pagination)
def listed(window: Window, page: int = 1) -> Call:
    """Return how to ask for summaries of a window's activities."""
    start, end = window.instants
    # Whether `after` itself is part of it is not said.
    period = {"after": f"{start.timestamp() - 1:.0f}", "before": f"{end.timestamp():.0f}"}
    query = {**period, "page": f"{page}", "per_page": "200"}
    return Call("/api/v3/athlete/activities", query=query, then=partial(_next_page, window, page))


def _next_page(window: Window, page: int, body: bytes) -> Call | None:
    return listed(window, page + 1) if decoded(body, tuple[_Summary, ...]) else None


# A summary lacks the energy and the device: a workout made of it would take the place of a better one.
def names(body: bytes) -> tuple[str, ...]:
    """Return the ids of the activities on all pages, the last of which is empty."""
    several = decoded(body, tuple[msgspec.Raw, ...])
    pages = [body] if not several or bytes(several[0])[:1] != b"[" else [bytes(page) for page in several]
    return tuple(str(each.id) for page in pages for each in decoded(page, tuple[_Summary, ...]))


class _Error(msgspec.Struct, frozen=True):
    resource: str = ""


class _Errors(msgspec.Struct, frozen=True):
    errors: tuple[_Error, ...] = ()


# A refresh token that is dead: 400 with {"errors": [{"resource": "RefreshToken", "code": "invalid", ...}]}.
# https://developers.strava.com/docs/authentication/ and https://developers.strava.com/docs/reference/#api-models-Error
def unwrap(body: bytes) -> bytes:
    """Return the standard's document: Strava's own word for an error becomes the one of OAuth 2."""
    errors = decoded(body, _Errors).errors
    if not errors:
        return body
    is_dead = any(each.resource in _DEAD for each in errors)
    return msgspec.json.encode({"error": "invalid_grant" if is_dead else "invalid_client"})


# "15-minute limit is reset at natural 15-minute intervals ... The daily limit resets at midnight UTC", and the headers
# tell usage and limit of both: https://developers.strava.com/docs/rate-limits/
def wait_s(headers: Mapping[str, str], now_s: float) -> float | None:
    """Return how long it is until the limit that is used up begins anew."""
    for name in ("x-readratelimit", "x-ratelimit"):
        used, allowed = _pair(headers.get(f"{name}-usage", "")), _pair(headers.get(f"{name}-limit", ""))
        for window_s, use, limit in zip((_DAY_S, _QUARTER_S), reversed(used), reversed(allowed), strict=False):
            if use >= limit:
                return window_s - now_s % window_s
    return told_to_wait_s(headers, now_s)


def _pair(text: str) -> tuple[int, ...]:
    try:
        return tuple(converted([int(part) for part in text.split(",")], tuple[int, int]))
    except (InvalidMessage, ValueError):
        return ()


class _Activity(msgspec.Struct, frozen=True):
    """Times are in seconds, the offset seconds east of UTC; distance and ascent are meters."""

    start_date: datetime
    elapsed_time: float
    id: Any = None
    start_date_local: datetime | None = None
    moving_time: float | None = None
    utc_offset: float | None = None
    sport_type: str | None = None
    type: str = "Workout"
    distance: float | None = None
    total_elevation_gain: float | None = None
    average_heartrate: float | None = None
    max_heartrate: float | None = None
    calories: float | None = None
    device_name: str | None = None

    @property
    def offset_s(self) -> int:
        """Seconds east of UTC.

        `start_date_local` is the person's clock, written as if it were UTC: it tells them where `utc_offset` does not.
        """
        if self.utc_offset is not None:
            return round(self.utc_offset)
        if self.start_date_local is None:
            return 0
        return round((self.start_date_local.replace(tzinfo=UTC) - self.start_date).total_seconds())


# https://developers.strava.com/docs/reference/#api-models-DetailedActivity: kilocalories; moving time has no pauses.
def read(document: Document) -> Unpacked:
    """Read an activity: a workout."""
    if document.type != "activity":
        return NOTHING
    activity, unread = lenient_body(document.body, _Activity)
    if activity.start_date.tzinfo is None:
        raise InvalidMessage("start_date: it has no offset")
    start_s = activity.start_date.timestamp()
    workout = present(
        start=moment(start_s, activity.offset_s),
        end=moment(start_s + activity.elapsed_time, activity.offset_s),
        capturedAt=document.received_at.isoformat(),
        source=_SOURCE,
        **session(activity.id),
        device=activity.device_name or None,
        context="workout",
        sport=(activity.sport_type or activity.type).lower(),
        durationMinutes=None if not activity.moving_time else activity.moving_time / 60,
        # What was entered by hand, or indoors, went nowhere: 0 stands for nothing known.
        distanceMeters=activity.distance or None,
        ascentMeters=activity.total_elevation_gain or None,
        energyKcal=activity.calories or None,
        averageBpm=activity.average_heartrate or None,
        maxBpm=activity.max_heartrate or None,
    )
    return holding([("workout", workout), *unread], document.account)


API = Api(
    base_url="https://www.strava.com",
    # https://developers.strava.com/docs/authentication/: scopes by commas, refresh tokens that change.
    oauth=OAuth(
        authorize_url="https://www.strava.com/oauth/authorize",
        token_url="https://www.strava.com/api/v3/oauth/token",  # noqa: S106  # an address
        scopes=("read", "activity:read_all"),
        separator=",",
        # The answer names the athlete only for a code, and one level deeper: asking costs one request, once.
        who=Call("/api/v3/athlete"),
        account_field="id",
        unwrap=unwrap,
    ),
    call=call,
    # "100 requests every 15 minutes, with up to 1,000 requests per day" for what does not upload:
    # https://developers.strava.com/docs/rate-limits/
    rates=(Rate(100, _QUARTER_S), Rate(1_000, _DAY_S)),
    wait_s=wait_s,
    read=read,
    history=(Listing("activity", listed, longest_days=30, docs=_LIST, names=names),),
    sources=(_AUTHENTICATION, _LIMITS),
    unconfirmed=("which limits an application has after Strava raised them: the default ones are kept",),
)


SAYS = (
    Said("activity", "taken", "workout"),
    Said("aspect_type delete", "taken", "the workout goes"),
    Said("athlete, authorized false", "taken", "the permission is withdrawn"),
    *counted("stays in the document", "suffer_score", "segment_efforts", "splits", "gear", "average_watts"),
    *counted(NOT_ASKED, "streams"),
)


STRAVA = Vendor(
    name="strava",
    title="Strava",
    # The documentation knows no signature: what protects the address is that only Strava knows it.
    # https://developers.strava.com/docs/webhooks/
    signature=SecretPath(),
    unpack=unpack,
    carries="ids",
    kinds=("workout",),
    sources=(_DOCS,),
    unconfirmed=("`X-Strava-Signature`, which public code has seen since 2026: kept with the webhook, not checked",),
    handshake=handshake,
    shakes_hands="GET with `hub.verify_token` and `hub.challenge`: 200 with the challenge as JSON, or 401",
    asks_for_token=True,
    # "within two seconds": https://developers.strava.com/docs/webhooks/
    deadline_s=2.0,
    kept_headers=("x-strava-signature",),
    api=API,
    says=SAYS,
)
