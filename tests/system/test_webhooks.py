"""Vendors and the real ingest: what is answered with 2xx is in the stream, and nothing else is."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from support.services import Service, Site
from support.wait import eventually
from support.webhooks import oura_headers, standard_headers, terra_headers

from athlete_ally.adapters.nats.admin import NatsAdmin
from athlete_ally.core.broker.topology import VENDOR_HOT, webhook_subject

OURA, TERRA, GARMIN = "oura-client-secret", "terra-signing-secret", "garmin-address-secret"
CLINIC = "whsec_c3RhbmRhcmQtd2ViaG9va3Mta2V5LTE="
SECRETS: dict[str, Any] = {
    "AA_OURA_WEBHOOK_SECRETS": f"an-older-secret {OURA}",
    "AA_OURA_WEBHOOK_TOKEN": "the-token",
    "AA_TERRA_WEBHOOK_SECRETS": TERRA,
    "AA_GARMIN_WEBHOOK_SECRETS": GARMIN,
}
NOTIFICATION = json.dumps({"event_type": "update", "data_type": "sleep", "object_id": "o-1", "user_id": "u-1"}).encode()


async def deliver(ingest: Service, path: str, body: bytes, headers: Mapping[str, str]) -> httpx.Response:
    """Post a webhook."""
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        return await client.post(f"{ingest.url}/webhooks/{path}", content=body, headers=dict(headers))


async def kept(site: Site, vendor: str) -> int:
    """Return how many webhooks of a vendor the stream holds."""
    stream = await NatsAdmin(site.connection).stream(VENDOR_HOT, webhook_subject(vendor))
    return stream.by_subject.get(webhook_subject(vendor), 0) if stream else 0


async def test_a_webhook_is_on_disk_when_it_is_answered(site: Site) -> None:
    """
    A handshake, a signed delivery, its repetition and a forged one: one message, byte for byte, and counters that tell.
    """
    ingest = await site.service("ingest", **SECRETS).start().ready()
    async with httpx.AsyncClient(trust_env=False) as client:
        query = {"verification_token": "the-token", "challenge": "c-1"}
        shaken = await client.get(f"{ingest.url}/webhooks/oura", params=query)
    headers = oura_headers(OURA, NOTIFICATION, datetime.now(UTC))
    answers = [await deliver(ingest, "oura", body, headers) for body in (NOTIFICATION, NOTIFICATION, b"forged")]

    assert (shaken.json(), [answer.status_code for answer in answers]) == ({"challenge": "c-1"}, [200, 200, 401])
    assert await kept(site, "oura") == 1
    client_: Any = site.connection.client
    message = await client_.jetstream().get_last_msg(VENDOR_HOT, webhook_subject("oura"))
    assert (message.data, message.headers["x-oura-signature"]) == (NOTIFICATION, headers["x-oura-signature"])
    series = await ingest.metrics()
    assert 'webhook_verification_failures_total{cause="mismatch",vendor="oura"} 1.0' in series
    assert 'webhook_duplicates_total{vendor="oura"} 1.0' in series
    assert not any(private in ingest.log for private in (OURA, "u-1", headers["x-oura-signature"]))


@pytest.mark.parametrize("step", ["before-publish", "after-publish"])
async def test_ingest_dies_while_a_webhook_is_taken(site: Site, step: str) -> None:
    """
    The vendor hears nothing and delivers again; whether the stream had it or not, it holds it once.
    """
    dying = await site.service("ingest", dies=step, **SECRETS).start().ready()
    body = json.dumps({"type": "sleep", "user": {"user_id": "t-1", "provider": "OURA"}, "data": []}).encode()
    headers = terra_headers(TERRA, body, datetime.now(UTC))
    with pytest.raises(httpx.TransportError):
        await deliver(dying, "terra", body, headers)
    healthy = await site.service("ingest", **SECRETS).start().ready()
    again = await deliver(healthy, "terra", body, headers)

    assert (again.status_code, await kept(site, "terra")) == (200, 1)


async def test_without_a_broker_nothing_is_promised(site: Site) -> None:
    """
    503 with Retry-After, within the vendor's deadline, instead of a 2xx that nobody could keep.
    """
    ingest = site.service("ingest", NATS_URL="nats://127.0.0.1:1", AA_PUBLISH_TIMEOUT_S="0.3", **SECRETS).start()

    async def alive() -> bool:
        return await ingest.status("/health") == 200

    await eventually(alive)
    answer = await deliver(ingest, f"garmin/{GARMIN}", b'{"dailies": []}', {})

    assert (
        answer.status_code,
        "retry-after" in answer.headers,
        (await deliver(ingest, "whoop", b"{}", {})).status_code,
    ) == (503, True, 404)


async def test_any_sender_is_attached_without_code(site: Site) -> None:
    """
    A sender of Standard Webhooks that only the settings name: its own route, subject and secret.
    """
    settings: dict[str, Any] = {"AA_WEBHOOK_SENDERS": "clinic", "AA_CLINIC_WEBHOOK_SECRETS": CLINIC}
    ingest = await site.service("ingest", **settings).start().ready()
    body = b'{"type": "hrv", "data": []}'
    headers = standard_headers(CLINIC, "msg-1", body, datetime.now(UTC))
    answers = [await deliver(ingest, "clinic", content, headers) for content in (body, body, b"{}")]

    assert ([answer.status_code for answer in answers], await kept(site, "clinic")) == ([200, 200, 401], 1)
