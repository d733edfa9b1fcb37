"""`console`: run the service in the foreground."""

from pathlib import Path

import click

from athlete_ally.cli.options import env_file_option
from athlete_ally.cli.run_service import serve, stdin_option
from athlete_ally.config.settings import load_settings
from athlete_ally.wiring.services.console import run_console


@click.command()
@click.option("--host", help="Address to bind.  [env: AA_CONSOLE_HOST; default: 127.0.0.1]")
@click.option("--port", type=int, help="Port to bind; 0 takes a free one.  [env: AA_CONSOLE_PORT; default: 4180]")
@env_file_option
@stdin_option
def console(host: str | None, port: int | None, *, env_file: Path | None, stop_with_stdin: bool) -> None:
    """Show the console: what flows, what is stuck, what to do. (changing)

    Pages for a browser, at http://127.0.0.1:4180 unless set otherwise. Works while NATS or PostgreSQL is down, and says
    so. Changes nothing by itself: what changes things or shows personal data is asked for by a person, and journalled.

    Binds another address than this machine's only with tokens (AA_CONSOLE_OPERATORS_FILE, AA_CONSOLE_VIEWERS_FILE) or
    behind a proxy that authenticates people (AA_CONSOLE_PROXY_HEADER).
    """
    settings = load_settings(env_file, console_host=host, console_port=port)
    serve(run_console, settings, with_stdin=stop_with_stdin)
