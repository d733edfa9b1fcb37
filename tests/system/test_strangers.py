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
from support.webhooks import oura_headers

from athlete_ally.adapters.files.key_file import KeyFile, write_key_file
from athlete_ally.core.client_key import ClientKey, digest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="many addresses of loopback, and /proc, are Linux")

KEY, SECRET = "aak_known", "oura-client-secret"
WEBHOOK = "POST /webhooks/oura HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n"
BODY = b'{"event_type":"update"}'
UNSIGNED = b"POST /webhooks/oura HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
WRONG_KEY = (
    b"POST /api/v1/ingest/hrv HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer aak_wrong\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
)


@pytest.fixture(params=[3, pytest.param(60, marks=pytest.mark.slow)])
def seconds(request: pytest.FixtureRequest) -> float:
    """Return how long an attack lasts."""
    return float(request.param)


async def attacked(site: Site, tmp_path: Path, **settings: Any) -> Service:
    """Run ingest with a key and a secret."""
    keys = tmp_path / "keys.json"
    write_key_file(keys, KeyFile(keys=(ClientKey(name="app", sha256=digest(KEY), created="2026-11-20"),)))
    variables: dict[str, Any] = {
        "AA_INGEST_KEYS_FILE": str(keys),
        "AA_OURA_WEBHOOK_SECRETS": SECRET,
        "AA_HTTP_HEADERS_TIMEOUT_S": "1",
        "AA_HTTP_BODY_TIMEOUT_S": "2",
    }
    return await site.service("ingest", **variables, **settings).start().ready()


class Known:
    """Senders that have a key, or sign: one connection kept open for each, and a new one for every request."""

    def __init__(self, ingest: Service) -> None:
        """Send to this ingest."""
        self._url = ingest.url
        self._number = itertools.count()
        self.statuses: Counter[int] = Counter()

    async def send_for(self, seconds: float) -> None:
        """Send for so many seconds."""
        ends_at = asyncio.get_running_loop().time() + seconds
        senders = [self._reading, self._webhook]
        await asyncio.gather(*(self._send(send, ends_at, kept=kept) for send in senders for kept in (True, False)))

    async def _send(self, send: Any, ends_at: float, *, kept: bool) -> None:
        limits = httpx.Limits(max_keepalive_connections=1 if kept else 0)
        async with httpx.AsyncClient(trust_env=False, base_url=self._url, timeout=10, limits=limits) as client:
            while asyncio.get_running_loop().time() < ends_at:
                try:
                    self.statuses[(await send(client)).status_code] += 1
                except httpx.TransportError:
                    self.statuses[0] += 1

    async def _reading(self, client: httpx.AsyncClient) -> httpx.Response:
        reading = hrv_reading(f"u-{next(self._number)}")
        return await client.post("/api/v1/ingest/hrv", json=reading, headers={"Authorization": f"Bearer {KEY}"})

    async def _webhook(self, client: httpx.AsyncClient) -> httpx.Response:
        body = json.dumps({"event_type": "update", "object_id": f"o-{next(self._number)}"}).encode()
        return await client.post("/webhooks/oura", content=body, headers=oura_headers(SECRET, body, datetime.now(UTC)))


def strangers() -> Iterator[str]:
    """Return addresses that are not those of the known senders."""
    return itertools.cycle(f"127.0.1.{number}" for number in range(1, 9))


async def served_during(ingest: Service, conversation: Conversation, connections: int, seconds: float) -> Attack:
    """Attack for some seconds, and require that 99 % of the good requests are answered 2xx; return the attack."""
    attack, known = Attack(ingest.port, strangers()), Known(ingest)
    async with attack.of(conversation, connections):
        await known.send_for(seconds)
        watched = await ingest.status("/health")
    good = sum(count for status, count in known.statuses.items() if 200 <= status < 300)

    assert (good >= 0.99 * known.statuses.total() > 0, watched) == (True, 200), (known.statuses, attack.answers)
    return attack


async def refusals(ingest: Service) -> dict[str, float]:
    """Return the refusals that the series count, by cause."""
    lines = [line for line in (await ingest.metrics()).splitlines() if line.startswith("http_refusals_total{")]
    return {line.split('"')[1]: float(line.split()[-1]) for line in lines if not line.endswith(" 0.0")}


def rss_bytes(ingest: Service) -> int:
    """Return the memory that a service holds."""
    return int(Path(f"/proc/{ingest.pid}/statm").read_text(encoding="utf-8").split()[1]) * resource.getpagesize()


async def test_webhooks_that_arrive_byte_by_byte_take_no_room_from_others(
    site: Site, tmp_path: Path, seconds: float
) -> None:
    """
    280 sockets trickle a webhook: readings and signed webhooks of the same vendor are served, and the slow get 408.
    """
    ingest = await attacked(site, tmp_path)
    attack = await served_during(ingest, trickle(WEBHOOK), 280, seconds)

    assert attack.answers["408"] > 0
    assert "body-too-slow" in await refusals(ingest)
    assert '"cause": "body-too-slow"' in ingest.log


async def test_headers_without_end_are_cut_off(site: Site, tmp_path: Path, seconds: float) -> None:
    """
    Fifty sockets send headers for ever: each is answered 431 at the limit, and memory does not grow.
    """
    ingest = await attacked(site, tmp_path)
    before = rss_bytes(ingest)
    attack = await served_during(ingest, send_headers_without_end, 50, seconds)

    assert attack.answers["431"] + attack.answers["closed"] > 0
    assert rss_bytes(ingest) - before < 64 * 1024 * 1024
    assert "header-bytes" in await refusals(ingest)


async def test_connections_that_never_send_give_way(site: Site, tmp_path: Path, seconds: float) -> None:
    """
    Three times more silent connections than are allowed: the oldest give way to those that send.
    """
    ingest = await attacked(site, tmp_path, AA_HTTP_MAX_CONNECTIONS="100")
    await served_during(ingest, stay_silent, 300, seconds)

    assert {"connections"} <= set(await refusals(ingest))


async def test_silence_from_one_address_is_bounded_by_itself(site: Site, tmp_path: Path, seconds: float) -> None:
    """
    One address opens more connections than it may: only its own have to give way.
    """
    ingest = await attacked(site, tmp_path, AA_HTTP_MAX_CONNECTIONS_PER_ADDRESS="20")
    await served_during(ingest, stay_silent, 300, seconds)

    assert {"address-connections"} <= set(await refusals(ingest))


async def test_exhausted_descriptors_close_strangers_first(site: Site, tmp_path: Path, seconds: float) -> None:
    """
    The process may open 100 descriptors, and strangers open 300 connections: the known and health are answered.
    """
    ingest = await attacked(site, tmp_path)
    resource.prlimit(ingest.pid, resource.RLIMIT_NOFILE, (100, 100))
    await served_during(ingest, stay_silent, 300, seconds)
    limit = next(line for line in (await ingest.metrics()).splitlines() if line.startswith("http_connections_limit "))

    assert "connections" in await refusals(ingest)
    assert float(limit.split()[1]) < 100


@pytest.mark.parametrize("request_", [UNSIGNED, WRONG_KEY], ids=["unsigned-webhooks", "wrong-keys"])
async def test_a_flood_of_forged_requests_is_answered_401_and_no_more(
    site: Site, tmp_path: Path, seconds: float, request_: bytes
) -> None:
    """
    Forty connections send requests without a valid key or signature as fast as they can: 401, and few lines in the log.
    """
    ingest = await attacked(site, tmp_path)
    attack = await served_during(ingest, flood(request_), 40, seconds)

    assert {"401"} == set(attack.answers)
    assert len(ingest.log.splitlines()) < 200
