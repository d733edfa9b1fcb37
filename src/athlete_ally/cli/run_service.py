"""Run one service in the foreground."""

import asyncio
from collections.abc import Awaitable, Callable

import click

from athlete_ally.config.settings import Settings, unknown_variables
from athlete_ally.wiring.services.event_loop import run, stop_on_signals, stop_with_stdin

stdin_option = click.option("--stop-with-stdin", is_flag=True, hidden=True, help="Stop when standard input ends.")


def serve(
    service: Callable[[Settings, asyncio.Event], Awaitable[None]], settings: Settings, *, with_stdin: bool
) -> None:
    """Run the service until it is told to stop; warn first about unknown settings."""
    for warning in unknown_variables():
        click.echo(f"warning: {warning}", err=True)

    async def main() -> None:
        stop = asyncio.Event()
        stop_on_signals(stop)
        if with_stdin:
            stop_with_stdin(stop)
        await service(settings, stop)

    run(main())
