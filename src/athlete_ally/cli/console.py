"""`console`: run the service in the foreground."""

from pathlib import Path

import click

from athlete_ally.cli.options import env_file_option
from athlete_ally.cli.run_service import serve, stdin_option
from athlete_ally.config.settings import load_settings
from athlete_ally.wiring.services.console import run_console


@click.command()
@click.option("--host", help="Address to bind.  [env: AA_CONSOLE_HOST; default: 127.0.0.1]")
@click.option("--port", type=int, help="Port to bind; 0 picks a free one.  [env: AA_CONSOLE_PORT; default: 4180]")
@env_file_option
@stdin_option
def console(host: str | None, port: int | None, *, env_file: Path | None, stop_with_stdin: bool) -> None:
    """Run the console: web pages that show the state of the pipeline, its problems and their remedies. (changing)

    Serves http://127.0.0.1:4180 by default. Works while NATS or PostgreSQL is down, and says
    so. Changes nothing by itself: a person starts every change and every display of personal data, and the journal
    records it.

    Binds an address other than loopback only with tokens (AA_CONSOLE_OPERATORS_FILE, AA_CONSOLE_VIEWERS_FILE) or
    behind a proxy that authenticates people (AA_CONSOLE_PROXY_HEADER).
    """
    settings = load_settings(env_file, console_host=host, console_port=port)
    serve(run_console, settings, with_stdin=stop_with_stdin)
