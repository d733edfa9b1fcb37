"""Google Health API, which succeeds Fitbit's: notifications that name a type of data and the intervals that changed.

Docs: https://developers.google.com/health/webhooks
"""

import msgspec

from athlete_ally.core.errors import InvalidMessage
from athlete_ally.core.signature import Request, SharedHeader, is_secret
from athlete_ally.core.vendor import Answer, Resource, Secrets, Unpacked, Unusable, Vendor, Webhook
from athlete_ally.core.vendor_json import converted, decoded, decoded_items

_DOCS = "https://developers.google.com/health/webhooks"
_REFERENCE = "https://developers.google.com/health/reference/rest/v4/projects.subscribers"


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


GOOGLE_HEALTH = Vendor(
    name="google_health",
    title="Google Health API",
    # The configured secret is the whole value of Authorization, its scheme included (`Bearer ...`).
    # https://developers.google.com/health/reference/rest/v4/projects.subscribers
    signature=SharedHeader("authorization"),
    unpack=unpack,
    carries="ids",
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
)
