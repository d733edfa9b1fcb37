"""Why a service is not ready, asked no more often than the world can bear."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg

from athlete_ally.adapters.nats.admin import NatsAdmin
from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.adapters.postgres.pool import server_version
from athlete_ally.core.broker.topology import CORE_HOT, MAX_MESSAGE_BYTES, Topology
from athlete_ally.core.errors import Unavailable
from athlete_ally.ops.streams.provision import inspect

Reasons = Callable[[], Awaitable[list[str]]]

# Probes and load balancers ask for readiness; the broker need not hear of each.
_MAX_AGE_S = 1.0
_ANSWER_WITHIN_S = 2.0


def cached(reasons: Reasons) -> Reasons:
    """Return the same reasons, worked out at most once a second and by one caller at a time."""
    lock = asyncio.Lock()
    known: list[str] = []
    known_at_s = -_MAX_AGE_S

    async def ask() -> list[str]:
        nonlocal known, known_at_s
        async with lock:
            if time.monotonic() - known_at_s >= _MAX_AGE_S:
                known, known_at_s = await _bounded(reasons), time.monotonic()
            return known

    return ask


async def _bounded(reasons: Reasons) -> list[str]:
    try:
        async with asyncio.timeout(_ANSWER_WITHIN_S):
            return await reasons()
    except TimeoutError:
        return [f"no answer within {_ANSWER_WITHIN_S:g} s"]
    except Unavailable as error:
        return [str(error)]


async def stream_reasons(connection: Connection, topology: Topology) -> list[str]:
    """Say why messages can't be stored in the streams of a topology."""
    if not connection.is_usable:
        return ["NATS is not connected, or does not answer"]
    admin = NatsAdmin(connection)
    reasons = await _vital(admin, topology)
    stream = await admin.stream(CORE_HOT)
    # A stream that refuses is never filled to the last byte: what counts is whether the next message has room.
    if stream is not None and 0 < stream.max_bytes < stream.bytes + MAX_MESSAGE_BYTES:
        reasons.append(f"stream {CORE_HOT} is full ({stream.bytes} of {stream.max_bytes} bytes)")
    return reasons


async def _vital(admin: NatsAdmin, topology: Topology) -> list[str]:
    """Say what is missing, or has drifted so that a promise does not hold, with the command that mends it."""
    return [str(finding) for finding in await inspect(admin, topology) if finding.is_vital]


async def worker_reasons(connection: Connection, pool: "asyncpg.Pool[Any]", topology: Topology) -> list[str]:
    """Say why a worker can't pull, or can't store."""
    if not connection.is_usable:
        return ["NATS is not connected, or does not answer"]
    admin = NatsAdmin(connection)
    reasons = await _vital(admin, topology)
    for durable in topology.durables:
        live = await admin.durable(durable.stream, durable.name)
        if live is not None and live.paused:
            resume = f"`athlete-ally streams consumers resume {durable.name}`"
            reasons.append(f"durable {durable.name} is paused: {resume} ends that")
    try:
        await server_version(pool)
    except Unavailable as error:
        reasons.append(str(error))
    return reasons
