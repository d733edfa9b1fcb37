"""Outages out of incident reports, brought about on real servers: `doctor` names each cause, and exits with 2."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import httpx
import msgspec
import pytest
from support.cluster import start_cluster
from support.freeze import freeze
from support.samples import hrv_reading
from support.servers import Guard, Nats, new_nats
from support.services import Client, Service
from support.wait import eventually
from support.world import World

from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.adapters.nats.monitor import ask_cluster
from athlete_ally.adapters.nats.publisher import NatsPublisher
from athlete_ally.core.broker.environment import Thresholds
from athlete_ally.core.broker.server_facts import Cluster
from athlete_ally.core.broker.topology import (
    CORE_HOT,
    DEV,
    Topology,
    build_topology,
    normalize_durable,
    raw_subject,
)
from athlete_ally.core.messages import headers
from athlete_ally.core.messages.message import OutgoingMessage
from athlete_ally.core.ports import Log
from athlete_ally.measurements import KINDS
from athlete_ally.ops.doctor.finding import Check
from athlete_ally.ops.doctor.servers import check_servers
from athlete_ally.vendors import FETCHED, VENDORS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the faults are made with POSIX signals")

HRV = normalize_durable("hrv")
# Nobody waits five minutes in a test until a message is late.
LATE_S = 2
DEV_FILE = (Path(__file__).parents[2] / "deploy/environments/dev.toml").read_text("utf-8")


@dataclass(frozen=True, slots=True)
class Stage:
    """Servers, the two services on them, and a doctor who knows where they are."""

    world: World
    ingest: Service
    normalize: Service
    folder: Path

    async def doctor(self) -> tuple[int, list[Check]]:
        """Run `doctor`; return its exit code and what it found."""
        limits = self.folder / "limits.toml"
        late = f"consumer_lag_age_s = {LATE_S}"
        limits.write_text(DEV_FILE.replace("consumer_lag_age_s = 300", late), encoding="utf-8")
        told = {
            "AA_INGEST_URL": self.ingest.url,
            "AA_NORMALIZE_URL": self.normalize.url,
            "AA_NATS_MONITOR_URL": self.world.nats.monitor_url,
            "AA_ENVIRONMENT_FILE": str(limits),
        }
        path = self.folder / "doctor.env"
        path.write_text("".join(f"{name}={value}\n" for name, value in told.items()), encoding="utf-8")
        outcome = await self.world.site.run("doctor", "--json", "--env-file", str(path))
        checks = [Check(**each) for each in outcome.document["checks"]]
        return outcome.code, [check for check in checks if check.status != "ok"]

    async def is_well(self) -> bool:
        """Tell whether nothing is found."""
        return await self.doctor() == (0, [])


@pytest.fixture
def topology() -> Topology:
    """Give streams and durables with our own limit of lag."""
    spec = msgspec.structs.replace(DEV, thresholds=Thresholds(consumer_lag_age_s=LATE_S))
    return build_topology(KINDS, VENDORS, spec, fetched=FETCHED)


@pytest.fixture
async def stage(world: World, tmp_path: Path) -> Stage:
    """Give a world in which everything works."""
    return Stage(world, *await _services(world), tmp_path)


async def _services(world: World) -> tuple[Service, Service]:
    ingest = await world.site.service("ingest").start().ready()
    return ingest, await world.site.service("normalize", AA_FUSE_PROBE_AFTER_S="0.5").start().ready()


Incident = Callable[[Stage], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def breaker_tripped(stage: Stage) -> AsyncGenerator[None]:
    """Let the database refuse every reading of two senders, as after a bad deploy."""
    site = stage.world.site
    await site.say("ALTER TABLE hrv_data ADD CONSTRAINT broken CHECK (rmssd_ms < 0) NOT VALID")
    publisher = NatsPublisher(site.connection, timeout_s=5)
    for number in range(60):
        body = json.dumps({"readings": [hrv_reading(f"u{number}")]}).encode()
        stated = {headers.READINGS: "1", headers.SENDER: f"key:{number % 2}"}
        await publisher.publish(OutgoingMessage(CORE_HOT, raw_subject("hrv"), body, f"of-{number}", stated))
    yield
    await site.say("ALTER TABLE hrv_data DROP CONSTRAINT broken")
    await Client(lambda: stage.ingest.url).send(hrv_reading("after-the-fix"))


@asynccontextmanager
async def read_only(stage: Stage) -> AsyncGenerator[None]:
    """Let PostgreSQL take no writes."""
    site = stage.world.site
    await site.say("ALTER SYSTEM SET default_transaction_read_only = on")
    await site.say("SELECT pg_reload_conf()")
    yield
    await site.say("ALTER SYSTEM RESET default_transaction_read_only")
    await site.say("SELECT pg_reload_conf()")


@asynccontextmanager
async def blocked(stage: Stage) -> AsyncGenerator[None]:
    """Let a report lock the table of HRV and forget it."""
    report = await asyncpg.connect(stage.world.site.database_url, server_settings={"application_name": "long-report"})
    transaction = report.transaction()
    await transaction.start()
    await report.execute("LOCK TABLE hrv_data IN EXCLUSIVE MODE")
    await Client(lambda: stage.ingest.url).send(hrv_reading("waits"))
    yield
    await transaction.rollback()
    await report.close()


@asynccontextmanager
async def normalize_hangs(stage: Stage) -> AsyncGenerator[None]:
    """Stop normalize as a machine does that has no time for it, while a reading waits."""
    await freeze(stage.normalize.pid)
    await Client(lambda: stage.ingest.url).send(hrv_reading("unheard"))
    yield
    os.kill(stage.normalize.pid, signal.SIGCONT)


@asynccontextmanager
async def ingest_gone(stage: Stage) -> AsyncGenerator[None]:
    """Kill ingest."""
    stage.ingest.kill()
    yield
    await stage.ingest.start().ready()


@asynccontextmanager
async def payload_limit(stage: Stage) -> AsyncGenerator[None]:
    """Let the server take smaller messages than our streams: ingest answers 503, and never blames the sender."""
    nats, reading = stage.world.nats, {**hrv_reading("long"), "raw": "x" * 100_000}
    configuration = nats.folder / "nats.conf"
    text = configuration.read_text(encoding="utf-8")
    configuration.write_text(f"max_payload: 65536\n{text}", encoding="utf-8")
    await _restart(nats)
    await stage.ingest.ready()
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(f"{stage.ingest.url}/api/v1/ingest/hrv", json=reading)
    assert (answer.status_code, "max_payload of the NATS server is 65536" in answer.json()["detail"]) == (503, True)
    assert 'ingest_refusals_total{cause="payload-limit"} 1.0' in await stage.ingest.metrics()
    yield
    configuration.write_text(text, encoding="utf-8")
    await _restart(nats)
    await Client(lambda: stage.ingest.url).send(reading)


async def _restart(nats: Nats) -> None:
    os.kill(nats.pid, signal.SIGKILL)
    await asyncio.to_thread(nats.start)


@dataclass(frozen=True, slots=True)
class Named:
    """What `doctor` says of an incident: the check, words of its text, and words of its remedy."""

    check: str
    status: str
    words: str
    remedy: str


INCIDENTS: list[tuple[Incident, list[Named]]] = [
    (
        breaker_tripped,
        [Named("normalize", "failure", "normalize stopped storing hrv at", "dlq top")],
    ),
    (
        read_only,
        [
            Named("writes", "failure", "transaction_read_only", "RESET default_transaction_read_only"),
            Named("normalize", "failure", "PostgreSQL is read-only", "PostgreSQL"),
        ],
    ),
    (
        blocked,
        [
            Named("blocked sessions", "failure", "a lock on hrv_data, held by pid", "pg_terminate_backend"),
            Named("blocked sessions", "failure", "(long-report)", "pg_terminate_backend"),
            Named("lag", "failure", f"{HRV}: 1 messages wait, the oldest for", "AaConsumerLagAge"),
        ],
    ),
    (
        normalize_hangs,
        [
            Named("normalize", "unknown", "ReadTimeout", "AA_NORMALIZE_URL"),
            Named("lag", "unknown", f"{HRV}: 1 messages wait", "start normalize"),
        ],
    ),
    (payload_limit, [Named("max_payload", "failure", "65536 bytes", "max_payload: 1048576")]),
    (ingest_gone, [Named("ingest", "unknown", "ConnectError", "start ingest")]),
]


async def test_doctor_names_the_cause(stage: Stage) -> None:
    """
    In each incident `doctor` exits with 2 and names lane, cause and remedy; before and after it finds nothing.
    """
    await eventually(stage.is_well)
    for bring_about, named in INCIDENTS:
        async with bring_about(stage):
            await _named(stage, named)
        await eventually(stage.is_well, within_s=60)


async def _named(stage: Stage, named: list[Named]) -> None:
    """Return once `doctor` names all this."""
    code, found = 0, list[Check]()

    async def is_named() -> bool:
        nonlocal code, found
        code, found = await stage.doctor()
        return code == 2 and all(any(_says(check, each) for check in found) for each in named)

    try:
        await eventually(is_named, within_s=60)
    except AssertionError as error:
        raise AssertionError(f"{named} not among {found}, exit code {code}") from error


def _says(check: Check, named: Named) -> bool:
    return (check.name, check.status) == (named.check, named.status) and (
        named.words in check.detail and named.remedy in check.remedy
    )


async def test_every_server_of_the_cluster_is_asked(guard: Guard, log: Log) -> None:
    """
    One server of three flushes late: it is named; if it was not asked it is unknown; another cluster proves nothing.
    """
    members = await asyncio.to_thread(start_cluster, guard, (), (), ())
    odd, alone = members["n2"], await asyncio.to_thread(new_nats, guard)
    connection = Connection(members["n1"].url, name="test", log=log)
    await connection.open()

    async def asked(*names: str) -> Cluster:
        return await ask_cluster([members[name].monitor_url for name in names], connection.server_id)

    async def has_peers() -> bool:
        return all(len(each.peers) == 2 for each in (await asked("n1", "n2", "n3")).servers)

    async def sync(*names: str) -> list[tuple[str, str]]:
        checks = check_servers(await asked(*names), connection.client.max_payload, 0)
        return [(each.status, each.detail) for each in checks if each.name == "sync to disk"]

    try:
        await eventually(has_peers)
        assert await sync("n1", "n2", "n3") == [("ok", "sync_interval: always on n1, n2, n3")]
        os.kill(odd.pid, signal.SIGKILL)
        text = odd.configuration.read_text(encoding="utf-8")
        odd.configuration.write_text(text.replace("always", "2m"), encoding="utf-8")
        await asyncio.to_thread(odd.start)

        async def is_back() -> bool:
            return not (await asked("n1", "n2", "n3")).problem and await has_peers()

        await eventually(is_back)
        assert await sync("n1", "n2", "n3") == [("failure", "n2: acknowledged messages may be lost in a power cut")]
        assert await sync("n1", "n3") == [("unknown", "not asked: n2")]
        elsewhere = await ask_cluster([alone.monitor_url], connection.server_id)
        (found,) = (each for each in check_servers(elsewhere, 2**20, 0) if each.name == "sync to disk")
        assert (found.status, "not a server of the cluster" in found.detail) == ("unknown", True)
    finally:
        await connection.close()
        for member in members.values():
            os.kill(member.pid, signal.SIGKILL)
