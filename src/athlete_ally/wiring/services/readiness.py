"""Why a service is not ready: what it lacks, and what it tried last and did not achieve."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import uuid4

import asyncpg

from athlete_ally.adapters.nats.admin import NatsAdmin
from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.adapters.postgres.pool import require_writable
from athlete_ally.core.broker.beyond_end import back_to_end, beyond_end
from athlete_ally.core.broker.topology import CORE_HOT, DLQ, MAX_MESSAGE_BYTES, Topology, probe_subject
from athlete_ally.core.errors import AthleteAllyError, PermissionDenied, Unavailable
from athlete_ally.core.messages.message import OutgoingMessage
from athlete_ally.core.watched_publisher import WatchedPublisher
from athlete_ally.normalize.consumer_loop import FULL_DELAY_S
from athlete_ally.normalize.retry import UnboundedRetry
from athlete_ally.ops.streams.provision import LiveDurables, LiveStreams, compare, live_durables, live_streams

Reasons = Callable[[], Awaitable[list[str]]]

# Not every probe and load balancer request should reach the broker.
_MAX_AGE_S = 1.0
_ANSWER_WITHIN_S = 2.0
_PROBE_WITHIN_S = 1.5
_NOT_CONNECTED = "NATS is not connected, or does not answer"
# A reading that was acknowledged so lately says more than any probe.
_IDLE_AFTER_S = 10.0
# Longer than what a full stream refused takes to be delivered again.
_REFUSED_WITHIN_S = 1.5 * FULL_DELAY_S


def cached(reasons: Reasons) -> Reasons:
    """Return the reasons, computed at most once per second and by one caller at a time; answer within 2 s."""
    lock = asyncio.Lock()
    known: list[str] = []
    known_at_s = -_MAX_AGE_S
    asking: asyncio.Task[list[str]] | None = None

    async def ask() -> list[str]:
        nonlocal known, known_at_s, asking
        async with lock:
            if time.monotonic() - known_at_s >= _MAX_AGE_S:
                asking = asking or asyncio.create_task(_told(reasons))
                # Not cancelled when it takes longer: the driver would ask a server that stands still to end the query,
                # and wait for its answer.
                done, _ = await asyncio.wait({asking}, timeout=_ANSWER_WITHIN_S)
                known = (
                    asking.result() if done else [f"NATS or PostgreSQL does not answer within {_ANSWER_WITHIN_S:g} s"]
                )
                known_at_s = time.monotonic()
                asking = None if done else asking
            return known

    return ask


async def _told(reasons: Reasons) -> list[str]:
    try:
        return await reasons()
    except AthleteAllyError as error:
        return [str(error)]
    except OSError as error:
        # Among others EMFILE: a service that can open nothing more has to say so, too.
        return [f"the operating system refuses: {error.strerror}"]


async def ingest_reasons(connection: Connection, publisher: WatchedPublisher, topology: Topology) -> list[str]:
    """Say why readings can't be taken in: what is wrong with the streams, or that a message was not taken."""
    reasons = await stream_reasons(connection, topology)
    if reasons or publisher.achieved(CORE_HOT, _IDLE_AFTER_S):
        return reasons
    problem = await _probe(publisher)
    return [f"stream {CORE_HOT} took no message: {problem}"] if problem else []


async def _probe(publisher: WatchedPublisher) -> str:
    """Return why an empty message was not acknowledged; empty where it was."""
    probe = OutgoingMessage(CORE_HOT, probe_subject("ingest"), b"", f"probe-{uuid4()}", {})
    try:
        async with asyncio.timeout(_PROBE_WITHIN_S):
            await publisher.publish(probe)
    except PermissionDenied:
        # A user of an earlier version may publish readings only: what came of the last one decides.
        return publisher.problem(CORE_HOT, _IDLE_AFTER_S)
    except Unavailable as error:
        return str(error)
    except TimeoutError:
        return f"no acknowledgement in {_PROBE_WITHIN_S:g} s"
    return ""


async def stream_reasons(connection: Connection, topology: Topology) -> list[str]:
    """Return why messages can't be stored in the streams of a topology."""
    if not connection.is_usable:
        return [_NOT_CONNECTED]
    admin = NatsAdmin(connection)
    streams = await live_streams(admin, topology)
    reasons = _leaderless(streams) or _vital(topology, streams, await live_durables(admin, topology))
    stream = streams.get(CORE_HOT)
    # A stream that refuses is never filled to the last byte: what counts is whether the next message fits.
    if stream is not None and 0 < stream.max_bytes < stream.bytes + MAX_MESSAGE_BYTES:
        reasons.append(f"stream {CORE_HOT} is full ({stream.bytes} of {stream.max_bytes} bytes)")
    return reasons


def _vital(topology: Topology, streams: LiveStreams, durables: LiveDurables) -> list[str]:
    """Return what is missing, or differs so that a guarantee does not hold, with the command that fixes it."""
    return [str(finding) for finding in compare(topology, streams, durables) if finding.is_vital]


def _leaderless(streams: LiveStreams) -> list[str]:
    """Say which streams store and deliver nothing; nobody answers for their durables either."""
    names = [name for name, live in streams.items() if live is not None and not live.has_leader]
    return [f"stream {name} has no leader: most of its servers are down" for name in names]


async def worker_reasons(
    connection: Connection,
    pool: "asyncpg.Pool[Any]",
    topology: Topology,
    retries: Sequence[UnboundedRetry],
    publisher: WatchedPublisher,
) -> list[str]:
    """Say why a worker can't pull, or can't store, or what it keeps trying without success."""
    if not connection.is_usable:
        return [_NOT_CONNECTED]
    admin = NatsAdmin(connection)
    streams = await live_streams(admin, topology)
    if leaderless := _leaderless(streams):
        return leaderless
    durables = await live_durables(admin, topology)
    reasons = _vital(topology, streams, durables)
    for name, live in durables.items():
        if live is not None and (skipped := await beyond_end(admin, live, _last_sequence(streams, live.stream))):
            back = back_to_end(name, live.delivered - skipped)
            reasons.append(f"durable {name} stands beyond the end of {live.stream}: {back} ends that")
        if live is not None and live.paused:
            resume = f"`athlete-ally streams consumers resume {name}`"
            reasons.append(f"durable {name} is paused: {resume} ends that")
    try:
        await require_writable(pool)
    except Unavailable as error:
        reasons.append(str(error))
    # A full AA_DLQ stops dead letters and nothing else; it has an alert of its own.
    full = {stream: said for stream, said in publisher.full(_REFUSED_WITHIN_S).items() if stream != DLQ}
    reasons += [f"stream {stream} took no message: {said}" for stream, said in full.items()]
    named = " ".join(reasons)
    return reasons + [retry.problem for retry in retries if retry.problem and retry.durable not in named]


def _last_sequence(streams: LiveStreams, name: str) -> int:
    stream = streams[name]
    return stream.last_sequence if stream is not None else 0
