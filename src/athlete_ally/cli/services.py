"""`ingest`, `normalize` and `console`: run one service in the foreground."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import click

from athlete_ally.cli.options import env_file_option
from athlete_ally.config.settings import Settings, load_settings, unknown_variables
from athlete_ally.wiring.console import run_console
from athlete_ally.wiring.fetch import run_fetch
from athlete_ally.wiring.ingest import run_ingest
from athlete_ally.wiring.loop import run, stop_on_signals, stop_with_stdin
from athlete_ally.wiring.normalize import run_normalize

_stdin_option = click.option("--stop-with-stdin", is_flag=True, hidden=True, help="Stop when standard input ends.")


@click.command()
@click.option("--host", help="Address to bind.  [env: AA_INGEST_HOST; default: 0.0.0.0]")
@click.option("--port", type=int, help="Port to bind; 0 takes a free one.  [env: AA_INGEST_PORT; default: 4101]")
@_stdin_option
def ingest(host: str | None, port: int | None, *, stop_with_stdin: bool) -> None:
    """Run ingest: take readings in over HTTP. (changing)

    Answers 2xx only once the stream has the message on disk. Needs NATS (NATS_URL) with the streams created. Stops on
    Ctrl-C or SIGTERM after the requests in hand are answered.
    """
    settings = load_settings(ingest_host=host, ingest_port=port)
    _serve(run_ingest, settings, with_stdin=stop_with_stdin)


@click.command()
@click.option("--host", help="Address to bind for health and series.  [env: AA_NORMALIZE_HOST; default: 0.0.0.0]")
@click.option("--port", type=int, help="Port to bind for health and series.  [env: AA_NORMALIZE_PORT; default: 4102]")
@_stdin_option
def normalize(host: str | None, port: int | None, *, stop_with_stdin: bool) -> None:
    """Run normalize: turn raw readings into records. (changing)

    Needs NATS (NATS_URL) with streams and durables created, and PostgreSQL (DATABASE_URL) with the current schema. Any
    number of workers share the work. Stops on Ctrl-C or SIGTERM after what is in hand is settled.
    """
    settings = load_settings(normalize_host=host, normalize_port=port)
    _serve(run_normalize, settings, with_stdin=stop_with_stdin)


@click.command()
@click.option("--host", help="Address to bind.  [env: AA_FETCH_HOST; default: 0.0.0.0]")
@click.option("--port", type=int, help="Port to bind; 0 takes a free one.  [env: AA_FETCH_PORT; default: 4103]")
@_stdin_option
def fetch(host: str | None, port: int | None, *, stop_with_stdin: bool) -> None:
    """Run fetch: get what vendors' webhooks only name, with each person's permission. (changing)

    Serves /connect/VENDOR, where people give it; links are made by `athlete-ally connect link`. Needs NATS (NATS_URL),
    PostgreSQL (DATABASE_URL), AA_TOKEN_KEY_FILE, and for each vendor AA_VENDOR_CLIENT_ID and AA_VENDOR_CLIENT_SECRET.
    Any number of workers share the work and the vendors' limits. A vendor that is down delays its own people only.
    """
    settings = load_settings(fetch_host=host, fetch_port=port)
    _serve(run_fetch, settings, with_stdin=stop_with_stdin)


@click.command()
@click.option("--host", help="Address to bind.  [env: AA_CONSOLE_HOST; default: 127.0.0.1]")
@click.option("--port", type=int, help="Port to bind; 0 takes a free one.  [env: AA_CONSOLE_PORT; default: 4180]")
@env_file_option
@_stdin_option
def console(host: str | None, port: int | None, *, env_file: Path | None, stop_with_stdin: bool) -> None:
    """Show the console: what flows, what is stuck, what to do. (changing)

    Pages for a browser, at http://127.0.0.1:4180 unless set otherwise. Works while NATS or PostgreSQL is down, and says
    so. Changes nothing by itself: what changes things or shows personal data is asked for by a person, and journalled.

    Binds another address than this machine's only with tokens (AA_CONSOLE_OPERATORS_FILE, AA_CONSOLE_VIEWERS_FILE) or
    behind a proxy that authenticates people (AA_CONSOLE_PROXY_HEADER).
    """
    settings = load_settings(env_file, console_host=host, console_port=port)
    _serve(run_console, settings, with_stdin=stop_with_stdin)


def _serve(
    service: Callable[[Settings, asyncio.Event], Awaitable[None]], settings: Settings, *, with_stdin: bool
) -> None:
    for warning in unknown_variables():
        click.echo(f"warning: {warning}", err=True)

    async def main() -> None:
        stop = asyncio.Event()
        stop_on_signals(stop)
        if with_stdin:
            stop_with_stdin(stop)
        await service(settings, stop)

    run(main())
