"""`ingest`: run the service in the foreground, or replay what it accepted."""

import click

from athlete_ally.cli.lazy import LazyGroup
from athlete_ally.cli.run_service import serve, stdin_option
from athlete_ally.config.settings import load_settings

_COMMANDS = {"replay": "athlete_ally.cli.ingest.replay:replay"}


@click.group(cls=LazyGroup, places=_COMMANDS, invoke_without_command=True)
@click.option("--host", help="Address to bind.  [env: AA_INGEST_HOST; default: 0.0.0.0]")
@click.option("--port", type=int, help="Port to bind; 0 picks a free one.  [env: AA_INGEST_PORT; default: 4101]")
@stdin_option
@click.pass_context
def ingest(context: click.Context, host: str | None, port: int | None, *, stop_with_stdin: bool) -> None:
    """Run ingest: accept readings and webhooks over HTTP. (changing)

    Answers 2xx only once the stream has the message on disk, and the message journal too where it is required. Needs
    NATS (NATS_URL) with its streams created. Stops on Ctrl-C or SIGTERM after the requests in progress are answered.
    """
    if context.invoked_subcommand is None:
        # The other commands of the group need no HTTP server.
        from athlete_ally.wiring.services.ingest import run_ingest  # noqa: PLC0415

        serve(run_ingest, load_settings(ingest_host=host, ingest_port=port), with_stdin=stop_with_stdin)
