"""Outages of broker, database and disk, with the services left alone: they wait, refuse correctly, and recover."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.freeze import freeze
from support.readiness import OF_FETCH, assert_documented
from support.samples import hrv_reading
from support.servers import Guard, new_nats
from support.services import Client, Service, Site
from support.streams import make_streams
from support.wait import eventually
from support.world import World

from athlete_ally.adapters.nats.admin import NatsAdmin
from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.core.broker.topology import CORE_HOT, Topology, normalize_durable
from athlete_ally.core.ports import Log

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the faults are made with POSIX signals")


async def _flow(client: Client, first: int, last: int) -> None:
    for number in range(first, last):
        await client.send(hrv_reading(f"u{number}"))


async def test_the_broker_is_killed_and_comes_back(world: World) -> None:
    """
    Readings flow, the broker dies and returns with its data: every reading is stored once, nothing is dead-lettered.
    """
    # Acknowledgements that died with the broker lead to a redelivery: soon, for the test's sake.
    await world.site.retrying_with(normalize_durable("hrv"), 2)
    ingest, normalize = await world.services()
    client = Client(lambda: ingest.url)
    await _flow(client, 0, 30)
    os.kill(world.nats.pid, signal.SIGKILL)
    flowing = asyncio.create_task(_flow(client, 30, 60))

    async def refused() -> bool:
        return 503 in client.statuses

    await eventually(refused)
    await asyncio.to_thread(world.nats.start)
    await flowing
    await world.site.balance(60, normalize)

    assert (60, [], {200, 202, 503, 0} >= set(client.statuses)) == (
        len(await world.site.stored()),
        await world.site.letters(),
        True,
    )


async def test_the_database_is_killed_and_comes_back(world: World) -> None:
    """
    Without a database readings are taken in all the same; when it is back they are stored, none dead-lettered.
    """
    ingest, normalize = await world.services()
    client = Client(lambda: ingest.url)
    await _flow(client, 0, 20)
    os.kill(world.postgres.pid, signal.SIGKILL)
    await _flow(client, 20, 50)

    async def not_ready() -> bool:
        return await normalize.status("/health/ready") == 503

    await eventually(not_ready)
    assert {202} == set(client.statuses)
    await world.postgres.start_again()
    await world.site.balance(50, normalize)

    assert (len(await world.site.stored()), await world.site.letters()) == (50, [])


async def test_a_stalled_broker_is_refused_honestly(world: World) -> None:
    """
    The broker hangs: 503 with Retry-After within the bound, memory stays, and all is well when it goes on.
    """
    ingest, normalize = await world.services()
    client = Client(lambda: ingest.url)
    await _flow(client, 0, 5)
    before = _resident_mib(ingest)
    await freeze(world.nats.pid)
    batch = [hrv_reading(f"s{number}") for number in range(2000)]
    async with httpx.AsyncClient(trust_env=False, timeout=20) as http:
        answers = await asyncio.gather(*(http.post(f"{ingest.url}/ingest/hrv", json=batch) for _ in range(40)))
    grown = _resident_mib(ingest) - before
    os.kill(world.nats.pid, signal.SIGCONT)

    assert {(503, True), (429, True)} >= {(each.status_code, "retry-after" in each.headers) for each in answers}
    # 40 bodies of 250 kB, several copies of each: far from what an unbounded buffer of a busy minute would hold.
    assert grown < 200
    await client.send(batch, count=2000)
    await world.site.balance(2005, normalize)


def _resident_mib(service: Service) -> float:
    lines = subprocess.run(["ps", "-o", "rss=", "-p", str(service.pid)], capture_output=True, text=True, check=True)
    return int(lines.stdout) / 1024


async def test_a_full_stream_is_refused_honestly(world: World) -> None:
    """
    No room: 503, not ready with the reason, nothing lost; with room the same reading is taken.
    """
    ingest, normalize = await world.services()
    client = Client(lambda: ingest.url)
    await client.send(hrv_reading("a"))
    await eventually(world.site.is_settled)  # or the smaller stream drops it while in progress, and ack_wait passes
    live = await NatsAdmin(world.site.connection).stream(CORE_HOT)
    assert live is not None
    await _resize(world.site.connection, live.config, 100)
    async with httpx.AsyncClient(trust_env=False, timeout=20) as http:
        answer = await http.post(f"{ingest.url}/ingest/hrv", json=hrv_reading("b"))

        async def says_full() -> bool:
            return "is full" in (await http.get(f"{ingest.url}/health/ready")).text

        await eventually(says_full)
    assert (
        answer.status_code,
        answer.headers["content-type"],
        int(answer.headers["retry-after"]) > 0,
    ) == (503, "application/problem+json", True)
    await _resize(world.site.connection, live.config, live.max_bytes)
    await client.send(hrv_reading("b"))
    await world.site.balance(2, normalize)


async def _resize(connection: Connection, config: Mapping[str, Any], max_bytes: int) -> None:
    await connection.api(f"STREAM.UPDATE.{CORE_HOT}", {**config, "max_bytes": max_bytes})


@pytest.fixture
def small_disk(tmp_path: Path) -> Any:
    """Mount a small file system, where we may."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=24m,mode=0755", "tmpfs", str(folder)]
    if (
        sys.platform != "linux"
        or os.geteuid() != 0
        or subprocess.run(command, check=False, capture_output=True).returncode
    ):
        pytest.skip("a small file system can only be mounted by root on Linux")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


async def test_a_full_disk_costs_no_acknowledged_reading(  # noqa: PLR0913, PLR0917  # fixtures
    guard: Guard, small_disk: Path, topology: Topology, log: Log, database_url: str, pool: Any, tmp_path: Path
) -> None:
    """
    The broker's disk fills: ingest refuses and never lies; what it had acknowledged is there after room was made.
    """
    real_folder, guard.folder = guard.folder, small_disk
    try:
        server = await asyncio.to_thread(new_nats, guard)
    finally:
        guard.folder = real_folder
    connection = Connection(server.url, name="test", log=log)
    await connection.open()
    await make_streams(connection, topology)
    site = Site(server.url, database_url, connection, pool, tmp_path)
    try:
        ingest = await site.service("ingest").start().ready()
        accepted, statuses = await _fill(ingest)
        services = [ingest, site.service("normalize").start(), site.service("fetch", **OF_FETCH).start()]
        await assert_documented("NATS has no space on its disk, and readings wait", services, within_s=60)
        os.kill(server.pid, signal.SIGKILL)
        await eventually(lambda: _is_gone(server.pid))
        await asyncio.to_thread(subprocess.run, ["mount", "-o", "remount,size=200m", str(small_disk)], check=True)
        await asyncio.to_thread(server.start)
        await eventually(site.is_settled, within_s=60)

        assert {202, 503} == statuses
        assert set() == accepted - set(await site.stored())
        await assert_documented("everything works", services, within_s=60)
    finally:
        site.close()
        await connection.close()
        with suppress(ProcessLookupError):
            os.kill(server.pid, signal.SIGKILL)


async def _is_gone(pid: int) -> bool:
    """Tell whether a killed process has let go of its port."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def _fill(ingest: Service) -> tuple[set[str], set[int]]:
    """Send readings that don't compress until the stream refuses some; return whose were acknowledged."""
    accepted: set[str] = set()
    statuses: set[int] = set()
    refused = 0
    async with httpx.AsyncClient(trust_env=False, timeout=20) as http:
        for number in range(400):
            reading = hrv_reading(f"u{number}", raw=os.urandom(100_000).hex())
            answer = await http.post(f"{ingest.url}/ingest/hrv", json=reading)
            statuses.add(answer.status_code)
            if answer.status_code == 202:
                accepted.add(f"u{number}")
            else:
                refused += 1
            if refused == 5:
                break
    return accepted, statuses
