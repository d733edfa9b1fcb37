"""Google Health API, which succeeds Fitbit's: notifications that name a type and what changed of it.

Docs: https://developers.google.com/health/webhooks. `formats/google_health.py` reads the points that are asked for.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial

import msgspec

from athlete_ally.core.errors import InvalidMessage
from athlete_ally.core.vendor.api import Api, OAuth, Rate, askable
from athlete_ally.core.vendor.call import Call
from athlete_ally.core.vendor.catalogue import NOT_ASKED, Said, counted
from athlete_ally.core.vendor.history import Listing, Window
from athlete_ally.core.vendor.json_body import converted, decoded, decoded_items, lenient
from athlete_ally.core.vendor.paging import paged
from athlete_ally.core.vendor.plugin import Answer, Secrets, Vendor
from athlete_ally.core.vendor.signature import Request, SharedHeader, is_secret
from athlete_ally.core.vendor.webhook import UNREAD, Deleted, Readings, Resource, Unpacked, Unusable, Webhook, found_in
from athlete_ally.formats.google_health import SOURCE, Points, read

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


class _CivilDate(msgspec.Struct, frozen=True):
    year: int
    month: int
    day: int


class _CivilDateTime(msgspec.Struct, frozen=True):
    """A day on the person's calendar; the time on it is of no use here: whole days are asked for."""

    date: _CivilDate

    @property
    def text(self) -> str:
        """The day as text."""
        return f"{self.date.year:04}-{self.date.month:02}-{self.date.day:02}T00:00:00"


class _CivilDateTimes(msgspec.Struct, frozen=True, rename="camel"):
    start_date_time: _CivilDateTime | None = None
    end_date_time: _CivilDateTime | None = None


class _Interval(msgspec.Struct, frozen=True, rename="camel"):
    """What changed: in physical time, on the person's clock, or both; each in a form of its own.

    https://developers.google.com/health/webhooks
    """

    physical_time_interval: _Times = _Times()
    civil_iso8601_time_interval: _Times = msgspec.field(default=_Times(), name="civilIso8601TimeInterval")
    civil_date_time_interval: _CivilDateTimes = _CivilDateTimes()

    @property
    def span(self) -> str:
        """Start and end, of the first form that has one of them; what has no offset is civil."""
        civil = self.civil_date_time_interval
        days = _Times(*("" if each is None else each.text for each in (civil.start_date_time, civil.end_date_time)))
        forms = (self.physical_time_interval, self.civil_iso8601_time_interval, days)
        return next((f"{each.start_time}/{each.end_time}" for each in forms if each.start_time or each.end_time), "/")


class _Data(_Interval, frozen=True, kw_only=True, rename="camel"):
    """A notification of one interval has been seen with it beside its names, and without a list."""

    health_user_id: str
    data_type: str
    operation: str = "UPSERT"
    intervals: tuple[_Interval | None, ...] = ()

    @property
    def spans(self) -> list[str]:
        """What changed; where nothing is named, a span without start and end, which can't be asked for."""
        own = [self.span] if self.span != "/" else []
        return [*dict.fromkeys((*(each.span for each in self.intervals if each is not None), *own))] or ["/"]


class _Notification(msgspec.Struct, frozen=True):
    data: _Data


class _Probe(msgspec.Struct, frozen=True):
    type: str = ""


def unpack(webhook: Webhook) -> Unpacked:
    """Read one notification or a list of them.

    What was deleted is taken away, and asked for as well: notifications may come in any order.
    """
    resources: list[Resource] = []
    deleted: list[Deleted] = []
    unusable: list[Unusable] = []
    for index, item in enumerate(decoded_items(webhook.body)):
        try:
            notification, unread = lenient(item, _Notification)
        except InvalidMessage as error:
            unusable.append(Unusable(index, str(error)))
            continue
        data = notification.data
        unusable += [Unusable(index, fields["error"]) for _, fields in unread]
        named = (Resource(data.health_user_id, data.data_type, span) for span in data.spans)
        its_resources, its_unusable = askable(index, named, call, _FILTERS)
        resources += its_resources
        unusable += its_unusable
        if data.operation == "DELETE" and data.data_type in _FILTERS:
            gone = found_in(_taken_back(data, webhook.received_at), index, data.health_user_id)
            deleted += gone.deleted
            unusable += gone.unusable
    return Unpacked(resources=tuple(resources), unusable=tuple(unusable), deleted=tuple(deleted))


# "operation": UPSERT or DELETE. What went is named by its interval; a civil one is placed nowhere, and what is known by
# its day has none. https://developers.google.com/health/webhooks
def _taken_back(data: _Data, received_at: datetime) -> Readings:
    common = {"capturedAt": received_at.astimezone(UTC).isoformat(), "source": SOURCE, "deleted": True}
    gone: Readings = []
    for span in data.spans:
        start, end = (_instant(text, None) for text in span.split("/"))
        if start is None or end is None or data.data_type not in _KINDS:
            text = f"{data.data_type}: what was deleted is named by no interval in physical time"
            gone.append((UNREAD, {"error": text}))
        else:
            gone.append((_KINDS[data.data_type], {**common, "start": start.isoformat(), "end": end.isoformat()}))
    return gone


# What is left of a weighing is asked for as well, and newer.
_KINDS = {"sleep": "sleep", "exercise": "workout", "weight": "body", "body-fat": "body"}


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
    if resource.type not in _FILTERS:
        return None
    first, _, last = resource.id.partition("/")
    start, end = _instant(first, _EARLIEST_CIVIL), _instant(last, _LATEST_CIVIL)
    if start is None and end is None:
        return None
    # What has no end may be a day long: it is asked for again once there is one.
    start = start or (end or _NEVER) - _DAY
    return _points(resource.type, start, max(end or start + _DAY, start))


def _points(type_name: str, start: datetime, end: datetime) -> Call:
    """Return how to ask for the points between two instants; what makes up one record is asked for together."""
    if type_name in _WITH_MASS:
        weights, fats = (_points_of(each, start, end) for each in _WITH_MASS)
        return paged(weights, _next_page, then=paged(fats, _next_page))
    return paged(_points_of(type_name, start, end), _next_page)


def _points_of(type_name: str, start: datetime, end: datetime) -> Call:
    chosen = _FILTERS[type_name].format(
        name=type_name.replace("-", "_"),
        start=start.isoformat(),
        just_after=(end + timedelta(seconds=1)).isoformat(),
        a_day_after=(end + _DAY).isoformat(),
        day_before=(start - _DAY).date(),
        earliest=(start - 2 * _DAY).date(),
        latest=(end + 2 * _DAY).date(),
    )
    return Call(f"/v4/users/me/dataTypes/{type_name}/dataPoints", query={"filter": chosen})


# "The maximum page size for exercise and sleep is 25", and `nextPageToken` leads on:
# https://developers.google.com/health/reference/rest/v4/users.dataTypes.dataPoints/list
def _next_page(body: bytes) -> dict[str, str] | None:
    token = decoded(body, Points).next_page_token
    return {"pageToken": token} if token else None


def listed(type_name: str, window: Window) -> Call:
    """Return how to ask for the points of a window."""
    return _points(type_name, *window.instants)


def _instant(text: str, civil: timedelta | None) -> datetime | None:
    """Return an instant; of a time on the person's clock, the first or last that it can be anywhere on Earth."""
    try:
        instant = converted(text, datetime)
    except InvalidMessage:
        return None
    # So that a day more on either side is a date too.
    if not _FIRST_YEAR < instant.year < _LAST_YEAR:
        return None
    if instant.tzinfo is not None:
        return instant
    return None if civil is None else instant.replace(tzinfo=UTC) + civil


# Clocks are at most fourteen hours ahead of UTC, and twelve behind it.
_EARLIEST_CIVIL, _LATEST_CIVIL = timedelta(hours=-14), timedelta(hours=12)
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_YEAR, _LAST_YEAR = 1970, 9998
_OF_DAYS = '{name}.date >= "{day_before}" AND {name}.date < "{latest}"'
_OF_INSTANTS = '{name}.sample_time.physical_time >= "{start}" AND {name}.sample_time.physical_time < "{just_after}"'
# A record of an instant is replaced as a whole: without the other, either would take it away.
_WITH_MASS = ("weight", "body-fat")
_FILTERS: Mapping[str, str] = {
    "sleep": '{name}.interval.end_time >= "{start}" AND {name}.interval.end_time < "{a_day_after}"',
    "exercise": '{name}.interval.civil_start_time >= "{earliest}" AND {name}.interval.civil_start_time < "{latest}"',
    "weight": _OF_INSTANTS,
    "body-fat": _OF_INSTANTS,
    "heart-rate-variability": _OF_INSTANTS,
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
        # It is asked for with the weights.
        if name != "body-fat"
    ),
    # "Per user (minutely): 300 requests / minute"; the project's 120,000 are nothing that one database would count.
    # https://developers.google.com/health/rate-limits
    rates=(Rate(300, 60),),
    counts="person",
    sources=(_DISCOVERY, "https://developers.google.com/health/rate-limits"),
    unconfirmed=(
        "how a person who takes the permission back is told: the token is refused then",
        "how many minutes a point of heart-rate-variability covers: it is a point at its own time",
        "steps, distance and the like are summed up by another method for each, and not asked for",
    ),
)


SAYS = (
    Said("sleep", "taken", "sleep"),
    Said("exercise", "taken", "workout"),
    Said("weight", "taken", "body, at its instant"),
    Said("body-fat", "taken", "body, at its instant, with the mass of the same one"),
    Said("heart-rate-variability", "taken", "rmssd as samples; standardDeviationMilliseconds stays in the document"),
    Said("daily-heart-rate-variability", "taken", "hrv, of the night and of deep sleep"),
    Said("daily-resting-heart-rate", "taken", "resting_heart_rate"),
    Said("daily-respiratory-rate", "taken", "respiratory_rate"),
    Said("daily-oxygen-saturation", "taken", "spo2"),
    Said("daily-sleep-temperature-derivations", "taken", "skin_temperature"),
    Said("operation DELETE, in physical time", "taken", "the rows of sleep, exercise, weight or body-fat go"),
    Said("operation DELETE, in civil time or of a day", "counted", "a dead letter: what went can't be placed"),
    *counted(
        "not asked for: steps and the like are summed up by another method",
        "steps",
        "distance",
        "floors",
        "altitude",
        "total-calories",
        "active-minutes",
        "active-zone-minutes",
        "activity-level",
        "sedentary-period",
        "calories-in-heart-rate-zone",
        "time-in-heart-rate-zone",
        "daily-heart-rate-zones",
    ),
    *counted(
        NOT_ASKED,
        "heart-rate",
        "respiratory-rate-sleep-summary",
        "height",
        "blood-glucose",
        "run-vo2-max",
        "hydration-log",
        "nutrition-log",
        "electrocardiogram",
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
    kinds=(
        "sleep",
        "hrv",
        "resting_heart_rate",
        "respiratory_rate",
        "spo2",
        "skin_temperature",
        "workout",
        "body",
        "samples",
    ),
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
    says=SAYS,
)
