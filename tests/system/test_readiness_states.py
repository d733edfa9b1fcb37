"""Every state of the table in docs/reference/http.md, brought about on real servers under real services."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.cluster import start_cluster
from support.freeze import freeze, signal_all
from support.readiness import OF_FETCH, SERVICES, assert_documented, documented
from support.servers import Guard
from support.services import Service, Site
from support.streams import make_streams
from support.wait import eventually
from support.webhooks import SAMPLES
from support.world import World

from athlete_ally.adapters.files.change_log_file import NoChangeLog
from athlete_ally.adapters.nats.admin import NatsAdmin
from athlete_ally.adapters.nats.broker import NatsBroker
from athlete_ally.adapters.nats.connection import ApiError, Connection
from athlete_ally.adapters.nats.publisher import NatsPublisher
from athlete_ally.adapters.postgres.webhook_store import PostgresWebhookStore
from athlete_ally.core.broker.environment import Placement
from athlete_ally.core.broker.topology import (
    CORE_HOT,
    DEV,
    VENDOR_HOT,
    build_topology,
    fetch_durable,
    normalize_durable,
    webhook_subject,
)
from athlete_ally.core.errors import Unavailable
from athlete_ally.core.messages.message import OutgoingMessage
from athlete_ally.core.ports import Log
from athlete_ally.core.vendor.webhook_store import Account
from athlete_ally.measurements import KINDS
from athlete_ally.ops.streams.provision import provision
from athlete_ally.vendors import FETCHED, VENDORS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the faults are made with POSIX signals and /proc")

NOTHING = "everything works"


async def start(site: Site) -> Sequence[Service]:
    """Start all services of the table, and return them once they are ready."""
    services = [site.service(name, **OF_FETCH).start() for name in SERVICES]
    await assert_documented(NOTHING, services, within_s=60)
    return services


@asynccontextmanager
async def nats_down(world: World) -> AsyncGenerator[None]:
    """Kill nats-server."""
    os.kill(world.nats.pid, signal.SIGKILL)
    yield
    await asyncio.to_thread(world.nats.start)


@asynccontextmanager
async def nats_stopped(world: World) -> AsyncGenerator[None]:
    """Stop nats-server as a machine does that has no time for it."""
    await freeze(world.nats.pid)
    yield
    os.kill(world.nats.pid, signal.SIGCONT)


def stream_full(name: str) -> Callable[[World], AbstractAsyncContextManager[None]]:
    """Return what leaves no room for another message."""

    @asynccontextmanager
    async def full(world: World) -> AsyncGenerator[None]:
        live = await NatsAdmin(world.site.connection).stream(name)
        assert live is not None
        await world.site.connection.api(f"STREAM.UPDATE.{name}", {**live.config, "max_bytes": 100})
        yield
        await world.site.connection.api(f"STREAM.UPDATE.{name}", dict(live.config))

    return full


@asynccontextmanager
async def webhooks_wait(world: World) -> AsyncGenerator[None]:
    """Leave no room for the readings of a webhook."""
    await PostgresWebhookStore(world.site.pool).link([Account("garmin", "g-1", "anna")])
    samples = json.loads((SAMPLES / "garmin.json").read_text(encoding="utf-8"))
    body = json.dumps(samples[0]["payload"]).encode()
    webhook = OutgoingMessage(VENDOR_HOT, webhook_subject("garmin"), body, "garmin-1", {})
    async with stream_full(CORE_HOT)(world):
        await NatsPublisher(world.site.connection, timeout_s=5).publish(webhook)
        yield


@asynccontextmanager
async def stream_missing(world: World) -> AsyncGenerator[None]:
    """Delete the stream of webhooks, with its durables."""
    await world.site.connection.api(f"STREAM.DELETE.{VENDOR_HOT}")
    yield
    await make_streams(world.site.connection, world.topology)


@asynccontextmanager
async def durable_missing(world: World) -> AsyncGenerator[None]:
    """Delete a durable."""
    await world.site.connection.api(f"CONSUMER.DELETE.{CORE_HOT}.{normalize_durable('hrv')}")
    yield
    await make_streams(world.site.connection, world.topology)


def durable_paused(stream: str, name: str) -> Callable[[World], AbstractAsyncContextManager[None]]:
    """Return what pauses a durable."""

    @asynccontextmanager
    async def paused(world: World) -> AsyncGenerator[None]:
        subject = f"CONSUMER.PAUSE.{stream}.{name}"
        await world.site.connection.api(subject, {"pause_until": "2100-01-01T00:00:00Z"})
        yield
        await world.site.connection.api(subject, {})

    return paused


@asynccontextmanager
async def postgres_down(world: World) -> AsyncGenerator[None]:
    """Kill PostgreSQL."""
    os.kill(world.postgres.pid, signal.SIGKILL)
    yield
    await world.postgres.start_again()


@asynccontextmanager
async def postgres_stopped(world: World) -> AsyncGenerator[None]:
    """Stop PostgreSQL and each of its sessions."""
    signal_all(world.postgres.pid, signal.SIGSTOP)
    yield
    signal_all(world.postgres.pid, signal.SIGCONT)


@asynccontextmanager
async def postgres_read_only(world: World) -> AsyncGenerator[None]:
    """Let sessions of the database be read-only, those that are open, too."""
    await world.site.say("ALTER SYSTEM SET default_transaction_read_only = on")
    await world.site.say("SELECT pg_reload_conf()")
    yield
    await world.site.say("ALTER SYSTEM RESET default_transaction_read_only")
    await world.site.say("SELECT pg_reload_conf()")


STATES: dict[str, Callable[[World], AbstractAsyncContextManager[None]]] = {
    "NATS is down": nats_down,
    "NATS does not answer": nats_stopped,
    "AA_CORE_HOT is full": stream_full(CORE_HOT),
    "AA_CORE_HOT is full, and webhooks wait": webhooks_wait,
    "AA_VENDOR_HOT is full": stream_full(VENDOR_HOT),
    "AA_VENDOR_HOT is missing": stream_missing,
    "a durable of normalize is missing": durable_missing,
    "a durable of normalize is paused": durable_paused(CORE_HOT, normalize_durable("hrv")),
    "a durable of fetch is paused": durable_paused(VENDOR_HOT, fetch_durable("oura")),
    "PostgreSQL is down": postgres_down,
    "PostgreSQL does not answer": postgres_stopped,
    "PostgreSQL is read-only": postgres_read_only,
}
# Staged where a small file system and a cluster are.
ELSEWHERE = {NOTHING, "NATS has no space on its disk, and readings wait", "AA_CORE_HOT has no leader"}


async def test_probes_are_answered_as_the_docs_say(world: World) -> None:
    """
    In each state each service answers what the table says, and all are ready again by themselves when it is over.
    """
    assert documented().keys() == {*STATES, *ELSEWHERE}
    services = await start(world.site)
    for state, bring_about in STATES.items():
        async with bring_about(world):
            await assert_documented(state, services)
        await assert_documented(NOTHING, services, within_s=60)


async def test_a_stream_without_a_leader_is_not_ready(
    guard: Guard, log: Log, database_url: str, pool: Any, tmp_path: Path
) -> None:
    """
    Two of the three servers that hold the stream of readings die, of five in all: ingest and normalize say so until
    they are back; fetch, whose stream lies elsewhere, works on.
    """
    tags = (("core",), ("core",), ("core", "others"), ("others",), ("others",))
    members = await asyncio.to_thread(start_cluster, guard, *tags)
    connection = Connection(",".join(each.url for each in members.values()), name="test", log=log)
    await connection.open()
    site = Site(",".join(each.url for each in members.values()), database_url, connection, pool, tmp_path)
    try:
        await _make_replicated(connection)
        services = await start(site)
        for name in ("n1", "n2"):
            os.kill(members[name].pid, signal.SIGKILL)
        await assert_documented("AA_CORE_HOT has no leader", services, within_s=60)
        for name in ("n1", "n2"):
            await asyncio.to_thread(members[name].start)
        await assert_documented(NOTHING, services, within_s=60)
    finally:
        site.close()
        await connection.close()
        for member in members.values():
            with suppress(ProcessLookupError):
                os.kill(member.pid, signal.SIGKILL)


async def _make_replicated(connection: Connection) -> None:
    limits = {
        name: msgspec.structs.replace(
            each, replicas=3, placement=Placement(tags=("core" if name == CORE_HOT else "others",))
        )
        for name, each in DEV.streams.items()
    }
    spec = msgspec.structs.replace(DEV, streams=limits)
    topology = build_topology(KINDS, VENDORS, spec, fetched=FETCHED)

    async def made() -> bool:
        try:
            await provision(NatsBroker(connection), spec, topology, NoChangeLog(), datetime.now(UTC))
        except (ApiError, Unavailable):
            return False
        return True

    await eventually(made, within_s=60)
