"""Broker, database and workers fail while several clients go on sending: what was acknowledged is stored, once."""

import asyncio
import os
import random
import signal
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from support.outages import Traffic, ask, bring_back_postgres, crash_postgres, kill_hard, series_value, site_on
from support.samples import hrv_reading
from support.servers import Guard, Nats, new_nats, new_postgres
from support.services import Service, Site
from support.wait import eventually

# What a publish may take by the site's settings (2 s), and as much again for a busy machine.
BOUNDED_S = 5.0

only_posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows can't freeze a process")


@pytest.fixture
def own_nats(guard: Guard) -> Generator[Nats]:
    """Run a nats-server that the test may kill."""
    nats = new_nats(guard)
    yield nats
    kill_hard(nats.pid)


@pytest.fixture
async def own_site(own_nats: Nats, database_url: str, tmp_path: Path) -> AsyncGenerator[Site]:
    """Give the test a site on a nats-server of its own."""
    async with site_on(own_nats.url, database_url, tmp_path) as site:
        yield site


def single(number: int) -> list[dict[str, Any]]:
    """Return one reading of a person of its own."""
    return [hrv_reading(f"u{number}")]


def bulky(number: int) -> list[dict[str, Any]]:
    """Return about 300 KB of readings that don't compress."""
    chance = random.Random(number)  # noqa: S311  # not a secret
    intervals = [[round(chance.uniform(600, 1100), 3) for _ in range(3000)] for _ in range(10)]
    return [hrv_reading(f"u{number}-{index}", None, rrIntervals=each) for index, each in enumerate(intervals)]


async def started(site: Site, **environment: str) -> tuple[Service, Service]:
    """Start ingest and normalize, and return them ready."""
    services = (site.service("ingest", **environment).start(), site.service("normalize", **environment).start())
    for service in services:
        await service.ready()
    # What was on its way to a worker when the broker went is delivered again after ack_wait.
    await site.patience_with("normalize-hrv-durable", 2)
    return services


async def test_the_broker_is_killed_and_comes_back(own_site: Site, own_nats: Nats) -> None:
    """
    While it is gone every answer is 503; when it is back both services go on by themselves, and the books balance.
    """
    ingest, normalize = await started(own_site)
    async with Traffic(ingest, single) as traffic:
        await traffic.some_more()
        kill_hard(own_nats.pid)
        await traffic.until(lambda: len(traffic.refusals()) > 4)
        await eventually(lambda: is_not_ready(ingest))
        await asyncio.to_thread(own_nats.start)
        await traffic.some_more()

    assert {202, 503} == traffic.statuses()
    assert all(int(answer.headers["retry-after"]) > 0 for answer in traffic.refusals())
    await own_site.balance(traffic.accepted, normalize)
    assert (traffic.accepted, []) == (len(await own_site.stored()), await own_site.letters())


async def test_the_database_is_killed_and_comes_back(guard: Guard, own_nats: Nats, tmp_path: Path) -> None:
    """
    Ingest takes no notice; normalize holds what it has, says that it is not ready, and goes on when it can.
    """
    postgres = await asyncio.to_thread(new_postgres, guard)
    async with site_on(own_nats.url, postgres.url, tmp_path) as site:
        ingest, normalize = await started(site)
        async with Traffic(ingest, single) as traffic:
            await traffic.some_more()
            await crash_postgres(postgres)
            await eventually(lambda: holds(normalize))
            await traffic.some_more()
            await eventually(lambda: is_not_ready(normalize))
            await bring_back_postgres(postgres)
            await traffic.some_more()

        assert {202} == traffic.statuses()
        await site.balance(traffic.accepted, normalize)
        assert (traffic.accepted, []) == (len(await site.stored()), await site.letters())
    kill_hard(postgres.pid)


async def is_not_ready(service: Service) -> bool:
    """Tell whether a service says that it can't work."""
    return await service.status("/health/ready") == 503


async def holds(normalize: Service) -> bool:
    """Tell whether the worker says that it waits for the world."""
    return await series_value(normalize, 'normalize_holding{durable="normalize-hrv-durable"}') == 1


@only_posix
async def test_the_broker_freezes_under_load(own_site: Site, own_nats: Nats) -> None:
    """
    A broker that is connected and silent: 503 within the time set, and memory stays bounded; awake, it is used again.
    """
    ingest, normalize = await started(own_site)
    async with Traffic(ingest, bulky, clients=16) as traffic:
        await traffic.some_more(100)
        before = await resident_mib(ingest)
        freeze(own_nats.pid)
        await traffic.until(lambda: len(traffic.refusals()) > 200)
        await eventually(lambda: is_not_ready(ingest))
        after = await resident_mib(ingest)
        thaw(own_nats.pid)
        await traffic.some_more(100)

    assert {202, 503} == traffic.statuses()
    assert all(int(answer.headers["retry-after"]) > 0 for answer in traffic.refusals())
    assert max(answer.elapsed.total_seconds() for answer in traffic.refusals()) < BOUNDED_S
    # 64 MiB of bodies may be in hand, once as sent and once as decoded.
    assert after - before < 160
    await own_site.balance(traffic.accepted, normalize)
    assert await own_site.letters() == []


def freeze(pid: int) -> None:
    """Stop a process as a debugger or an overcommitted machine does."""
    if sys.platform != "win32":
        os.kill(pid, signal.SIGSTOP)


def thaw(pid: int) -> None:
    """Let a frozen process go on."""
    if sys.platform != "win32":
        os.kill(pid, signal.SIGCONT)


async def resident_mib(service: Service) -> float:
    """Return the memory of a service; 0 where the system doesn't tell."""
    with suppress(AssertionError):
        return await series_value(service, "process_resident_memory_bytes") / 2**20
    return 0.0


@only_posix
async def test_a_worker_freezes_and_wakes_up(site: Site) -> None:
    """
    Others take over what a frozen worker had in hand; when it wakes up and goes on with it, nothing is done twice.
    """
    ingest = await site.service("ingest").start().ready()
    frozen, other = [await site.service("normalize", AA_NORMALIZE_BATCH="5").start().ready() for _ in range(2)]
    await site.patience_with("normalize-hrv-durable", 1)
    async with Traffic(ingest, single) as traffic:
        await traffic.some_more()
        freeze(frozen.pid)
        await traffic.some_more(60)
    await eventually(site.is_settled)
    thaw(frozen.pid)
    await frozen.ready()
    async with Traffic(ingest, lambda number: single(number + 10_000)) as more:
        await more.some_more()

    await site.balance(traffic.accepted + more.accepted, other)
    assert (traffic.accepted + more.accepted, []) == (len(await site.stored()), await site.letters())


async def test_a_full_stream_refuses_and_takes_again(site: Site) -> None:
    """
    A stream that fills up: 503 with Retry-After, and not ready for that reason; with room again, the same is accepted.
    """
    ingest = await site.service("ingest").start().ready()
    await limit_stream(site, 4 * 2**20)
    async with Traffic(ingest, bulky, clients=1) as traffic:
        await traffic.until(lambda: len(traffic.refusals()) > 2)
        assert "AA_CORE_HOT is full" in await why_not_ready(ingest)
        await limit_stream(site, 2**30)
        await traffic.some_more()
        await ingest.ready()

    assert {202, 503} == traffic.statuses()
    assert all(int(answer.headers["retry-after"]) > 0 for answer in traffic.refusals())
    await site.balance(traffic.accepted, await site.service("normalize").start().ready())
    assert await site.letters() == []


async def why_not_ready(service: Service) -> str:
    """Return the reasons that a service gives, once it says that it is not ready."""

    async def reasons() -> str:
        return "; ".join((await ask(service, "/health/ready")).json()["reasons"])

    return await eventually(reasons)


async def limit_stream(site: Site, max_bytes: int) -> None:
    """Give AA_CORE_HOT another limit, as an operator may."""
    live = await site.connection.api("STREAM.INFO.AA_CORE_HOT")
    await site.connection.api("STREAM.UPDATE.AA_CORE_HOT", {**live["config"], "max_bytes": max_bytes})
