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
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from support.cluster import Member, start_cluster
from support.samples import hrv_reading
from support.servers import Guard
from support.services import Client, Service, Site
from support.streams import make_streams
from support.wait import eventually
from support.webhooks import terra_headers

from athlete_ally.adapters.files.change_log_file import NoChangeLog
from athlete_ally.adapters.nats.admin import NatsAdmin
from athlete_ally.adapters.nats.broker import NatsBroker
from athlete_ally.adapters.nats.connection import ApiError, Connection
from athlete_ally.adapters.postgres.receipts import PostgresReceipts
from athlete_ally.adapters.postgres.webhook_store import PostgresWebhookStore
from athlete_ally.core.broker.topology import DEV, VENDOR_HOT, Topology, build_topology, unpack_durable
from athlete_ally.core.errors import Unavailable
from athlete_ally.core.ports import Log
from athlete_ally.core.vendor.webhook_store import Account
from athlete_ally.measurements import KINDS
from athlete_ally.ops.streams.provision import provision
from athlete_ally.vendors import FETCHED, VENDORS

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
    """Three servers of the test's own, whose stores can be deleted."""

    def __init__(self, members: dict[str, Member], site: Site) -> None:
        """Use these servers."""
        self.members, self.site = members, site
        limits = {name: msgspec.structs.replace(each, replicas=3) for name, each in DEV.streams.items()}
        self.spec = msgspec.structs.replace(DEV, streams=limits)
        self.topology = build_topology(KINDS, VENDORS, self.spec, fetched=FETCHED)

    async def delete_the_stores(self) -> None:
        """Kill all servers, delete all that they have on disk, start them, and make the streams again."""
        for member in self.members.values():
            os.kill(member.pid, signal.SIGKILL)
        for member in self.members.values():
            await eventually(partial(_is_gone, member))
            store = member.store / "jetstream"
            assert store.is_dir(), list(member.store.iterdir())
            shutil.rmtree(store)
        for member in self.members.values():
            await asyncio.to_thread(member.start)
        await self.make_streams()

    async def make_streams(self) -> None:
        """Make all streams, with three replicas, once the servers have elected a leader."""

        async def made() -> bool:
            broker = NatsBroker(self.site.connection)
            with suppress(ApiError, Unavailable):
                return bool(await provision(broker, self.spec, self.topology, NoChangeLog(), datetime.now(UTC)))
            return False

        await eventually(made, within_s=60)


async def _is_gone(member: Member) -> bool:
    with suppress(ProcessLookupError):
        os.kill(member.pid, 0)
        return False
    return True


@pytest.fixture
async def lost(  # fixtures
    guard: Guard, log: Log, database_url: str, pool: Any, tmp_path: Path
) -> AsyncGenerator[Lost]:
    """Give the test brokers that nobody else uses."""
    members = await asyncio.to_thread(start_cluster, guard, (), (), ())
    urls = ",".join(each.url for each in members.values())
    connection = Connection(urls, name="test", log=log)
    await connection.open()
    site = with_journal(Site(urls, database_url, connection, pool, tmp_path), tmp_path)
    lost = Lost(members, site)
    await lost.make_streams()
    yield lost
    site.close()
    await connection.close()
    for member in members.values():
        with suppress(ProcessLookupError):
            os.kill(member.pid, signal.SIGKILL)


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


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="the faults are made with POSIX signals")
async def test_the_stores_of_all_servers_are_deleted_under_load(lost: Lost) -> None:
    """
    Two ingest processes on one folder take readings and webhooks while workers are behind; all three servers are killed
    and their JetStream directories deleted; the streams are made anew, and the senders go on. After `ingest replay`
    every reading and webhook that was answered 2xx is stored, once; the ledger is 0, and a second replay finds nothing.
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
    await lost.delete_the_stores()
    os.kill(normalize.pid, signal.SIGCONT)
    before = len(load.people)
    await eventually(lambda: _is(lambda: len(load.people) > before + 100), within_s=40)
    replayed = await site.run("ingest", "replay", "--json")
    load.stop.set()
    await sending
    await normalize.ready()
    await eventually(lambda: _webhooks_are_settled(site), within_s=60)
    await eventually(site.is_settled, within_s=60)
    totals = await PostgresReceipts(site.pool).totals()
    once = {kind: figures["readings"] - figures["duplicate"] for kind, figures in totals.items()}
    await site.balance(sum(once.values()), normalize)
    again = await site.run("ingest", "replay", "--plan", "--json")

    assert (replayed.code, again.code, again.document["lost"]) == (
        0,
        0,
        {"messages": 0, "readings": 0, "webhooks": 0},
    ), replayed.err + again.err
    assert replayed.document["lost"]["readings"] > 50
    assert once["hrv"] == len(load.people)
    # A webhook that Terra had to send twice may be two versions of one record: by when it came.
    assert once["body"] >= len(load.webhooks)
    assert set(await site.stored()) == load.people
    rows = await site.pool.fetch("SELECT user_id, count(*) FROM body_data GROUP BY user_id")
    assert {row["user_id"]: row["count"] for row in rows} == dict.fromkeys(load.webhooks, 1)
    assert load.statuses <= {0, 200, 202, 503}


async def _is(condition: Callable[[], bool]) -> bool:
    return condition()


async def _webhooks_are_settled(site: Site) -> bool:
    live = await NatsAdmin(site.connection).durable(VENDOR_HOT, unpack_durable("terra"))
    return live is not None and (live.pending, live.ack_pending) == (0, 0)
