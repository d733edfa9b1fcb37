"""A field that today's code refuses: the whole story from the first dead letter to the last record, with kills."""

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from support.commands import TOMORROW
from support.missing_field import dead, fixed, send
from support.samples import hrv_reading
from support.servers import Guard, new_nats
from support.services import Site
from support.streams import make_streams
from support.wait import eventually

from athlete_ally.adapters.nats.admin import NatsAdmin
from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.core.broker.topology import CORE_HOT, DLQ, Topology, normalize_durable
from athlete_ally.core.ports import Log

DURABLE = normalize_durable("hrv")


async def journal(site: Site, run: str) -> list[dict[str, Any]]:
    """Return what is noted of a run."""
    return (await site.run("dlq", "journal", "--run", run, "--json")).document["entries"]


async def settled_letters(site: Site, run: str) -> Counter[int]:
    """Return how often the journal has the outcome of each letter."""
    return Counter(entry["sequence"] for entry in await journal(site, run) if entry["step"] == "settled")


@pytest.mark.timeout(600)
async def test_the_scenario_of_a_missing_field(site: Site, request: pytest.FixtureRequest) -> None:
    """
    Top shows one group; tomorrow's code passes all of it; a replay at 500 a second, killed half-way and resumed, leaves
    every reading stored once, no letter, a balanced ledger, and a journal with the outcome of each letter.
    """
    count: int = request.config.option.letters or 300
    await dead(site, count)
    (group,) = (await site.run("dlq", "top", "--json")).document["groups"]
    today = await site.run("dlq", "test", "--group", group["fingerprint"], "--json")
    tomorrow = await site.run("dlq", "test", "--group", group["fingerprint"], "--json", tomorrow=True)

    assert (group["letters"], group["share"], "mood" in group["error"]) == (count, 1.0, True)
    assert (today.code, today.document["passing"]) == (2, 0)
    assert (tomorrow.code, tomorrow.document["passing"], tomorrow.document["share_passing"]) == (0, count, 1.0)

    normalize = await fixed(site)
    replay = ("dlq", "replay", "--group", group["fingerprint"], "--rate", "500", "--canary", "5", "--yes")
    killed = await site.run(*replay, dies=f"after-publish-{count // 2}")
    run = (await site.run("dlq", "journal", "--json")).document["entries"][0]["run"]
    left = len(await site.letters())
    resumed = await site.run("dlq", "replay", "--resume", run, "--yes", "--json", tomorrow=True)

    assert (killed.code < 0, count // 2 < left <= count, resumed.code) == (True, True, 0), resumed
    assert resumed.document["result"]["settled"] == count
    await site.balance(count, normalize)
    assert (len(await site.stored()), await site.letters()) == (count, [])
    assert await site.pool.fetchval("SELECT count(*) FROM hrv_data") == count
    assert {"readings": count, "stored": count} == {
        name: total for name, total in (await site.totals()).items() if total
    }
    steps = Counter(each["step"] for each in await journal(site, run))
    assert (steps["started"], steps["finished"]) == (1, 1)
    assert (len(settled := await settled_letters(site, run)), set(settled.values())) == (count, {1})


@pytest.mark.parametrize("step", ["before-publish-3", "after-publish-3", "before-remove-3", "after-remove-3"])
async def test_a_replay_dies_at_any_step(site: Site, step: str) -> None:
    """
    Wherever it dies, no reading is lost or doubled: each is stored or still a letter, and a resumed run finishes.
    """
    await dead(site, 8)
    normalize = await fixed(site)
    killed = await site.run("dlq", "replay", "--all", "--yes", dies=step)
    await eventually(site.is_settled)
    run = (await site.run("dlq", "journal", "--json")).document["entries"][0]["run"]
    resumed = await site.run("dlq", "replay", "--resume", run, "--json", tomorrow=True)

    assert (killed.code < 0, resumed.code) == (True, 0), (killed, resumed)
    await site.balance(8, normalize)
    assert (len(await site.stored()), await site.letters()) == (8, [])
    assert set((await settled_letters(site, run)).values()) == {1}


async def test_what_fails_again_stays_one_letter(site: Site) -> None:
    """
    A replay under today's code fails: the letter stays the only one, its count goes up, and the fourth time is refused
    unless forced. The ledger counts its reading once. All of that takes no room in AA_DLQ, which is full.
    """
    await send(site, hrv_reading("a"), hrv_reading("b", mood=3))
    today = await site.service("normalize").start().ready()
    await eventually(site.letters)
    await room(site, DLQ, 0)
    replays = [await site.run("dlq", "replay", "--all", "--yes", "--json") for _ in range(4)]
    forced = await site.run("dlq", "replay", "--all", "--yes", "--force", "--json")
    (listed,) = (await site.run("dlq", "list", "--json")).document["letters"]

    assert [each.code for each in replays] == [2, 2, 2, 3]
    assert "replayed 3 times" in replays[3].err
    assert (forced.code, listed["replays"], listed["readings"], len(await site.letters())) == (2, 4, "1", 1)
    await site.balance(2, today)
    assert await site.totals() == {"readings": 2, "stored": 1, "superseded": 0, "duplicate": 0, "dead_lettered": 1}


async def test_only_what_fails_again_is_left_of_a_letter(site: Site) -> None:
    """
    Of a letter with two readings one is fixed by tomorrow's code: the letter then holds the other one only.
    """
    await send(site, hrv_reading("fixed", mood=3), hrv_reading("broken", rmssd="much"))
    await site.service("normalize").start().ready()
    await eventually(site.letters)
    for service in site.services:
        service.kill()
    normalize = await fixed(site)
    replayed = await site.run("dlq", "replay", "--all", "--yes", "--json", tomorrow=True)
    (listed,) = (await site.run("dlq", "list", "--json")).document["letters"]
    again = await site.run("dlq", "test", "--all", "--json", tomorrow=True)

    assert (replayed.code, set(await site.stored())) == (2, {"fixed"})
    assert (listed["readings"], listed["replays"], again.document["readings"]["failing"]) == ("1", 1, 1)
    await site.balance(2, normalize)


async def test_nothing_is_replayed_while_it_is_unsafe(site: Site) -> None:
    """
    A paused or missing durable, and a second replay at the same time, are refused with exit code 3; nothing changes.
    """
    await dead(site, 1)
    pause = {"pause_until": "2099-01-01T00:00:00Z"}
    await site.connection.api(f"CONSUMER.PAUSE.{CORE_HOT}.{DURABLE}", pause)
    paused = await site.run("dlq", "replay", "--all", "--yes")
    await site.connection.api(f"CONSUMER.PAUSE.{CORE_HOT}.{DURABLE}", {})
    async with site.pool.acquire() as connection:
        await connection.fetchval("SELECT pg_advisory_lock($1)", 0x6D1A77C2)
        second = await site.run("dlq", "replay", "--all", "--yes")
        await connection.fetchval("SELECT pg_advisory_unlock($1)", 0x6D1A77C2)
    await site.connection.api(f"CONSUMER.DELETE.{CORE_HOT}.{DURABLE}")
    missing = await site.run("dlq", "replay", "--all", "--yes")

    assert [(each.code, "refused" in each.err) for each in (paused, second, missing)] == [(3, True)] * 3
    assert ("paused" in paused.err, "somebody else" in second.err, "no such durable" in missing.err) == (True,) * 3
    assert len(await site.letters()) == 1


async def test_too_many_failures_stop_a_replay(site: Site) -> None:
    """
    A canary that fails ends the run before the others are touched, and the circuit breaker of the worker stays closed.
    """
    await dead(site, 60)
    normalize = await site.service("normalize").start().ready()
    replayed = await site.run("dlq", "replay", "--all", "--canary", "5", "--yes", "--json")

    assert (replayed.code, replayed.document["result"]["published"], len(await site.letters())) == (2, 5, 60)
    assert "failed again" in replayed.document["result"]["stopped"]
    assert "normalize_fuse_open" in (metrics := await normalize.metrics())
    assert f'normalize_fuse_open{{durable="{DURABLE}"}} 1.0' not in metrics


def on_a_terminal(site: Site, answers: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run tomorrow's command with a person at the keyboard who types this."""
    import pty  # noqa: PLC0415  # POSIX only

    keyboard, terminal = pty.openpty()
    try:
        os.write(keyboard, answers.encode())
        return subprocess.run(
            [sys.executable, str(TOMORROW), "never", "dlq", *words],
            env={**os.environ, "PYTHONPATH": str(TOMORROW.parents[1]), **site.run.environment},
            stdin=terminal,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(keyboard)
        os.close(terminal)


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
async def test_a_person_decides_after_the_canary(site: Site) -> None:
    """
    It waits once the canary is through, says what came of it, and goes no further on a no, or where nobody answers; a
    resumed run asks again and, on a yes, ends with the others.
    """
    await dead(site, 6)
    normalize = await fixed(site)
    no = await asyncio.to_thread(on_a_terminal, site, "y\nn\n", "replay", "--all", "--canary", "2")
    left = len(await site.letters())
    run = (await site.run("dlq", "journal", "--json")).document["entries"][0]["run"]
    nobody = await site.run("dlq", "replay", "--resume", run, tomorrow=True)
    still_left = len(await site.letters())
    yes = await asyncio.to_thread(on_a_terminal, site, "y\n", "replay", "--resume", run)

    assert (no.returncode, left, "2 replayed: 2 stored" in no.stdout, "--resume" in no.stderr) == (2, 4, True, True), no
    assert (nobody.code, still_left, "after the canary" in nobody.err) == (2, 4, True), nobody
    assert (yes.returncode, await site.letters()) == (0, []), yes
    await site.balance(6, normalize)


async def test_a_worker_that_is_away_makes_a_replay_wait(site: Site) -> None:
    """
    Normalize dies during a replay and comes back: the replay waits, then finishes; nothing is removed in between.
    """
    await dead(site, 20)
    replay = asyncio.create_task(site.run("dlq", "replay", "--all", "--yes", "--json", tomorrow=True))

    async def something_waits() -> bool:
        return not await site.is_settled()

    await eventually(something_waits)
    assert len(await site.letters()) == 20
    normalize = await fixed(site)
    result = await replay

    assert (result.code, result.document["result"]["removed"], await site.letters()) == (0, 20, [])
    await site.balance(20, normalize)


async def room(site: Site, stream: str, more_bytes: int) -> None:
    """Let a stream hold so much more than it does."""
    live = await NatsAdmin(site.connection).stream(stream)
    assert live is not None
    await site.connection.api(f"STREAM.UPDATE.{stream}", {**live.config, "max_bytes": live.bytes + more_bytes})


async def resume(site: Site, count: int) -> None:
    """Resume the latest run; every reading is stored once, and no letter is left."""
    run = (await site.run("dlq", "journal", "--json")).document["entries"][0]["run"]
    resumed = await site.run("dlq", "replay", "--resume", run, "--yes", "--json", tomorrow=True)
    assert (resumed.code, len(await site.stored()), await site.letters()) == (0, count, []), resumed
    settled = await settled_letters(site, run)
    assert (len(settled), set(settled.values())) == (count, {1})


async def test_a_full_stream_ends_a_replay_that_can_be_resumed(site: Site) -> None:
    """
    AA_CORE_HOT takes no more: the replay says so and how to go on, every reading is stored or a letter, and it goes on.
    """
    await dead(site, 30)
    await fixed(site)
    await room(site, CORE_HOT, 4_000)
    full = await site.run("dlq", "replay", "--all", "--yes", tomorrow=True)
    stored, letters = len(await site.stored()), len(await site.letters())
    await room(site, CORE_HOT, 10_000_000)

    assert (full.code, "takes no more messages" in full.err, "--resume" in full.err) == (1, True, True), full
    assert (stored < 30, stored + letters >= 30) == (True, True)
    await resume(site, 30)


async def test_a_database_that_goes_ends_a_replay_that_can_be_resumed(site: Site, database_url: str) -> None:
    """
    PostgreSQL ends every connection and refuses others during a replay: it ends with exit code 1, and goes on later.
    """
    await dead(site, 60)
    normalize = await fixed(site)
    replay = asyncio.create_task(site.run("dlq", "replay", "--all", "--rate", "20", "--yes", tomorrow=True))
    await eventually(site.stored)
    base, _, name = database_url.rpartition("/")
    outside = await asyncpg.connect(f"{base}/postgres")
    await outside.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
    await outside.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
    result = await replay
    await outside.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    await outside.close()

    assert (result.code, "--resume" in result.err) == (1, True), result
    await resume(site, 60)
    await site.balance(60, normalize)


async def test_a_broker_that_restarts_does_not_lose_a_replay(
    guard: Guard, topology: Topology, log: Log, database_url: str, pool: Any, tmp_path: Path
) -> None:
    """
    The broker is killed in the middle of a replay and starts again: whether the run outlives it or is resumed, every
    reading is stored once and no letter is left.
    """
    nats = await asyncio.to_thread(new_nats, guard)
    connection = Connection(nats.url, name="test", log=log)
    await connection.open()
    await make_streams(connection, topology)
    site = Site(nats.url, database_url, connection, pool, tmp_path)
    try:
        await site.retrying_with(DURABLE, 2)
        await dead(site, 40)
        normalize = await fixed(site)
        replay = asyncio.create_task(site.run("dlq", "replay", "--all", "--rate", "20", "--yes", tomorrow=True))
        await eventually(site.stored)
        os.kill(nats.pid, signal.SIGKILL)
        await asyncio.to_thread(nats.start)
        ended = await replay
        if ended.code != 0:
            assert (ended.code, "--resume" in ended.err) == (1, True), ended
            await resume(site, 40)
        await site.balance(40, normalize)
        assert (len(await site.stored()), await site.letters()) == (40, [])
    finally:
        site.close()
        await connection.close()
        os.kill(nats.pid, signal.SIGTERM)
