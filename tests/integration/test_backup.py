"""Backups against real servers: nothing is lost between two of them, and nothing half done is taken for whole."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import nats
import pytest
from support.servers import Guard, Nats, new_nats
from support.wait import eventually

from athlete_ally.adapters.files.backup_folder import BackupWriter, read_manifest
from athlete_ally.adapters.nats.broker import NatsBroker
from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.adapters.nats.inbox import NatsInbox
from athlete_ally.adapters.nats.snapshot import Snapshots
from athlete_ally.cli.exits import Exit
from athlete_ally.config.settings import Settings, load_settings
from athlete_ally.core.broker.topology import ADVISORY, CORE_HOT, DLQ, Topology, normalize_durable, raw_subject
from athlete_ally.core.errors import Misconfigured, NotVerified, Refused, Unavailable, WrongTarget
from athlete_ally.core.ports import Log
from athlete_ally.wiring.builders import now
from athlete_ally.wiring.commands.streams_backup import Kept, Step, back_up, restore, verify_backup

MESSAGES, SETTLED = 300, 120


def settings_for(server: Nats, tmp_path: Path, **more: Any) -> Settings:
    """Return the settings of an operator at this server."""
    return load_settings(nats_url=server.url, streams_journal=tmp_path / "journal.jsonl", **more)


def unheard(_: Step) -> None:
    """Tell nobody."""


@pytest.fixture
async def loaded(connection: Connection, topology: Topology) -> Connection:
    """Give a stream with messages, of which a durable has settled some, and one in the middle is gone."""
    await fill(connection, MESSAGES, b'{"readings": []}')
    inbox = NatsInbox(connection, topology.durable(normalize_durable("hrv")))
    await inbox.open()
    for delivery in await inbox.fetch(SETTLED, 5):
        await inbox.ack(delivery)
    await connection.api(f"STREAM.MSG.DELETE.{CORE_HOT}", {"seq": 200})
    await inbox.close()
    return connection


async def fill(connection: Connection, count: int, body: bytes) -> None:
    """Publish messages, each with an id and a header of its own."""
    client: Any = connection.client
    for start in range(0, count, 100):
        await asyncio.gather(
            *(
                client.request(raw_subject("hrv"), body, timeout=20, headers={"Nats-Msg-Id": f"m{n}", "x": str(n)})
                for n in range(start, min(count, start + 100))
            )
        )


@pytest.fixture
def settings(nats_server: Nats, tmp_path: Path) -> Settings:
    """Return the settings of an operator at the server of this process."""
    return settings_for(nats_server, tmp_path)


@pytest.fixture
async def kept(loaded: Connection, settings: Settings, tmp_path: Path) -> Kept:
    """Give a backup of the stream."""
    assert loaded.is_usable
    return await back_up(settings, CORE_HOT, tmp_path / "backups", unheard)


@pytest.fixture
async def empty(guard: Guard, log: Log) -> AsyncGenerator[tuple[Nats, Connection]]:
    """Give another server, which has nothing, and does not flush: on a busy disk it would give the restore up."""
    server = await asyncio.to_thread(new_nats, guard, sync="2m")
    connection = Connection(server.url, name="empty", log=log)
    await connection.open()
    yield server, connection
    await connection.close()
    os.kill(server.pid, signal.SIGTERM)


@pytest.mark.broker_clock
async def test_a_stream_survives_its_server(
    kept: Kept, loaded: Connection, empty: tuple[Nats, Connection], tmp_path: Path
) -> None:
    """
    On another server the stream has the same messages, checksum over all of them, gaps, and progress of its durables.
    """
    server, connection = empty
    await restore(settings_for(server, tmp_path), kept.folder, unheard)
    there, here = [NatsBroker(each) for each in (connection, loaded)]
    streams = [await each.stream(CORE_HOT) for each in (there, here)]
    floors = [{each.name: each.ack_floor for each in await broker.durables_of(CORE_HOT)} for broker in (there, here)]

    assert kept.manifest.messages == MESSAGES - 1
    assert kept.manifest.fingerprint is not None
    assert len({(each.messages, each.first_sequence, each.last_sequence) for each in streams if each}) == 1
    assert floors[0] == floors[1]
    assert floors[0][normalize_durable("hrv")] == SETTLED
    assert await there.gaps(CORE_HOT) == [200]
    again = await back_up(settings_for(server, tmp_path), CORE_HOT, tmp_path / "again", unheard)
    assert again.manifest.fingerprint == kept.manifest.fingerprint


async def test_a_good_backup_is_stamped(kept: Kept) -> None:
    """
    Restored into a scratch server and compared: the manifest says when, which is what a dangerous change asks for.
    """
    steps: list[Step] = []
    before = now()
    verified = await verify_backup(kept.folder, steps.append)

    assert kept.manifest.verified_at is None
    assert verified.manifest.verified_at is not None
    assert before <= verified.manifest.verified_at <= now()
    assert {step.unit for step in steps} == {"bytes", "messages"}
    assert all(step.done <= step.total for step in steps)


@pytest.mark.usefixtures("connection")
async def test_an_empty_stream_has_a_good_backup(settings: Settings, tmp_path: Path) -> None:
    """
    Without a single message: backed up, proven, no exception.
    """
    for stream in (DLQ, ADVISORY):
        kept = await back_up(settings, stream, tmp_path, unheard)

        assert (await verify_backup(kept.folder, unheard)).manifest.messages == 0


async def test_nothing_is_restored_over_data(kept: Kept, settings: Settings) -> None:
    """
    Where the stream exists the restore is refused, and the stream is as it was.
    """
    with pytest.raises(Refused, match="exists"):
        await restore(settings, kept.folder, unheard)


def truncated(data: bytes) -> bytes:
    """Take the last byte away."""
    return data[:-1]


def extended(data: bytes) -> bytes:
    """Add a byte."""
    return data + b"x"


def altered(data: bytes) -> bytes:
    """Flip a bit."""
    return data[:1000] + bytes([data[1000] ^ 1]) + data[1001:]


@pytest.mark.parametrize(("damage", "said"), [(truncated, "cut short"), (extended, "longer"), (altered, "altered")])
async def test_a_damaged_file_is_never_sent(
    kept: Kept, empty: tuple[Nats, Connection], tmp_path: Path, damage: Callable[[bytes], bytes], said: str
) -> None:
    """
    Found before a byte goes to a server, with the place; the server still has nothing, and the stamp is not given.
    """
    path = kept.folder / "snapshot.bin"
    path.write_bytes(damage(path.read_bytes()))
    server, connection = empty
    with pytest.raises(NotVerified, match=said):
        await restore(settings_for(server, tmp_path), kept.folder, unheard)
    with pytest.raises(NotVerified, match=said):
        await verify_backup(kept.folder, unheard)

    assert await NatsBroker(connection).stream(CORE_HOT) is None
    assert read_manifest(kept.folder).verified_at is None


async def test_what_does_not_hold_what_its_manifest_says_is_found(kept: Kept) -> None:
    """
    A manifest that promises other messages than the bytes hold is no proof, whatever the checksums of the file say.
    """
    path = kept.folder / "manifest.json"
    manifest = json.loads(path.read_bytes())
    manifest["fingerprint"] = "0" * 64
    manifest["durables"][0]["ack_floor_before"] = 10**6
    path.write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(NotVerified, match=r"ack floor.*") as error:
        await verify_backup(kept.folder, unheard)

    assert "checksum" in str(error.value)


async def test_a_backup_goes_to_its_own_environment_only(kept: Kept, tmp_path: Path, nats_server: Nats) -> None:
    """
    What is of dev is not restored into staging, where others look at it.
    """
    environment = Path(__file__).parents[2] / "deploy" / "environments" / "staging.toml"
    (tmp_path / "keys.json").write_text('{"keys": []}', encoding="utf-8")
    more = {"environment": "staging", "environment_file": environment, "ingest_keys_file": tmp_path / "keys.json"}
    with pytest.raises(WrongTarget):
        await restore(settings_for(nats_server, tmp_path, **more), kept.folder, unheard)


@pytest.mark.broker_clock
async def test_messages_that_would_expire_are_asked_about(
    kept: Kept, empty: tuple[Nats, Connection], tmp_path: Path
) -> None:
    """
    An old backup would be empty a moment after its restore: refused, unless told to keep them or to let them go.
    """
    path = kept.folder / "manifest.json"
    manifest = json.loads(path.read_bytes())
    manifest["config"]["max_age"] = 1_000_000
    path.write_text(json.dumps(manifest), encoding="utf-8")
    server, connection = empty
    settings = settings_for(server, tmp_path)
    with pytest.raises(Refused, match="--expired keep"):
        await restore(settings, kept.folder, unheard)
    await restore(settings, kept.folder, unheard, expired="keep")
    stream = await NatsBroker(connection).stream(CORE_HOT)

    assert stream is not None
    assert (stream.messages, stream.config["max_age"]) == (MESSAGES - 1, 0)


async def test_a_broker_that_dies_midway_leaves_no_backup(guard: Guard, tmp_path: Path) -> None:
    """
    Killed between two chunks: the error comes within seconds, and no folder is left.
    """
    server = await asyncio.to_thread(new_nats, guard)
    settings = settings_for(server, tmp_path)
    await big_stream(server, megabytes=4)

    def kill(step: Step) -> None:
        if step.done < step.total and server.pid:
            os.kill(server.pid, signal.SIGKILL)
            server.pid = 0

    with pytest.raises(Unavailable):
        await back_up(settings, CORE_HOT, tmp_path / "out", kill)

    assert [path.name for path in (tmp_path / "out").iterdir() if path.is_dir()] == []


async def test_a_receiver_that_is_too_slow_gets_an_error(guard: Guard, log: Log) -> None:
    """
    The server aborts a snapshot whose chunks are not taken, with an end that looks like the good one but for its
    status: it is told apart.
    """
    server = await asyncio.to_thread(new_nats, guard)
    await big_stream(server, megabytes=24)
    connection = Connection(server.url, name="slow", log=log)
    await connection.open()
    received = 0
    with pytest.raises(Unavailable, match="408"):
        async with Snapshots(connection).taking(CORE_HOT) as (_, chunks):
            async for chunk in chunks:
                if not received:
                    # The server waits for 5 s, and can't be told to wait for less.
                    await asyncio.sleep(6)
                received += len(chunk)
    await connection.close()
    os.kill(server.pid, signal.SIGTERM)


async def big_stream(server: Nats, *, megabytes: int) -> None:
    """Make a stream of random bytes, which no compression makes smaller."""
    done = await asyncio.to_thread(command, server, "streams", "apply", "--yes")
    assert done.returncode == 0, done.stderr
    client: Any = await nats.connect(server.url)  # pyright: ignore[reportUnknownMemberType]  # untyped
    for _ in range(megabytes):
        bodies = [os.urandom(128 * 1024) for _ in range(8)]
        await asyncio.gather(*(client.request(raw_subject("hrv"), body, timeout=20) for body in bodies))
    await client.close()


def command(server: Nats, *arguments: str, **options: Any) -> "subprocess.CompletedProcess[str]":
    """Run a command at this server."""
    started: Any = subprocess.run
    return started(command_line(*arguments), **process_options(server), check=False, timeout=60, **options)


def command_line(*arguments: str) -> list[str]:
    """Return the command."""
    return [sys.executable, "-m", "athlete_ally", *arguments]


def process_options(server: Nats) -> dict[str, Any]:
    """Return how to start it."""
    journal = str(server.guard.folder / "journal.jsonl")
    environment = {**os.environ, "NATS_URL": server.url, "AA_STREAMS_JOURNAL": journal}
    return {"env": environment, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}


async def test_a_killed_backup_is_begun_again(guard: Guard, tmp_path: Path) -> None:
    """
    `kill -9` in the middle leaves a folder that is refused as a backup; the next run clears it away and succeeds.
    """
    server = await asyncio.to_thread(new_nats, guard)
    await big_stream(server, megabytes=24)
    arguments = ("streams", "backup", CORE_HOT, "--out", str(tmp_path))
    process: Any = await asyncio.to_thread(subprocess.Popen, command_line(*arguments), **process_options(server))

    async def is_writing() -> list[Path]:
        return [*tmp_path.glob("*.partial")]

    (partial,) = await eventually(is_writing)
    process.kill()
    process.communicate()
    with pytest.raises(Misconfigured, match="never finished"):
        read_manifest(partial)
    again = await asyncio.to_thread(command, server, *arguments)

    assert again.returncode == Exit.AS_DESIRED, again.stderr
    assert [path.suffix for path in tmp_path.iterdir() if path.is_dir()] == [""]
    os.kill(server.pid, signal.SIGTERM)


@pytest.mark.skipif(sys.platform == "win32", reason="a limit on the size of files is POSIX")
async def test_a_full_disk_leaves_no_backup(kept: Kept, nats_server: Nats, tmp_path: Path) -> None:
    """
    The disk takes no more in the middle: exit code 1, the reason, and nothing that looks like a backup.
    """
    import resource  # noqa: PLC0415  # not on Windows

    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (kept.manifest.bytes // 2, kept.manifest.bytes // 2))

    out = tmp_path / "full"
    arguments = ("streams", "backup", CORE_HOT, "--out", str(out))
    done = await asyncio.to_thread(command, nats_server, *arguments, preexec_fn=little_room)

    assert done.returncode == Exit.ERROR, done.stderr
    assert "nothing was kept" in done.stderr
    assert [path for path in out.iterdir() if path.is_dir()] == []


async def test_two_backups_of_a_stream_do_not_mix(tmp_path: Path) -> None:
    """
    While one is being written, a second one into the same place is refused, and the first goes on.
    """
    with BackupWriter(tmp_path, CORE_HOT, now()) as first:
        first.write(b"1")
        with pytest.raises(Misconfigured, match="another backup"), BackupWriter(tmp_path, CORE_HOT, now()):
            pass
        first.write(b"2")
        assert [path.suffix for path in tmp_path.iterdir() if path.is_dir()] == [".partial"]


async def test_commands_say_what_they_did(nats_server: Nats, kept: Kept) -> None:
    """
    In JSON with a schema version; a restore that is refused exits with 3, and without a terminal nobody is asked.
    """
    folder, nobody = str(kept.folder), {"stdin": subprocess.DEVNULL}
    verified = await asyncio.to_thread(command, nats_server, "streams", "verify-backup", "--json", folder)
    refused = await asyncio.to_thread(command, nats_server, "streams", "restore", "--yes", folder)
    unasked = await asyncio.to_thread(command, nats_server, "streams", "restore", folder, **nobody)
    document = json.loads(verified.stdout)

    assert (document["schema"], document["backups"][0]["messages"]) == (1, MESSAGES - 1)
    assert time.strptime(document["backups"][0]["verified_at"][:19], "%Y-%m-%dT%H:%M:%S")
    assert (refused.returncode, unasked.returncode) == (Exit.REFUSED, Exit.REFUSED)
    assert "no terminal" in unasked.stderr
