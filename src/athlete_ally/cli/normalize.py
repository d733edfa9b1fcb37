"""`normalize`: run the service in the foreground."""

import click

from athlete_ally.cli.run_service import serve, stdin_option
from athlete_ally.config.settings import load_settings
from athlete_ally.wiring.services.normalize import run_normalize


@click.command()
@click.option("--host", help="Address to bind for health and series.  [env: AA_NORMALIZE_HOST; default: 0.0.0.0]")
@click.option("--port", type=int, help="Port to bind for health and series.  [env: AA_NORMALIZE_PORT; default: 4102]")
@stdin_option
def normalize(host: str | None, port: int | None, *, stop_with_stdin: bool) -> None:
    """Run normalize: turn raw readings into records. (changing)

    Needs NATS (NATS_URL) with its streams and durables created, and PostgreSQL (DATABASE_URL) with the current schema.
    Any number of processes share the work. Stops on Ctrl-C or SIGTERM after the messages in progress are settled.
    """
    settings = load_settings(normalize_host=host, normalize_port=port)
    serve(run_normalize, settings, with_stdin=stop_with_stdin)
