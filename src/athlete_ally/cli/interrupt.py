"""Ctrl-C during work that can be interrupted anywhere, because it resumes."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import click

from athlete_ally.wiring.services.event_loop import stop_on_signals

T = TypeVar("T")

_INTERRUPTED = 128 + 2


async def until_stopped(work: Coroutine[Any, Any, T]) -> T:
    """Do the work; on Ctrl-C cancel it, which loses nothing: what was acknowledged is recorded."""
    stop = asyncio.Event()
    stop_on_signals(stop)
    working, stopped = asyncio.create_task(work), asyncio.create_task(stop.wait())
    await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not working.done():
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        click.echo("stopped; run the same command again to resume", err=True)
        raise SystemExit(_INTERRUPTED)
    return working.result()
