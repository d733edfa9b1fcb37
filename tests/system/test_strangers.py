"""Strangers attack ingest: who has a key or a signature is served meanwhile, and the attack is bounded and visible."""

import asyncio
import itertools
import json
import resource
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.attacks import Attack, Conversation, flood, send_headers_without_end, stay_silent, trickle
from support.samples import hrv_reading
from support.services import Service, Site
from support.wait import eventually
from support.webhooks import oura_headers

from athlete_ally.adapters.files.key_file import KeyFile, write_key_file
from athlete_ally.core.client_key import ClientKey, digest
from athlete_ally.core.http_limits import HttpCause

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="many addresses of loopback, and /proc, are Linux")

KEY, SECRET = "aak_known", "oura-client-secret"
WEBHOOK = "POST /webhooks/oura HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n"
BODY = b'{"event_type":"update"}'
UNSIGNED = b"POST /webhooks/oura HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
WRONG_KEY = (
    b"POST /api/v1/ingest/hrv HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer aak_wrong\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
)


# Of each known sender, during an attack.
REQUESTS = 100


async def attacked(site: Site, tmp_path: Path, **settings: Any) -> Service:
    """Run ingest with a key and a secret."""
    keys = tmp_path / "keys.json"
    write_key_file(keys, KeyFile(keys=(ClientKey(name="app", sha256=digest(KEY), created="2026-11-20"),)))
    variables: dict[str, Any] = {
        "AA_INGEST_KEYS_FILE": str(keys),
        "AA_OURA_WEBHOOK_SECRETS": SECRET,
    }
    return await site.service("ingest", **variables, **settings).start().ready()


class Known:
    """Senders that have a key, or sign: one connection kept open for each, and a new one for every request."""

    def __init__(self, ingest: Service) -> None:
        """Send to this ingest."""
        self._url = ingest.url
        self._number = itertools.count()
        self.answers: Counter[str] = Counter()

    async def send(self, number: int) -> None:
        """Send so many requests over each connection that is kept, and a fifth of them over connections of their own.

        A new connection waits behind those of strangers, for up to a second. One that is closed before the request has
        arrived, because this machine was busy, is opened once more, as clients do.
        """
        senders = [self._reading, self._webhook]
        await asyncio.gather(
            *(self._send(send, number, kept=True) for send in senders),
            *(self._send(send, number // 5, kept=False) for send in senders),
        )

    async def _send(self, send: Any, number: int, *, kept: bool) -> None:
        limits = httpx.Limits(max_keepalive_connections=1 if kept else 0)
        async with httpx.AsyncClient(trust_env=False, base_url=self._url, timeout=10, limits=limits) as client:
            for _ in range(number):
                self.answers[await self._answer(send, client, tries=2)] += 1

    async def _answer(self, send: Any, client: httpx.AsyncClient, tries: int) -> str:
        try:
            return str((await send(client)).status_code)
        except httpx.TransportError as error:
            return await self._answer(send, client, tries - 1) if tries > 1 else type(error).__name__

    async def _reading(self, client: httpx.AsyncClient) -> httpx.Response:
        reading = hrv_reading(f"u-{next(self._number)}")
        return await client.post("/api/v1/ingest/hrv", json=reading, headers={"Authorization": f"Bearer {KEY}"})

    async def _webhook(self, client: httpx.AsyncClient) -> httpx.Response:
        body = json.dumps({"event_type": "update", "object_id": f"o-{next(self._number)}"}).encode()
        return await client.post("/webhooks/oura", content=body, headers=oura_headers(SECRET, body, datetime.now(UTC)))


def strangers() -> Iterator[str]:
    """Return addresses that are not those of the known senders."""
    return itertools.cycle(f"127.0.1.{number}" for number in range(1, 9))


async def served_during(ingest: Service, conversation: Conversation, connections: int, *causes: HttpCause) -> Attack:
    """Attack until the known have sent their requests, and strangers were refused for each of the causes.

    Requires that 99 % of the good requests are answered 2xx; returns the attack.
    """
    attack, known = Attack(ingest.port, strangers()), Known(ingest)

    async def are_refused() -> bool:
        return set(causes) <= set(await refusals(ingest))

    async with attack.of(conversation, connections):
        await known.send(REQUESTS)
        watched = await ingest.status("/health")
        await eventually(are_refused)
    good = sum(count for answer, count in known.answers.items() if answer.startswith("2"))

    assert (good >= 0.99 * known.answers.total() > 0, watched) == (True, 200), (known.answers, attack.answers)
    assert all(f'"cause": "{cause}"' in ingest.log for cause in causes)
    return attack


async def refusals(ingest: Service) -> dict[str, float]:
    """Return the refusals that the series count, by cause."""
    lines = [line for line in (await ingest.metrics()).splitlines() if line.startswith("http_refusals_total{")]
    return {line.split('"')[1]: float(line.split()[-1]) for line in lines if not line.endswith(" 0.0")}


def rss_bytes(ingest: Service) -> int:
    """Return the memory that a service holds."""
    return int(Path(f"/proc/{ingest.pid}/statm").read_text(encoding="utf-8").split()[1]) * resource.getpagesize()


async def test_webhooks_that_arrive_byte_by_byte_take_no_room_from_others(site: Site, tmp_path: Path) -> None:
    """
    280 sockets trickle a webhook: readings and signed webhooks of the same vendor are served, and the slow get 408.
    """
    ingest = await attacked(site, tmp_path, AA_HTTP_BODY_TIMEOUT_S="2")
    attack = await served_during(ingest, trickle(WEBHOOK), 280, "body-too-slow")

    assert attack.answers["408"] > 0


async def test_headers_without_end_are_cut_off(site: Site, tmp_path: Path) -> None:
    """
    Fifty sockets send headers for ever: each is answered 431 at the limit, and memory does not grow.
    """
    ingest = await attacked(site, tmp_path)
    before = rss_bytes(ingest)
    attack = await served_during(ingest, send_headers_without_end, 50, "header-bytes")

    assert attack.answers["431"] + attack.answers["closed"] > 0
    assert rss_bytes(ingest) - before < 64 * 1024 * 1024


async def test_connections_that_never_send_give_way(site: Site, tmp_path: Path) -> None:
    """
    Three times more silent connections than are allowed: the oldest give way to those that send.
    """
    ingest = await attacked(site, tmp_path, AA_HTTP_MAX_CONNECTIONS="100")
    await served_during(ingest, stay_silent, 300, "connections")


async def test_silence_from_one_address_is_bounded_by_itself(site: Site, tmp_path: Path) -> None:
    """
    One address opens more connections than it may: only its own have to give way.
    """
    ingest = await attacked(site, tmp_path, AA_HTTP_MAX_CONNECTIONS_PER_ADDRESS="20")
    await served_during(ingest, stay_silent, 200, "address-connections")


async def test_exhausted_descriptors_close_strangers_first(site: Site, tmp_path: Path) -> None:
    """
    The process may open 160 descriptors, and strangers open 300 connections: the known and health are answered.
    """
    ingest = await attacked(site, tmp_path)
    resource.prlimit(ingest.pid, resource.RLIMIT_NOFILE, (160, 160))
    await served_during(ingest, stay_silent, 300, "connections")
    limit = next(line for line in (await ingest.metrics()).splitlines() if line.startswith("http_connections_limit "))

    assert float(limit.split()[1]) < 160


@pytest.mark.parametrize("request_", [UNSIGNED, WRONG_KEY], ids=["unsigned-webhooks", "wrong-keys"])
async def test_a_flood_of_forged_requests_is_answered_401_and_no_more(
    site: Site, tmp_path: Path, request_: bytes
) -> None:
    """
    Forty connections send requests without a valid key or signature as fast as they can: 401, and few lines in the log.
    """
    ingest = await attacked(site, tmp_path)
    attack = await served_during(ingest, flood(request_), 40)

    assert {"401"} == set(attack.answers)
    assert len(ingest.log.splitlines()) < 200
