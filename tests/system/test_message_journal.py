"""The message journal of real services: what was answered 2xx outlives the loss of the broker's whole store."""

import asyncio
import json
import os
import shutil
import signal
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.samples import hrv_reading
from support.servers import Guard, Nats, new_nats
from support.services import Client, Service, Site
from support.streams import make_streams
from support.wait import eventually
from support.webhooks import terra_headers

from athlete_ally.adapters.nats.admin import NatsAdmin
from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.adapters.postgres.webhook_store import PostgresWebhookStore
from athlete_ally.core.broker.topology import VENDOR_HOT, Topology, unpack_durable
from athlete_ally.core.ports import Log
from athlete_ally.core.vendor.webhook_store import Account

TERRA = "terra-signing-secret"


def with_journal(site: Site, folder: Path) -> Site:
    """Return the site with a journal that a 2xx needs."""
    journal = {"AA_MESSAGE_JOURNAL": "required", "AA_MESSAGE_JOURNAL_DIR": str(folder / "journal")}
    site.environment |= {**journal, "AA_TERRA_WEBHOOK_SECRETS": TERRA}
    return site


async def make_anew(connection: Connection, topology: Topology) -> None:
    """Delete all streams with all that is in them, and make them again."""
    for stream in topology.streams:
        await connection.api(f"STREAM.DELETE.{stream.name}")
    await make_streams(connection, topology)


STEPS = ["before-append", "before-flush", "after-flush", "before-publish", "after-publish"]


@pytest.mark.parametrize("step", STEPS)
async def test_ingest_dies_at_any_step_and_the_streams_are_lost(
    site: Site, connection: Connection, topology: Topology, tmp_path: Path, step: str
) -> None:
    """
    Killed between append, flush, publish and answer, and started again on the same folder: what was answered 2xx is
    stored once after the streams were lost and the journal was replayed; a second replay finds nothing.
    """
    with_journal(site, tmp_path)
    dying = await site.service("ingest", dies=step).start().ready()
    current = dying
    client = Client(lambda: current.url)
    sending = asyncio.create_task(client.send(hrv_reading("anna")))
    await dying.exit_code()
    current = await site.service("ingest", port=dying.port).start().ready()
    await sending
    await client.send(hrv_reading("bert"))
    await make_anew(connection, topology)
    normalize = await site.service("normalize").start().ready()

    planned = await site.run("ingest", "replay", "--plan", "--json")
    replayed = await site.run("ingest", "replay", "--json")
    await site.balance(2, normalize)
    again = await site.run("ingest", "replay", "--json")

    assert (planned.code, replayed.code, again.code) == (2, 0, 0), planned.err + replayed.err + again.err
    assert (planned.document["lost"]["messages"], planned.document["published"]) == (2, 0)
    assert (replayed.document["published"], again.document["lost"]["messages"]) == (2, 0)
    assert await site.stored() == {"anna": 42, "bert": 42}


class Lost:
    """A broker of the test's own, whose store can be deleted."""

    def __init__(self, server: Nats, site: Site, topology: Topology) -> None:
        """Use this server."""
        self.server, self.site, self.topology = server, site, topology

    async def delete_the_store(self) -> None:
        """Kill the broker, delete all that it has on disk, start it, and make the streams again."""
        os.kill(self.server.pid, signal.SIGKILL)
        await eventually(self._is_gone)
        store = self.server.folder / "jetstream"
        assert store.is_dir(), list(self.server.folder.iterdir())
        shutil.rmtree(store)
        await asyncio.to_thread(self.server.start)

        async def made() -> bool:
            with suppress(Exception):
                return bool(await make_streams(self.site.connection, self.topology))
            return False

        await eventually(made)

    async def _is_gone(self) -> bool:
        with suppress(ProcessLookupError):
            os.kill(self.server.pid, 0)
            return False
        return True


@pytest.fixture
async def lost(  # fixtures
    guard: Guard, topology: Topology, log: Log, database_url: str, pool: Any, tmp_path: Path
) -> AsyncGenerator[Lost]:
    """Give the test a broker that nobody else uses."""
    server = await asyncio.to_thread(new_nats, guard)
    connection = Connection(server.url, name="test", log=log)
    await connection.open()
    await make_streams(connection, topology)
    site = with_journal(Site(server.url, database_url, connection, pool, tmp_path), tmp_path)
    yield Lost(server, site, topology)
    site.close()
    await connection.close()
    with suppress(ProcessLookupError):
        os.kill(server.pid, signal.SIGTERM)


class Load:
    """Sends readings, one by one and in batches, and webhooks, until told to stop; remembers what was answered 2xx."""

    def __init__(self, services: list[Service]) -> None:
        """Send to these by turns."""
        self._services = services
        self.people: set[str] = set()
        self.webhooks: set[str] = set()
        self.statuses: set[int] = set()
        self.stop = asyncio.Event()

    async def run(self) -> None:
        """Send until stopped; what is not answered 2xx is sent again, as clients and vendors do."""
        async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
            await asyncio.gather(
                *(self._readings(client, sender, size) for sender, size in enumerate((1, 1, 1, 20))),
                *(self._webhooks(client, sender) for sender in range(2)),
            )

    async def _readings(self, client: httpx.AsyncClient, sender: int, size: int) -> None:
        service = self._services[sender % len(self._services)]
        number = 0
        while not self.stop.is_set():
            people = [f"u{sender}-{number}-{item}" for item in range(size)]
            body = [hrv_reading(person) for person in people]
            await self._until_taken(lambda: client.post(f"{service.url}/ingest/hrv", json=body))  # noqa: B023  # awaited
            self.people.update(people)
            number += 1

    async def _webhooks(self, client: httpx.AsyncClient, sender: int) -> None:
        service = self._services[sender % len(self._services)]
        number = 0
        while not self.stop.is_set():
            person = f"t{sender}-{number}"
            body = terra_daily(person)

            async def post(body: bytes = body) -> httpx.Response:
                signed = terra_headers(TERRA, body, datetime.now(UTC))
                return await client.post(f"{service.url}/webhooks/terra", content=body, headers=signed)

            await self._until_taken(post)
            self.webhooks.add(person)
            number += 1

    async def _until_taken(self, post: Callable[[], Any]) -> None:
        while True:
            try:
                answer = await post()
            except httpx.TransportError:
                self.statuses.add(0)
            else:
                self.statuses.add(answer.status_code)
                if answer.is_success:
                    return
            await asyncio.sleep(0.05)


def terra_daily(person: str) -> bytes:
    """Return a webhook of Terra's with one person's weight, different for each person."""
    at = {"start_time": "2026-11-24T00:00:00+01:00", "end_time": "2026-11-25T00:00:00+01:00"}
    weight = {"measurement_time": "2026-11-24T06:50:00+01:00", "weight_kg": 71.4}
    data = [{"metadata": at, "measurements_data": {"measurements": [weight]}}]
    return json.dumps({"type": "body", "user": {"user_id": person, "provider": "WITHINGS"}, "data": data}).encode()


@pytest.mark.skipif(sys.platform == "win32", reason="the faults are made with POSIX signals")
async def test_the_whole_store_of_the_broker_is_deleted_under_load(lost: Lost) -> None:
    """
    Two ingest processes on one folder take readings and webhooks while workers are behind; the broker is killed and its
    JetStream directory deleted; the streams are made anew, and the senders go on. After `ingest replay` every reading
    and webhook that was answered 2xx is stored, once; the ledger is 0, and a second replay finds nothing.
    """
    site = lost.site
    accounts = [f"t{sender}-{number}" for sender in range(2) for number in range(3000)]
    await PostgresWebhookStore(site.pool).link([Account("terra", each, each) for each in accounts])
    ingests = [await site.service("ingest").start().ready() for _ in range(2)]
    normalize = await site.service("normalize").start().ready()
    load = Load(ingests)
    sending = asyncio.create_task(load.run())
    await eventually(lambda: _is(lambda: len(load.people) > 100 and len(load.webhooks) > 20))
    os.kill(normalize.pid, signal.SIGSTOP)
    before = len(load.people)
    await eventually(lambda: _is(lambda: len(load.people) > before + 100))
    await lost.delete_the_store()
    os.kill(normalize.pid, signal.SIGCONT)
    before = len(load.people)
    await eventually(lambda: _is(lambda: len(load.people) > before + 100), within_s=40)
    replayed = await site.run("ingest", "replay", "--json")
    load.stop.set()
    await sending
    await normalize.ready()
    await eventually(lambda: _webhooks_are_settled(site), within_s=60)
    # A webhook that Terra had to send twice may be two versions of one record: by when it came.
    versions = (await site.totals())["readings"] - len(load.people) - len(load.webhooks)
    await site.balance(len(load.people) + len(load.webhooks) + versions, normalize)
    again = await site.run("ingest", "replay", "--plan", "--json")

    assert (replayed.code, again.code, again.document["lost"]) == (
        0,
        0,
        {"messages": 0, "readings": 0, "webhooks": 0},
    ), replayed.err + again.err
    assert replayed.document["lost"]["readings"] > 50
    assert set(await site.stored()) == load.people
    rows = await site.pool.fetch("SELECT user_id, count(*) FROM body_data GROUP BY user_id")
    assert {row["user_id"]: row["count"] for row in rows} == dict.fromkeys(load.webhooks, 1)
    assert load.statuses <= {0, 200, 202, 503}


async def _is(condition: Callable[[], bool]) -> bool:
    return condition()


async def _webhooks_are_settled(site: Site) -> bool:
    live = await NatsAdmin(site.connection).durable(VENDOR_HOT, unpack_durable("terra"))
    return live is not None and (live.pending, live.ack_pending) == (0, 0)
