"""Terra, an aggregator: other vendors' data in the payload, in Terra's own models.

Docs: https://docs.tryterra.co/reference/v2 (models),
https://docs.tryterra.co/health-and-fitness-api/integration-setup/setting-up-data-destinations/webhooks (delivery)
"""

from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec

from athlete_ally.core.errors import InvalidMessage
from athlete_ally.core.vendor.api import one_by_one
from athlete_ally.core.vendor.catalogue import NO_KIND, Said, counted, taken
from athlete_ally.core.vendor.json_body import decoded, lenient, session
from athlete_ally.core.vendor.plugin import Vendor
from athlete_ally.core.vendor.signature import Hmac, Request
from athlete_ally.core.vendor.webhook import NOTHING, Readings, Renamed, Unpacked, Unusable, Webhook, taken_back
from athlete_ally.formats.terra import MODELS, Metadata

_DELIVERY = "https://docs.tryterra.co/health-and-fitness-api/integration-setup/setting-up-data-destinations/webhooks"
_MODELS = "https://docs.tryterra.co/reference/v2"
_GONE = {"deauth", "access_revoked"}
# "Use old_user_id to map the new id to the previous one" and "treat it like a deauth of the old id":
# https://docs.tryterra.co/help-center/help-topics/no-data/auth-scopes-user-id-matching/reauth-webhook-user-id-changes
_REAUTHORISED = "user_reauth"
# Data that is too large for a webhook stands at an address for some time; anyone who could send us one could lead us
# anywhere. https://docs.tryterra.co/reference/health-and-fitness-api/webhooks (s3_payload)
_ELSEWHERE = "s3_payload"
# https://github.com/tryterra/openapi/blob/master/data_models/specs/data_models/enums.tsp (UploadType)
_DELETED = 4


class _User(msgspec.Struct, frozen=True):
    user_id: str
    provider: str = "terra"


class _Event(msgspec.Struct, frozen=True):
    type: str
    user: _User | None = None
    old_user: _User | None = None
    new_user: _User | None = None
    old_user_id: str = ""
    data: list[Any] = []


class _Model(msgspec.Struct, frozen=True):
    metadata: Metadata = Metadata()


def _common(metadata: Metadata, event: str, source: str, received_at: datetime) -> dict[str, Any]:
    """Return what all readings of an item have in common.

    A night belongs to the day on which it ended, a day to itself. Times without an offset are local to nobody knows
    whom: only their day is used. The webhook's receipt says how new the values are: a model names no time of capture.
    """
    # "Activity & Sleep payloads can be uniquely identified by their summary_id":
    # https://docs.tryterra.co/reference/health-and-fitness-api/data-models
    own = session(metadata.summary_id) if event in {"sleep", "activity"} else {}
    common = {"capturedAt": received_at.astimezone(UTC).isoformat(), "source": source, **own}
    if event == "body":
        # Each measurement has a time of its own.
        return common
    start, end = metadata.start_time, metadata.end_time
    day = start if event == "daily" else end or start
    if day is None:
        raise InvalidMessage("metadata: start_time and end_time are needed")
    common["date"] = day.date().isoformat()
    if start is not None and end is not None and start.tzinfo is not None and end.tzinfo is not None and start < end:
        common |= {"start": start.isoformat(), "end": end.isoformat()}
    return common


def unpack(webhook: Webhook) -> Unpacked:
    """Read an event: data of one person, or news about the permission."""
    event = decoded(webhook.body, _Event)
    if event.type in _GONE:
        return Unpacked(withdrawn=(_person(event).user_id,))
    if event.type == _REAUTHORISED:
        renamed = _renamed(event)
        return Unpacked(renamed=(renamed,), withdrawn=(renamed.old,))
    if event.type == _ELSEWHERE:
        return Unpacked(unusable=(Unusable(0, "s3_payload: the data is at an address, which is not followed"),))
    if event.type not in MODELS:
        return NOTHING
    user = _person(event)
    items = (partial(_readings, event.type, raw, user.provider.lower(), webhook.received_at) for raw in event.data)
    return one_by_one(items, user.user_id)


def _readings(event: str, raw: Any, source: str, received_at: datetime) -> Readings:
    metadata = lenient(raw, _Model)[0].metadata
    shape, readings_of = MODELS[event]
    model, unread = lenient(raw, shape)
    common = _common(metadata, event, source, received_at)
    if event == "activity" and metadata.upload_type == _DELETED and metadata.summary_id:
        return taken_back(("workout",), metadata.summary_id, captured_at=common["capturedAt"], source=source)
    return [*readings_of(model, common), *unread]


def _person(event: _Event) -> _User:
    if event.user is None:
        raise InvalidMessage("user: needed")
    return event.user


def _renamed(event: _Event) -> Renamed:
    """Return both ids of a person who connected again; payloads name them in either of two ways."""
    new = event.new_user or event.user
    old = event.old_user.user_id if event.old_user else event.old_user_id
    if new is None or not old:
        raise InvalidMessage("user_reauth: old_user and new_user are needed")
    return Renamed(old, new.user_id)


# A retry has the timestamp of the first attempt, which may be a day old then, and with it the same signature; a day
# that is corrected, and corrected back, comes with another one. https://docs.tryterra.co/reference/signing
def delivery_id(request: Request) -> str | None:
    """Return the signature, which is made of the first attempt's time and the text."""
    return request.headers.get("terra-signature") or None


SAYS = (
    *taken(
        sleep="sleep, hrv, resting_heart_rate, respiratory_rate, spo2, skin_temperature; series as samples",
        daily="activity, resting_heart_rate, hrv; heart_rate, rmssd and spo2 as samples",
        body="body at its instant; pressures, glucose, temperature, spo2 and heart_rate as samples",
        activity="workout; heart_rate, power, speed and altitude as samples; `upload_type` 4 takes it away",
    ),
    Said("deauth, access_revoked", "taken", "the permission is withdrawn"),
    Said("s3_payload", "counted", "a dead letter: the data is at an address, which is not followed"),
    Said("user_reauth", "taken", "the new account is the same person's; the old one is withdrawn"),
    *counted("the person's own text", "metadata.name"),
    *counted(NO_KIND, "athlete", "menstruation", "nutrition", "planned_workout"),
    *counted("stays in the webhook", "lap_data", "strain_data", "stress_data", "scores", "samples of steps or energy"),
    *counted(
        "news of the connection",
        "auth",
        "healthcheck",
        "processing",
        "large_request_processing",
        "large_request_sending",
        "permission_change",
        "connection_error",
        "rate_limit_hit",
    ),
)


TERRA = Vendor(
    name="terra",
    title="Terra",
    # `t=...,v1=...`: lower-case hex of HMAC-SHA256 over timestamp, full stop and body, keyed with the signing secret.
    # https://docs.tryterra.co/health-and-fitness-api/integration-setup/setting-up-data-destinations/webhooks
    signature=Hmac(
        header="terra-signature",
        signed=("timestamp", ".", "body"),
        layout="fields",
        # "due to Terra performing webhook retries ... the difference between the current timestamp" may be large:
        # https://docs.tryterra.co/reference/signing. They go on for just over a day; two days lose none.
        max_age_s=172_800,
    ),
    unpack=unpack,
    carries="data",
    kinds=(
        "hrv",
        "sleep",
        "resting_heart_rate",
        "respiratory_rate",
        "spo2",
        "skin_temperature",
        "activity",
        "workout",
        "body",
        "samples",
    ),
    sources=(_DELIVERY, "https://docs.tryterra.co/reference/signing", _MODELS),
    unconfirmed=(
        "the unit of `sleep_efficiency` and of scores: not used",
        "which of the models' times have an offset: without one only the day is used, and a series is left out",
        "that a retry is not signed anew: a signature is taken for the name of a delivery",
        "that lean mass is all that is not fat: it is kept as fat-free mass",
        "samples of steps, floors, distance and energy, laps, stress and scores: left out",
    ),
    delivery_id=delivery_id,
    # "webhook requests will time out after 30 seconds": https://docs.tryterra.co/reference/webhook-settings
    deadline_s=30.0,
    kept_headers=("terra-signature", "terra-reference"),
    says=SAYS,
)
