"""The life of a service, from start to a drained stop."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

from athlete_ally.adapters.nats.admin import NatsAdmin
from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.core.broker.topology import Topology
from athlete_ally.core.errors import Misconfigured, Unavailable
from athlete_ally.core.ports import Log
from athlete_ally.ops.streams.provision import inspect

_Answer = TypeVar("_Answer")

_TRY_AGAIN_S = 0.5
# A driver may wait for its server even when cancelled; closing it ends that.
_CANCEL_S = 1.0


async def serve(
    stop: asyncio.Event,
    work: Coroutine[Any, Any, None],
    *,
    close: Sequence[Callable[[], Awaitable[None]]],
    within_s: float,
    log: Log,
) -> None:
    """Do the work until it ends or `stop` is set, finish work in progress, then close everything in order.

    Raises:
        The error of the work: a service that can't work reports why and stops.
    """
    task = asyncio.create_task(work)
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if stop.is_set():
            log.info("stopping")
        stop.set()
        await asyncio.wait({task}, timeout=within_s)
        if not task.done():
            log.warning("cut-off", after_s=within_s)
            task.cancel()
            await asyncio.wait({task}, timeout=_CANCEL_S)
        if task.done() and not task.cancelled() and (error := task.exception()):
            raise _innermost(error)
    finally:
        for each in close:
            await each()
        log.info("stopped")


async def unless_stopped(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """Do work that may take forever; return False when `stop` was set first."""
    task = asyncio.create_task(work)
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not task.done():
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return False
    await task
    return True


async def until_available(check: Callable[[], Awaitable[_Answer]], log: Log) -> _Answer:
    """Repeat a check until the server it needs can be reached; return what it returns.

    Raises:
        Misconfigured: the check raises it.
    """
    while True:
        try:
            return await check()
        except Unavailable as error:
            log.warning("waiting", error=str(error))
            await asyncio.sleep(_TRY_AGAIN_S)


async def require_topology(connection: Connection, topology: Topology) -> None:
    """Return when streams and durables exist with the required configuration.

    Raises:
        Misconfigured: something is missing or differs in a way that breaks a guarantee.
        Unavailable: the broker does not answer.
    """
    findings = [finding for finding in await inspect(NatsAdmin(connection), topology) if finding.is_vital]
    if findings:
        raise Misconfigured("\n".join(map(str, findings)))


def _innermost(error: BaseException) -> BaseException:
    """Return the first real error inside the groups that task groups raise."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]  # pyright: ignore[reportUnknownMemberType,reportUnknownVariableType]  # any of them
    return error  # pyright: ignore[reportUnknownVariableType]  # as above
