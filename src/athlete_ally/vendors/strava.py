"""Strava: notifications that name an activity or an athlete.

Docs: https://developers.strava.com/docs/webhooks/
"""

from typing import Any, Literal

import msgspec

from athlete_ally.core.signature import Request, SecretPath, is_secret
from athlete_ally.core.vendor import Answer, Resource, Secrets, Unpacked, Vendor, Webhook
from athlete_ally.core.vendor_json import decoded

_DOCS = "https://developers.strava.com/docs/webhooks/"
_LONGEST_CHALLENGE = 1024


class _Event(msgspec.Struct, frozen=True):
    object_type: Literal["activity", "athlete"]
    object_id: int
    aspect_type: str
    owner_id: int
    updates: dict[str, Any] = {}


def unpack(webhook: Webhook) -> Unpacked:
    """Read an event; an athlete who takes the permission back is an update with `authorized` false."""
    event = decoded(webhook.body, _Event)
    account = str(event.owner_id)
    # "updates: ... for app deauthorizations, there is always an authorized: false key": https://developers.strava.com/docs/webhooks/
    if event.object_type == "athlete" and str(event.updates.get("authorized")).lower() == "false":
        return Unpacked(withdrawn=(account,))
    return Unpacked(resources=(Resource(account, event.object_type, str(event.object_id)),))


# The subscription's validation: GET with hub.mode, hub.verify_token and hub.challenge; the challenge is wanted back.
# https://developers.strava.com/docs/webhooks/
def handshake(request: Request, secrets: Secrets) -> Answer | None:
    """Give the challenge back to whoever knows the token."""
    challenge = request.query.get("hub.challenge")
    if request.method != "GET" or challenge is None or len(challenge) > _LONGEST_CHALLENGE:
        return None
    if not is_secret(request.query.get("hub.verify_token", ""), secrets.tokens):
        return Answer(401)
    return Answer(200, msgspec.json.encode({"hub.challenge": challenge}), "application/json")


STRAVA = Vendor(
    name="strava",
    title="Strava",
    # The documentation knows no signature: what protects the address is that only Strava knows it.
    # https://developers.strava.com/docs/webhooks/
    signature=SecretPath(),
    unpack=unpack,
    carries="ids",
    sources=(_DOCS,),
    unconfirmed=("`X-Strava-Signature`, which public code has seen since 2026: kept with the webhook, not checked",),
    handshake=handshake,
    shakes_hands="GET with `hub.verify_token` and `hub.challenge`: 200 with the challenge as JSON, or 401",
    asks_for_token=True,
    # "within two seconds": https://developers.strava.com/docs/webhooks/
    deadline_s=2.0,
    kept_headers=("x-strava-signature",),
)
