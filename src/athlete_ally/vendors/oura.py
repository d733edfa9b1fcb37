"""Oura: notifications that name what changed, and the documents that they name.

Docs: https://cloud.ouraring.com/v2/docs#tag/Webhook-Subscription-Routes
`formats/oura.py` reads what was measured in them.
"""

from dataclasses import replace
from datetime import UTC
from functools import partial
from urllib.parse import quote

import msgspec

from athlete_ally.core.vendor.api import Api, Document, OAuth, Rate, Reader, askable, by_type, one_by_one
from athlete_ally.core.vendor.call import Call
from athlete_ally.core.vendor.catalogue import NO_KIND, NOT_ASKED, OWN_SCORE, Said, counted, taken
from athlete_ally.core.vendor.history import Listing, Window
from athlete_ally.core.vendor.json_body import decoded, pages
from athlete_ally.core.vendor.paging import paged
from athlete_ally.core.vendor.plugin import Answer, Secrets, Vendor
from athlete_ally.core.vendor.signature import Hmac, Request, is_secret
from athlete_ally.core.vendor.webhook import Readings, Resource, Unpacked, Webhook, found_in, taken_back
from athlete_ally.formats.oura import KINDS, READERS, SOURCE

_DOCS = "https://cloud.ouraring.com/v2/docs#tag/Webhook-Subscription-Routes"
_LONGEST_CHALLENGE = 1024


class _Notification(msgspec.Struct, frozen=True):
    event_type: str
    data_type: str
    object_id: str
    user_id: str


# `event_type` is create, update or delete: https://cloud.ouraring.com/v2/docs#tag/Webhook-Subscription-Routes
def unpack(webhook: Webhook) -> Unpacked:
    """Read a notification.

    What was deleted is taken away, and asked for as well: notifications may come in any order, and a document that is
    there after all is newer.
    """
    notification = decoded(webhook.body, _Notification)
    gone: Readings = []
    if notification.event_type == "delete":
        kinds = KINDS.get(notification.data_type, ())
        received = webhook.received_at.astimezone(UTC).isoformat()
        gone = taken_back(kinds, notification.object_id, captured_at=received, source=SOURCE)
    resource = Resource(notification.user_id, notification.data_type, notification.object_id)
    resources, unusable = askable(0, [resource], call, READERS)
    deleted = found_in(gone, 0, notification.user_id).deleted
    return Unpacked(resources=tuple(resources), unusable=tuple(unusable), deleted=deleted)


# The subscription's verification: Oura sends verification_token and challenge, and wants the challenge back as JSON.
# https://cloud.ouraring.com/v2/docs#tag/Webhook-Subscription-Routes
def handshake(request: Request, secrets: Secrets) -> Answer | None:
    """Return the challenge to a sender that knows the token."""
    challenge = request.query.get("challenge")
    if request.method != "GET" or challenge is None or len(challenge) > _LONGEST_CHALLENGE:
        return None
    if not is_secret(request.query.get("verification_token", ""), secrets.tokens):
        return Answer(401)
    return Answer(200, msgspec.json.encode({"challenge": challenge}), "application/json")


def call(resource: Resource) -> Call | None:
    """Return how to ask for a document; https://cloud.ouraring.com/v2/docs names the routes."""
    if resource.type not in READERS or not resource.id:
        return None
    return Call(f"/v2/usercollection/{resource.type}/{quote(resource.id, safe='')}")


class _Page(msgspec.Struct, frozen=True):
    data: tuple[msgspec.Raw, ...]
    next_token: str | None = None


def _list(type_name: str) -> str:
    return f"{type_name}_list"


# "Multiple ... Documents": `start_date`, `end_date` and the `next_token` of the answer before; documents as those asked
# for one by one. https://cloud.ouraring.com/v2/docs#tag/Sleep-Routes (and the other tags)
# Which ends are part of it differs by type, as others have measured: a day more on either side holds them all.
# https://github.com/the-momentum/open-wearables/pull/1007 and .../pull/1162
def listed(type_name: str, window: Window) -> Call:
    """Return how to ask for the documents of a window."""
    padded = window.padded()
    query = {"start_date": f"{padded.first}", "end_date": f"{padded.last}"}
    return paged(Call(f"/v2/usercollection/{type_name}", query=query), _next_token)


def _page_of(type_name: str) -> str:
    return f"https://cloud.ouraring.com/v2/docs#tag/{type_name.title().replace('_', '-')}-Routes"


def _next_token(body: bytes) -> dict[str, str] | None:
    token = decoded(body, _Page).next_token
    return {"next_token": token} if token else None


def _read_list(reader: Reader, document: Document) -> Unpacked:
    items = (bytes(item) for page in pages(document.body, _Page) for item in page.data)
    return one_by_one((partial(reader, replace(document, body=item)) for item in items), document.account)


API = Api(
    base_url="https://api.ouraring.com",
    # https://cloud.ouraring.com/docs/authentication
    oauth=OAuth(
        authorize_url="https://cloud.ouraring.com/oauth/authorize",
        token_url="https://api.ouraring.com/oauth/token",  # noqa: S106  # an address
        scopes=("personal", "daily", "workout", "session", "spo2Daily"),
        who=Call("/v2/usercollection/personal_info"),
        account_field="id",
    ),
    call=call,
    read=by_type(READERS, {_list(name): partial(_read_list, reader) for name, reader in READERS.items()}),
    # A night with its series is some 5 KB, a day of activity 10 KB: a month is a third of a message.
    history=tuple(
        Listing(_list(name), partial(listed, name), longest_days=30, docs=_page_of(name)) for name in READERS
    ),
    # "5000 requests in a 5-minute period": https://cloud.ouraring.com/docs/error-handling
    rates=(Rate(5000, 300),),
    sources=("https://cloud.ouraring.com/docs/authentication", _DOCS),
    unconfirmed=(
        "that `id` of personal_info is the `user_id` of webhooks",
        "the scope that SpO2 needs: `spo2Daily` in the specification, `spo2` by the report of a developer",
        "5000 requests in 5 minutes: read on a secondary page",
        "that low, medium and high activity are the light, moderate and vigorous of others",
        "what a sleep without a type is: its context stays unspecified",
        "whether the ends of a period that is listed are part of it: asked for with a day more on either side",
    ),
)


SAYS = (
    *taken(
        sleep="sleep, hrv, resting_heart_rate, respiratory_rate; heart_rate and rmssd as samples",
        daily_readiness="skin_temperature (deviation); its score is left out",
        daily_activity="activity",
        daily_spo2="spo2",
        workout="workout, on the `day` that it names",
        session="heart_rate and rmssd as samples",
    ),
    Said("event_type delete; a sleep of type `deleted` or `rest`", "taken", "the rows go; samples stay"),
    *counted(OWN_SCORE, "daily_sleep", "daily_resilience", "daily_cardiovascular_age", "vO2_max"),
    *counted(NO_KIND, "daily_stress", "tag", "enhanced_tag", "rest_mode_period", "sleep_time"),
    *counted(NOT_ASKED, "heartrate", "ring_configuration"),
)


OURA = Vendor(
    name="oura",
    title="Oura",
    # Hex in upper case of HMAC-SHA256 over timestamp and body, keyed with the client secret.
    # https://cloud.ouraring.com/v2/docs#tag/Webhook-Subscription-Routes
    signature=Hmac(
        header="x-oura-signature",
        signed=("timestamp", "body"),
        encoding="upper-case hex",
        timestamp_header="x-oura-timestamp",
        # Unconfirmed: neither the timestamp's unit nor whether a retry is signed anew. A day outlives the retries, and
        # a replay within it is a duplicate.
        max_age_s=86_400,
    ),
    unpack=unpack,
    carries="ids",
    sources=(_DOCS, "https://github.com/api-evangelist/oura/tree/main/json-schema"),
    kinds=(
        "sleep",
        "hrv",
        "resting_heart_rate",
        "respiratory_rate",
        "skin_temperature",
        "activity",
        "spo2",
        "workout",
        "samples",
    ),
    unconfirmed=("unit of `x-oura-timestamp`; whether a retry carries a new one",),
    handshake=handshake,
    shakes_hands="GET with `verification_token` and `challenge`: 200 with the challenge as JSON, or 401",
    asks_for_token=True,
    deadline_s=10.0,
    api=API,
    kept_headers=("x-oura-signature", "x-oura-timestamp"),
    says=SAYS,
)
