"""Pausing, resuming and setting back durables of a real server: what is said before is what happens."""

import asyncio
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.servers import Nats

from athlete_ally.adapters.nats.broker import NatsBroker
from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.adapters.nats.inbox import NatsInbox
from athlete_ally.cli.exits import Exit
from athlete_ally.config.settings import Settings, load_settings
from athlete_ally.core.broker.topology import CORE_HOT, Topology, normalize_durable, raw_subject
from athlete_ally.core.errors import Misconfigured, Refused
from athlete_ally.ops.streams.difference import wanted_of
from athlete_ally.ops.streams.overview import look as overview_of
from athlete_ally.wiring.builders import desired_topology, now
from athlete_ally.wiring.commands.streams_consumers import look, pause, preview, reset, resume

HRV = normalize_durable("hrv")


@pytest.fixture
def settings(nats_server: Nats, tmp_path: Path) -> Settings:
    """Return the settings of an operator."""
    return load_settings(nats_url=nats_server.url, streams_journal=tmp_path / "journal.jsonl")


@pytest.fixture
async def inbox(connection: Connection, topology: Topology) -> NatsInbox:
    """Publish 20 messages of HRV among 10 of sleep, and settle the first 12 of HRV."""
    client: Any = connection.client
    for number in range(30):
        kind = "sleep" if number % 3 == 2 else "hrv"
        await client.request(raw_subject(kind), b"{}", timeout=5, headers={"Nats-Msg-Id": str(number)})
    inbox = NatsInbox(connection, topology.durable(HRV))
    await inbox.open()
    for delivery in await inbox.fetch(12, 5):
        await inbox.ack(delivery)
    return inbox


async def sequences(inbox: NatsInbox) -> list[int]:
    """Return what is delivered now."""
    return [delivery.sequence for delivery in await inbox.fetch(100, 0.5)]


@pytest.mark.broker_clock
async def test_a_paused_durable_waits_and_goes_on(settings: Settings, inbox: NatsInbox) -> None:
    """
    Paused: nothing comes. Resumed: all of what waits comes.
    """
    paused = await pause(settings, HRV, now() + timedelta(hours=1))
    while_paused = await sequences(inbox)
    resumed = await resume(settings, HRV)

    assert (paused.paused, paused.messages, while_paused) == (True, 8, [])
    assert (resumed.paused, len(await sequences(inbox))) == (False, 8)


@pytest.mark.broker_clock
async def test_a_pause_never_outlasts_a_message(settings: Settings, inbox: NatsInbox) -> None:
    """
    A message that waits would be deleted by its age before the pause ends: refused, and the durable is as it was.
    """
    assert inbox is not None
    with pytest.raises(Refused, match="the oldest pending message expires at"):
        await pause(settings, HRV, now() + timedelta(hours=49))

    waiting = await look(settings, HRV)
    assert not waiting.paused
    assert waiting.expires_at is not None
    assert timedelta(hours=47) < waiting.expires_at - datetime.now(UTC) <= timedelta(hours=48)


@pytest.mark.parametrize("back_to", [1, 5, 17])
async def test_what_is_said_comes_again(settings: Settings, inbox: NatsInbox, back_to: int) -> None:
    """
    Set back to a sequence, exactly as many settled messages come again as the preview counted, and no other kind's.
    """
    unacknowledged = await sequences(inbox)
    found = await preview(settings, HRV, sequence=back_to, since=None)
    await reset(settings, found)
    delivered = await sequences(inbox)

    assert (found.again + found.waiting, found.skipped) == (len(delivered), 0)
    assert found.waiting == len(unacknowledged)
    assert min(delivered) >= back_to


async def test_to_the_ack_floor_nothing_settled_comes_again(settings: Settings, inbox: NatsInbox) -> None:
    """
    Without a position, unacknowledged messages come once more, and acknowledged ones do not.
    """
    delivered = await sequences(inbox)
    found = await preview(settings, HRV, sequence=None, since=None)
    await reset(settings, found)

    assert (found.again, found.waiting) == (0, 8)
    assert await sequences(inbox) == delivered


@pytest.mark.broker_clock
async def test_a_time_is_as_good_as_a_sequence(settings: Settings, inbox: NatsInbox, connection: Connection) -> None:
    """
    From an instant on: the first message stored then or later is the first to come.
    """
    tenth = await NatsBroker(connection).message_from(CORE_HOT, 10)
    assert tenth is not None
    found = await preview(settings, HRV, sequence=None, since=tenth.stored_at)
    await reset(settings, found)

    assert found.sequence == 10
    assert min(await sequences(inbox)) == 10
    with pytest.raises(Refused, match="no message since"):
        await preview(settings, HRV, sequence=None, since=now() + timedelta(hours=1))


async def test_beyond_the_end_is_refused(settings: Settings, inbox: NatsInbox, connection: Connection) -> None:
    """
    A sequence that the stream does not have yet would skip what comes: refused; the one after the last is allowed.
    """
    assert inbox is not None
    stream = await NatsBroker(connection).stream(CORE_HOT)
    assert stream is not None
    with pytest.raises(Refused, match="beyond the end"):
        await preview(settings, HRV, sequence=100_000, since=None)
    found = await preview(settings, HRV, sequence=stream.last_sequence + 1, since=None)

    assert found.sequence == stream.last_sequence + 1


async def test_what_stands_beyond_the_end_is_brought_back(settings: Settings, connection: Connection) -> None:
    """
    Set there by another tool: status, readiness and series say it; the command that they name ends it.
    """
    await connection.api(f"CONSUMER.RESET.{CORE_HOT}.{HRV}", {"seq": 100_000})
    topology = desired_topology(settings)
    overview = await overview_of(NatsBroker(connection), wanted_of(topology))
    (row,) = [each for each in overview.durables if each.name == HRV]
    stream = await NatsBroker(connection).stream(CORE_HOT)
    assert stream is not None
    found = await preview(settings, HRV, sequence=row.end + 1, since=None)
    await reset(settings, found)
    after = await overview_of(NatsBroker(connection), wanted_of(topology))

    assert (row.beyond_end, row.end) == (99_999 - stream.last_sequence, stream.last_sequence)
    assert not overview.is_well
    assert [each.beyond_end for each in after.durables if each.name == HRV] == [0]


async def test_what_would_be_skipped_is_counted(settings: Settings, inbox: NatsInbox) -> None:
    """
    Ahead of what is settled, messages would never be processed: said with their number, and refused without a word.
    """
    found = await preview(settings, HRV, sequence=29, since=None)
    done = await asyncio.to_thread(command, settings, "reset", HRV, "--sequence", "29", "--apply", "--yes")

    assert (found.again, found.waiting, found.skipped, found.loses) == (0, 1, 7, True)
    assert done.returncode == Exit.REFUSED
    assert "7 messages would never be delivered" in done.stderr
    assert len(await sequences(inbox)) == 8


async def test_the_command_shows_before_it_does(settings: Settings, inbox: NatsInbox) -> None:
    """
    Without --apply it only says; the numbers are the same in JSON; each change is in the journal.
    """
    said = await asyncio.to_thread(command, settings, "reset", HRV, "--sequence", "1")
    done = await asyncio.to_thread(command, settings, "reset", HRV, "--sequence", "1", "--apply", "--yes", "--json")
    document = json.loads(done.stdout)
    journal = settings.streams_journal.read_text(encoding="utf-8").splitlines()

    assert said.returncode == Exit.FINDINGS
    assert "12 settled messages are delivered again; 8 that wait are delivered as before" in said.stdout
    assert (done.returncode, document["applied"], document["reset"]["again"]) == (Exit.AS_DESIRED, True, 12)
    assert [json.loads(line)["result"] for line in journal] == ["begun", "done"]
    assert len(await sequences(inbox)) == 20


@pytest.mark.usefixtures("connection")
async def test_a_name_that_is_none_of_ours_is_said(settings: Settings) -> None:
    """
    A typo names what there is, and changes nothing.
    """
    with pytest.raises(Misconfigured, match=f"unknown durable normalize-hvr-durable: .*{HRV}"):
        await resume(settings, "normalize-hvr-durable")


def command(settings: Settings, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a command on consumers."""
    environment = {
        "NATS_URL": settings.nats_url.get_secret_value(),
        "AA_STREAMS_JOURNAL": str(settings.streams_journal),
    }
    return subprocess.run(
        [sys.executable, "-m", "athlete_ally", "streams", "consumers", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
