"""`up`: run everything on one machine."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.live import Live
from rich.text import Text

from athlete_ally.cli.options import env_file_option
from athlete_ally.config.settings import load_settings, require_keys, unknown_variables
from athlete_ally.config.vendor_secrets import vendor_values
from athlete_ally.core.errors import Misconfigured
from athlete_ally.vendors import VENDORS
from athlete_ally.wiring.builders import service_log
from athlete_ally.wiring.local.stack import Stack, start_stack
from athlete_ally.wiring.local.status import status_line
from athlete_ally.wiring.services.event_loop import run, stop_on_signals

_LOOK_EVERY_S = 1.0
_SAY_EVERY_S = 60.0


@click.command()
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="The servers' data directory.  [env: AA_DATA_DIR; default: the user's data directory, for root the site's]",
)
@click.option("--port", "ingest_port", type=int, help="Port of ingest.  [env: AA_INGEST_PORT; default: 4101]")
@click.option("--host", "ingest_host", help="Address that ingest binds.  [env: AA_INGEST_HOST; default: 0.0.0.0]")
@click.option("--normalize-port", type=int, help="Port of normalize.  [env: AA_NORMALIZE_PORT; default: 4102]")
@click.option("--api-port", type=int, help="Port of the API.  [env: AA_API_PORT; default: 4104]")
@click.option("--console-port", type=int, help="Port of the console.  [env: AA_CONSOLE_PORT; default: 4180]")
@click.option("--nats-port", "local_nats_port", type=int, help="Port of the nats-server it starts; 0 picks a free one.")
@click.option(
    "--postgres-port", "local_postgres_port", type=int, help="Port of the PostgreSQL it starts; 0 picks a free one."
)
@env_file_option
def up(*, env_file: Path | None, **flags: Any) -> None:
    """Run everything on this machine until Ctrl-C. (changing)

    Starts nats-server and PostgreSQL from their wheels under the data directory (or uses NATS_URL and DATABASE_URL,
    when set), creates streams and schema, and runs ingest, normalize, the API and the console. Data survives a restart.
    Fetch also runs when an AA_VENDOR_CLIENT_ID is set; a token key is made in the data directory unless one is set.
    For one machine or a small lab; in production run each service by itself.
    """
    settings = load_settings(env_file, **flags)
    require_keys(settings)
    for warning in unknown_variables(env_file):
        click.echo(f"warning: {warning}", err=True)
    console = Console(stderr=True)
    log = service_log(settings, "up")
    folder = settings.data_dir.resolve()
    vendors = vendor_values((*VENDORS, *settings.senders), env_file)

    async def main() -> None:
        stop = asyncio.Event()
        stop_on_signals(stop)
        to_files = console.is_terminal
        starting = asyncio.create_task(
            start_stack(
                settings, folder, log, services_log_to_files=to_files, extra=("api", "console"), vendors=vendors
            )
        )
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({starting, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            return
        stack = await starting
        try:
            _say_where(stack)
            await _watch(stack, console, stop)
        finally:
            click.echo("stopping: services drain, then the servers stop", err=True)
            await stack.close()

    run(main())


def _say_where(stack: Stack) -> None:
    host = stack.settings.ingest_host
    click.echo(f"ingest       {stack.ingest_url}  (bound to {host}; /docs, /health/ready, /metrics)")
    click.echo(f"normalize    {stack.normalize_url}  (/health/ready, /metrics)")
    if stack.with_fetch:
        click.echo(f"fetch        {stack.fetch_url}  (/connect/VENDOR, /health/ready, /metrics)")
    click.echo(f"api          {stack.api_url}  (bound to {stack.settings.api_host}; /docs, /health/ready, /metrics)")
    click.echo(f"console      {stack.console_url}  (open it in a browser)")
    click.echo(f"data         {stack.folder}{_why(stack)}")
    click.echo(f"connections  {stack.environment_file}  (give it to other commands: --env-file FILE)")
    if stack.psql is not None:
        click.echo(f"psql         {stack.psql}")
    click.echo("Ctrl-C stops everything.")


def _why(stack: Stack) -> str:
    if stack.settings.is_set("data_dir") or sys.platform == "win32" or os.geteuid():
        return ""
    return "  (as root: PostgreSQL runs as another user, who has to reach it; --data-dir chooses another)"


async def _watch(stack: Stack, console: Console, stop: asyncio.Event) -> None:
    """Show a live status line on a terminal, or log one periodically, until told to stop or a process ends."""
    line = Text("")
    rounds_between_lines = int(_SAY_EVERY_S / _LOOK_EVERY_S)
    rounds = 0
    with Live(line, console=console, refresh_per_second=4, transient=True) as live:
        while not stop.is_set() and not stack.processes.exited.is_set():
            status = await status_line(stack)
            if console.is_terminal:
                live.update(Text(status))
            elif rounds % rounds_between_lines == 0:
                stack.log.info("status", summary=status)
            rounds += 1
            try:
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await stop.wait()
            except TimeoutError:
                continue
    if not stop.is_set() and (ended := stack.processes.first_exit) is not None:
        raise Misconfigured(f"{ended.name} ended with exit code {ended.code}; the logs are in {stack.folder}")
