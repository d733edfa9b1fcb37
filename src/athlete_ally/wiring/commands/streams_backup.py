"""Back up streams, verify a backup on a scratch server, and restore it."""

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from athlete_ally.adapters.files.backup_folder import (
    BackupWriter,
    DurableNote,
    Manifest,
    check_data,
    read_data,
    read_manifest,
    stamp_verified,
)
from athlete_ally.adapters.files.change_log_file import ChangeLogFile
from athlete_ally.adapters.logs import build_log
from athlete_ally.adapters.nats.broker import NatsBroker
from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.adapters.nats.fingerprint import Fingerprints
from athlete_ally.adapters.nats.snapshot import SnapshotHead, Snapshots
from athlete_ally.adapters.servers.nats_server import nats_command
from athlete_ally.adapters.servers.ports import free_port
from athlete_ally.adapters.servers.processes import Processes
from athlete_ally.config.settings import Settings
from athlete_ally.core.broker.state import LiveDurable, LiveStream
from athlete_ally.core.errors import Misconfigured, NotVerified, Refused
from athlete_ally.ops.streams.backup import Restored, differences, expires_at_once, require_fit, shortfalls
from athlete_ally.ops.streams.change_log import Outcome
from athlete_ally.ops.streams.target import require_target
from athlete_ally.wiring.answering import until_it_answers
from athlete_ally.wiring.builders import now
from athlete_ally.wiring.commands.session import nats_session
from athlete_ally.wiring.commands.streams import required_environment

_GIB = 2**30
_VERIFY_WITHIN_S = 5.0
_LOOK_EVERY_S = 0.2


@dataclass(frozen=True, slots=True)
class Step:
    """The progress of a step, and its total."""

    what: str
    done: int
    total: int
    unit: Literal["bytes", "messages", "rows"]


Tell = Callable[[Step], None]
"""Receives every step."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A backup and its folder."""

    folder: Path
    manifest: Manifest


async def back_up(settings: Settings, stream: str, out: Path, tell: Tell) -> Kept:
    """Write a backup of a stream into a new folder below `out`.

    Raises:
        Misconfigured: there is no such stream, or the folder can't be used.
        Unavailable: the server or the disk failed; nothing is kept.
    """
    environment = required_environment(settings).environment
    async with nats_session(settings) as connection:
        broker = NatsBroker(connection)
        live = await _existing(broker, stream)
        before = await broker.durables_of(stream)
        with BackupWriter(out, stream, now()) as writer:
            async with Snapshots(connection).taking(stream) as (head, chunks):
                written = 0
                async for chunk in chunks:
                    writer.write(chunk)
                    written += len(chunk)
                    # Compressed streams need less than this.
                    tell(Step(f"backing up {stream}", written, max(live.bytes, written), "bytes"))
            after = await broker.durables_of(stream)
            folder, manifest = writer.finish(
                environment=environment,
                created_at=now(),
                server_version=connection.server_version,
                config=head.config,
                state=head.state,
                durables=_notes(before, after),
                fingerprint=await _fingerprint(connection, stream, head.state, tell),
            )
    return Kept(folder, manifest)


async def verify_backup(folder: Path, tell: Tell) -> Kept:
    """Verify that a backup can be restored: on a scratch server, reading and comparing all messages.

    Raises:
        Misconfigured: it is not a backup.
        NotVerified: the file was altered, or the restored stream differs.
    """
    manifest = read_manifest(folder)
    _check_file(folder, manifest, tell)
    async with _scratch_server(manifest) as connection:
        await _restore(connection, folder, manifest, _for_one_server(manifest.config), tell)
        problems = differences(manifest, await _restored(connection, manifest, tell))
    if problems:
        raise NotVerified(f"{folder}: restored into a scratch server, " + "; ".join(problems))
    stamp_verified(folder, now())
    return Kept(folder, read_manifest(folder))


async def restore(settings: Settings, folder: Path, tell: Tell, *, expired: str = "refuse") -> Kept:
    """Create a stream from a backup, if no stream of that name exists.

    `expired` says what to do with messages older than the stream's max_age: `refuse`, `drop` or `keep` (with
    max_age off until the next `apply`).

    Raises:
        Refused: the stream exists, the server is too old, or messages would expire at once; nothing was changed.
        WrongTarget: this is another environment's server, or another environment's backup.
        NotVerified: the file was altered (nothing was changed), or the restored stream differs.
    """
    manifest = read_manifest(folder)
    spec = required_environment(settings)
    _check_file(folder, manifest, tell)
    async with nats_session(settings) as connection:
        broker = NatsBroker(connection)
        server = await broker.server()
        require_target(server, spec.expect, [], spec.environment)
        require_fit(manifest, server, spec.environment)
        if await broker.stream(manifest.stream) is not None:
            raise Refused(f"{manifest.stream} exists on this server: a restore never overwrites data")
        config = _with_max_age(manifest, expired)
        about = {"environment": spec.environment, "account": server.account, "cluster": server.cluster, "plan": ""}
        journal = ChangeLogFile(settings.streams_journal, now, about)
        outcome = Outcome("stream", manifest.stream, manifest.stream, None, config)
        journal.begin(outcome)
        await _restore(connection, folder, manifest, config, tell)
        problems = [] if expired == "drop" else await _lacking(connection, manifest, tell)
        found = "; ".join(problems)
        journal.end(outcome, result="failed" if problems else "done", detail=found or f"restored from {folder}")
    if problems:
        raise NotVerified(f"{manifest.stream} was restored, but {found}")
    return Kept(folder, manifest)


async def _existing(broker: NatsBroker, stream: str) -> LiveStream:
    live = await broker.stream(stream)
    if live is None:
        raise Misconfigured(f"there is no stream {stream} on this server")
    return live


def _notes(before: Sequence[LiveDurable], after: Sequence[LiveDurable]) -> tuple[DurableNote, ...]:
    floors = {each.name: each.ack_floor for each in after}
    return tuple(
        DurableNote(
            name=each.name,
            config=dict(each.config),
            ack_floor_before=each.ack_floor,
            ack_floor_after=floors.get(each.name, each.ack_floor),
        )
        for each in before
    )


async def _fingerprint(connection: Connection, stream: str, state: dict[str, Any], tell: Tell) -> str | None:
    total = int(state["messages"])
    found = await Fingerprints(connection).of(
        stream,
        state["first_seq"],
        state["last_seq"],
        total,
        lambda count: tell(Step(f"reading {stream}", count, total, "messages")),
    )
    return None if found is None else found.sha256


async def _restore(
    connection: Connection, folder: Path, manifest: Manifest, config: dict[str, Any], tell: Tell
) -> None:
    async def chunks() -> AsyncGenerator[bytes]:
        sent = 0
        for chunk in read_data(folder, manifest):
            yield chunk
            sent += len(chunk)
            tell(Step(f"restoring {manifest.stream}", sent, manifest.bytes, "bytes"))

    await Snapshots(connection).restore(manifest.stream, SnapshotHead(config, manifest.state), chunks())


async def _lacking(connection: Connection, manifest: Manifest, tell: Tell) -> list[str]:
    """Return what is missing after a restore; in a cluster, the progress of durables appears a moment later."""
    deadline_s = time.monotonic() + _VERIFY_WITHIN_S
    while problems := shortfalls(manifest, await _restored(connection, manifest, tell)):
        if time.monotonic() > deadline_s:
            break
        await asyncio.sleep(_LOOK_EVERY_S)
    return problems


async def _restored(connection: Connection, manifest: Manifest, tell: Tell) -> Restored:
    broker = NatsBroker(connection)
    stream = await _existing(broker, manifest.stream)
    fingerprint = await _fingerprint(connection, manifest.stream, manifest.state, tell)
    return Restored(stream, await broker.durables_of(manifest.stream), fingerprint)


def _check_file(folder: Path, manifest: Manifest, tell: Tell) -> None:
    for good in check_data(folder, manifest):
        tell(Step("checking the file", good, manifest.bytes, "bytes"))


def _with_max_age(manifest: Manifest, expired: str) -> dict[str, Any]:
    if expired == "refuse" and expires_at_once(manifest, now()):
        raise Refused(
            f"the oldest messages of the backup ({manifest.state['first_ts'][:10]}) are older than the stream's "
            "max_age, and would be deleted right after the restore: keep them with --expired keep (max_age is "
            "off until the next `streams apply`), or delete them with --expired drop"
        )
    return {**manifest.config, "max_age": 0} if expired == "keep" else dict(manifest.config)


def _for_one_server(config: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration for a scratch server: one replica, and no expiry of messages."""
    return {**{name: value for name, value in config.items() if name != "placement"}, "num_replicas": 1, "max_age": 0}


@asynccontextmanager
async def _scratch_server(manifest: Manifest) -> AsyncGenerator[Connection]:
    """Run a nats-server in a temporary folder, and yield a connection to it."""
    processes = Processes()
    folder = await processes.open(None)
    port, token = free_port(), secrets.token_hex(16)
    # The stream reserves max_bytes there; it uses only as much disk as the backup holds.
    room = max(int(manifest.config.get("max_bytes", -1)), int(manifest.state["bytes"])) // _GIB + 2
    # A server restores message by message; with sync always that takes about fifteen times as long.
    command = nats_command(
        folder / "nats", port=port, monitor_port=free_port(), token=token, max_file_store=f"{room}GB", sync="2m"
    )
    log = build_log("verify", level="error", form="auto")
    connection = Connection(f"nats://{token}@127.0.0.1:{port}", name="athlete-ally-verify", log=log)
    try:
        await processes.start(command)
        await connection.open()
        await until_it_answers(lambda: connection.api("INFO"))
        yield connection
    finally:
        await connection.close()
        await processes.close()
