"""Pause, resume and reset one durable, with a preview of the effect."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from athlete_ally.adapters.files.change_log_file import ChangeLogFile
from athlete_ally.adapters.nats.broker import NatsBroker
from athlete_ally.adapters.nats.connection import ApiError, Connection
from athlete_ally.adapters.nats.direct_reads import DirectReads
from athlete_ally.config.settings import Settings
from athlete_ally.core.broker.state import LiveDurable, LiveStream, Server
from athlete_ally.core.errors import Misconfigured, NotVerified, Refused
from athlete_ally.ops.streams.change_log import Outcome
from athlete_ally.ops.streams.reset_forecast import Rewind, rewind
from athlete_ally.ops.streams.target import require_target
from athlete_ally.wiring.builders import desired_topology, now
from athlete_ally.wiring.commands.session import nats_session
from athlete_ally.wiring.commands.streams import required_environment

_RESET_LEVEL = 4

# In a cluster a durable shows a change once its servers have agreed, a moment after the response.
_VERIFY_WITHIN_S = 5.0
_LOOK_EVERY_S = 0.05


@dataclass(frozen=True, slots=True)
class Waiting:
    """The work of a durable: its pending and unacknowledged messages, and when the oldest of them expires."""

    durable: str
    stream: str
    messages: int
    paused: bool
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Found:
    connection: Connection
    server: Server
    stream: LiveStream
    durable: LiveDurable


async def look(settings: Settings, name: str) -> Waiting:
    """Return what is pending for a durable. Read-only.

    Raises:
        Misconfigured: it is not one of our durables, or is missing.
    """
    async with _at(settings, name) as found:
        return await _waiting(found)


async def pause(settings: Settings, name: str, until: datetime) -> Waiting:
    """Stop deliveries until then; deliveries in progress are finished.

    Raises:
        Refused: a pending message would expire before; nothing was changed.
        NotVerified: the server shows a different state afterwards.
    """
    async with _at(settings, name) as found:
        waiting = await _waiting(found)
        if waiting.expires_at is not None and waiting.expires_at <= until:
            raise Refused(
                f"{name}: the oldest pending message expires at {waiting.expires_at:%Y-%m-%d %H:%M} "
                "UTC, before the pause ends: pause for less, or raise max_age first"
            )
        where = f"CONSUMER.PAUSE.{found.durable.stream}.{name}"
        await _change(settings, found, where, {"pause_until": until.isoformat()}, f"paused until {until:%FT%TZ}")
        return await _verified(found, paused=True)


async def resume(settings: Settings, name: str) -> Waiting:
    """Resume deliveries.

    Raises:
        NotVerified: the server shows a different state afterwards.
    """
    async with _at(settings, name) as found:
        await _change(settings, found, f"CONSUMER.PAUSE.{found.durable.stream}.{name}", {}, "resumed")
        return await _verified(found, paused=False)


async def preview(settings: Settings, name: str, *, sequence: int | None, since: datetime | None) -> Rewind:
    """Return the effect of `reset`, counted by the server. Without sequence and time it is the ack floor. Read-only.

    Raises:
        Refused: the server is older than 2.14, which lacks this, or has no message since that time.
    """
    async with _at(settings, name) as found:
        if found.server.api_level < _RESET_LEVEL:
            raise Refused(
                f"server {found.server.version} can't reset a durable: upgrade it to 2.14 or newer. Deleting "
                "the durable and creating it again would deliver every message again"
            )
        return await _preview(found, sequence, since)


async def reset(settings: Settings, wanted: Rewind) -> Rewind:
    """Reset a durable as previewed, and return the current state.

    Raises:
        Refused: it progressed in the meantime: preview again.
        NotVerified: the server shows a different state afterwards.
    """
    async with _at(settings, wanted.durable) as found:
        again = await _preview(found, wanted.sequence, None)
        if again.skipped > wanted.skipped or again.again > wanted.again:
            raise Refused(f"{wanted.durable} progressed since the preview: {again}; preview again")
        where = f"CONSUMER.RESET.{wanted.stream}.{wanted.durable}"
        await _change(settings, found, where, {"seq": wanted.sequence}, f"reset to {wanted.sequence}")
        live = await NatsBroker(found.connection).durable(wanted.stream, wanted.durable)
    # A worker may have acknowledged some already.
    if live is None or live.ack_floor < wanted.sequence - 1 or (again.again and live.ack_floor > again.ack_floor):
        raise NotVerified(
            f"{wanted.durable}: acknowledged up to {live and live.ack_floor}, expected {wanted.sequence - 1}"
        )
    return again


@asynccontextmanager
async def _at(settings: Settings, name: str) -> AsyncGenerator[_Found]:
    spec = required_environment(settings)
    known = {each.name: each.stream for each in desired_topology(settings).durables}
    if name not in known:
        raise Misconfigured(f"unknown durable {name}: expected one of {', '.join(known)}")
    async with nats_session(settings) as connection:
        broker = NatsBroker(connection)
        server, stream = await broker.server(), await broker.stream(known[name])
        require_target(server, spec.expect, [stream] if stream else [], spec.environment)
        durable = await broker.durable(known[name], name)
        if stream is None or durable is None:
            raise Misconfigured(f"durable {name} is missing: run `athlete-ally streams apply`")
        yield _Found(connection, server, stream, durable)


async def _waiting(found: _Found) -> Waiting:
    durable, stream = found.durable, found.stream
    messages = durable.pending + durable.ack_pending
    max_age_ns = int(stream.config.get("max_age", 0))
    expires_at = None
    if messages and max_age_ns:
        oldest = await NatsBroker(found.connection).message_from(stream.name, durable.ack_floor + 1)
        expires_at = oldest and oldest.stored_at + timedelta(microseconds=max_age_ns / 1000)
    return Waiting(durable.name, stream.name, messages, durable.paused, expires_at)


async def _preview(found: _Found, sequence: int | None, since: datetime | None) -> Rewind:
    durable, stream = found.durable, found.stream
    direct = DirectReads(found.connection)
    if since is not None:
        sequence = await direct.first_since(stream.name, since)
        if sequence is None:
            raise Refused(f"{stream.name} has no message since {since.isoformat()}: nothing would be delivered again")
    sequence = durable.ack_floor + 1 if sequence is None else sequence
    if sequence > stream.last_sequence + 1:
        raise Refused(
            f"--sequence {sequence} is beyond the end of {stream.name}: its last message is {stream.last_sequence}, "
            f"and {durable.name} would skip all that come until then; give at most {stream.last_sequence + 1}"
        )
    return rewind(
        durable.name,
        stream.name,
        ack_floor=durable.ack_floor,
        sequence=sequence,
        from_there=await direct.count(stream.name, durable.filters, sequence),
        from_floor=await direct.count(stream.name, durable.filters, durable.ack_floor + 1),
        first_sequence=stream.first_sequence,
    )


async def _change(settings: Settings, found: _Found, subject: str, payload: dict[str, object], detail: str) -> None:
    config = dict(found.durable.config)
    outcome = Outcome("durable", found.durable.name, found.stream.name, config, config)
    about = {"environment": settings.environment, "account": found.server.account, "cluster": found.server.cluster}
    journal = ChangeLogFile(settings.streams_journal, now, {**about, "plan": ""})
    journal.begin(outcome)
    try:
        await found.connection.api(subject, payload)
    except ApiError as error:
        journal.end(outcome, result="failed", detail=str(error))
        raise Refused(f"{found.durable.name}: the server refuses: {error}") from error
    journal.end(outcome, result="done", detail=detail)


async def _verified(found: _Found, *, paused: bool) -> Waiting:
    deadline_s = time.monotonic() + _VERIFY_WITHIN_S
    while True:
        live = await NatsBroker(found.connection).durable(found.stream.name, found.durable.name)
        if live is None or live.paused == paused or time.monotonic() > deadline_s:
            break
        await asyncio.sleep(_LOOK_EVERY_S)
    if live is None or live.paused != paused:
        raise NotVerified(f"{found.durable.name}: paused is {live and live.paused}, expected {paused}")
    return await _waiting(_Found(found.connection, found.server, found.stream, live))
