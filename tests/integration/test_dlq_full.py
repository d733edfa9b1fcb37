"""A full AA_DLQ under an operator's hand: nothing is lost or doubled, the error says what helps, and it goes on."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.fakes import FakeLog
from support.letters import Bench
from support.samples import hrv_reading
from support.servers import Nats

from athlete_ally.adapters.nats.admin import NatsAdmin
from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.adapters.nats.inbox import NatsInbox
from athlete_ally.adapters.nats.publisher import NatsPublisher
from athlete_ally.adapters.postgres.webhook_store import PostgresWebhookStore
from athlete_ally.adapters.prometheus import PrometheusObserver
from athlete_ally.core.broker.topology import CORE_HOT, DLQ, VENDOR_HOT, Topology, unpack_durable, webhook_subject
from athlete_ally.core.circuit_breaker import CircuitBreaker
from athlete_ally.core.messages.message import OutgoingMessage
from athlete_ally.core.series import every, normalize_series, unpack_series
from athlete_ally.core.vendor.webhook_store import Account
from athlete_ally.core.verdict import RetryPolicy
from athlete_ally.measurements import KINDS, MEASUREMENTS
from athlete_ally.normalize.lane_breaker import LaneBreaker, unpacked_lane
from athlete_ally.normalize.retry import UnboundedRetry
from athlete_ally.normalize.unpack_worker import Unpacker, UnpackTools
from athlete_ally.vendors.garmin import GARMIN
from athlete_ally.wiring.builders import now


@pytest.fixture
async def bench(connection: Connection, pool: Any, nats_server: Nats, database_url: str) -> Bench:
    """Give the test a bench of its own."""
    return Bench(connection, pool, {"NATS_URL": nats_server.url, "DATABASE_URL": database_url, "NO_COLOR": "1"})


async def room_for(bench: Bench, letters: float) -> None:
    """Let AA_DLQ hold about so many more letters than it does."""
    live = await NatsAdmin(bench.connection).stream(DLQ)
    assert live is not None
    each = live.bytes / max(1, live.messages)
    await bench.connection.api(f"STREAM.UPDATE.{DLQ}", {**live.config, "max_bytes": int(live.bytes + letters * each)})


async def shelves(bench: Bench) -> dict[str, int]:
    """Return how many letters lie on which shelf, those without any left out."""
    found = {shelf: len(await bench.listed("--shelf", shelf)) for shelf in ("waiting", "quarantine", "resolved")}
    return {shelf: count for shelf, count in found.items() if count}


@pytest.mark.parametrize("move", [("quarantine", "--because"), ("resolve", "--reason")])
async def test_what_has_no_room_stays_where_it_is(bench: Bench, move: tuple[str, str]) -> None:
    """
    Without room for a copy no letter is put aside, and the error says how far it went and what makes room, which
    purging does; with room for one at a time all are moved, each once.
    """
    for user in "abcd":
        await bench.write(hrv_reading(user, 900))
    act, why = move
    await room_for(bench, 0)
    full = await bench.run(act, "--all", why, "fixed at the source", "--yes")
    left = await shelves(bench)
    purged = await bench.run("purge", "1", "2", "--no-export", "--confirm", "2")
    moved = await bench.run(act, "--all", why, "fixed at the source", "--yes")

    assert (full.code, left, purged.code) == (1, {"waiting": 4}, 0)
    assert ("AA_DLQ takes no more" in full.err, "0 of 4 dead letters" in full.err, "purge" in full.err) == (True,) * 3
    assert (moved.code, sum((await shelves(bench)).values()), await bench.listed()) == (0, 2, [])


@pytest.mark.parametrize("letters", [0, 1.5])
async def test_an_edit_without_room_leaves_the_letter_alone(bench: Bench, letters: float) -> None:
    """
    No room for the corrected letter, or none for the original's copy: the original waits, by itself. Done again as soon
    as there is room, the corrected one waits, and the original is among the resolved.
    """
    await bench.write(hrv_reading("a", 900))
    await room_for(bench, letters)
    full = await bench.run("edit", "1", "--set", "rmssd=41")
    left = await bench.listed(), await shelves(bench)
    await room_for(bench, 10)
    edited = await bench.run("edit", "1", "--set", "rmssd=41")

    assert (full.code, "the dead letter is unchanged" in full.err, left) == (1, True, ([1], {"waiting": 1}))
    assert (edited.code, await shelves(bench)) == (0, {"waiting": 1, "resolved": 1})


async def test_an_import_goes_on_when_there_is_room(bench: Bench, tmp_path: Path) -> None:
    """
    AA_DLQ is full after some letters: the error says how many came in; once more, and each is there once.
    """
    for user in "abcde":
        await bench.write(hrv_reading(user, 900))
    out = tmp_path / "letters.ndjson"
    await bench.run("export", "--out", str(out))
    before = [letter.identity async for letter in bench.letters.all()]
    await room_for(bench, 0)
    await bench.run("purge", "1", "2", "3", "--no-export", "--confirm", "3")
    await room_for(bench, 2.5)
    full = await bench.run("import", str(out))
    await room_for(bench, 10)
    again = await bench.run("import", str(out), "--json")

    assert (full.code, "2 of 5 dead letters imported" in full.err) == (1, True)
    assert (again.document["imported"], again.document["there_already"]) == (1, 4)
    assert sorted(before) == sorted([letter.identity async for letter in bench.letters.all()])


async def test_what_was_purged_a_moment_ago_can_be_imported(bench: Bench, tmp_path: Path) -> None:
    """
    The stream takes it for a duplicate of the letter that was removed: it is there afterwards all the same.
    """
    await bench.write(hrv_reading("a", 900))
    out = tmp_path / "letters.ndjson"
    await bench.run("purge", "--all", "--out", str(out), "--confirm", "1")
    imported = await bench.run("import", str(out), "--json")
    (letter,) = [letter async for letter in bench.letters.all()]

    assert (imported.document["imported"], letter.identity) == (1, "dlq-m-1")


async def test_a_webhook_waits_for_room_as_what_it_is(bench: Bench, topology: Topology) -> None:
    """
    Its letter finds no room, however often it is delivered: what is good of it is stored once all the same, and with
    room there is one letter, of the reason that it failed for.
    """
    log, durable = FakeLog(), unpack_durable("garmin")
    work, unpack = normalize_series(KINDS, ["garmin"]), unpack_series(["garmin"], [])
    inbox, publisher = (
        NatsInbox(bench.connection, topology.durable(durable)),
        NatsPublisher(bench.connection, timeout_s=2),
    )
    retry = UnboundedRetry(durable, stop=asyncio.Event(), log=log, on_hold=lambda _: None, jitter=lambda: 0.5)
    observer, webhook_store = PrometheusObserver(every(work, unpack)), PostgresWebhookStore(bench.pool)
    tools = UnpackTools(inbox, webhook_store, publisher, retry, observer, unpack, work, log, now)
    kinds = {each.kind: each for each in MEASUREMENTS}
    lane = unpacked_lane("garmin")
    breaker = LaneBreaker(lane, CircuitBreaker(), observer=observer, series=work, log=log, now=now)
    unpacker = Unpacker(GARMIN, kinds, tools, breaker, policy=RetryPolicy(), batch=10)
    await webhook_store.link([Account("garmin", "g-1", "anna")])
    night = {"calendarDate": "2026-11-20", "lastNightAvg": 44, "startTimeInSeconds": 1795474800}
    body = json.dumps({"hrv": [{**night, "userId": user, "durationInSeconds": 25200} for user in ("g-1", "g-2")]})
    await publisher.publish(OutgoingMessage(VENDOR_HOT, webhook_subject("garmin"), body.encode(), "w1", {}))
    await inbox.open()
    (delivery,) = await inbox.fetch(10, 1)
    live = await NatsAdmin(bench.connection).stream(DLQ)
    assert live is not None
    await bench.connection.api(f"STREAM.UPDATE.{DLQ}", {**live.config, "max_bytes": 100})
    for attempt in range(1, 12):
        await unpacker.handle([replace(delivery, attempt=attempt)])
    waiting = await bench.listed()
    await bench.connection.api(f"STREAM.UPDATE.{DLQ}", live.config)
    await unpacker.handle([replace(delivery, attempt=12)])
    await inbox.close()
    letters = (await bench.run("list", "--json")).document["letters"]
    core = await NatsAdmin(bench.connection).stream(CORE_HOT)

    assert (waiting, [each["reason"] for each in letters]) == ([], ["unknown-account"])
    assert (core is not None and core.messages, len([each for each in log.lines if each.event == "given-back"])) == (
        1,
        11,
    )
