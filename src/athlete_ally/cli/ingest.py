"""`ingest`: run the service in the foreground."""

import click

from athlete_ally.cli.run_service import serve, stdin_option
from athlete_ally.config.settings import load_settings
from athlete_ally.wiring.services.ingest import run_ingest


@click.command()
@click.option("--host", help="Address to bind.  [env: AA_INGEST_HOST; default: 0.0.0.0]")
@click.option("--port", type=int, help="Port to bind; 0 picks a free one.  [env: AA_INGEST_PORT; default: 4101]")
@stdin_option
def ingest(host: str | None, port: int | None, *, stop_with_stdin: bool) -> None:
    """Run ingest: accept readings and webhooks over HTTP. (changing)

    Answers 2xx only once the stream has the message on disk. Needs NATS (NATS_URL) with its streams created. Stops on
    Ctrl-C or SIGTERM after the requests in progress are answered.
    """
    settings = load_settings(ingest_host=host, ingest_port=port)
    serve(run_ingest, settings, with_stdin=stop_with_stdin)
