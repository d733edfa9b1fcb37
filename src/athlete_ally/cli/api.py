"""`api`: run the service in the foreground."""

import click

from athlete_ally.cli.run_service import serve, stdin_option
from athlete_ally.config.settings import load_settings
from athlete_ally.wiring.services.api import run_api


@click.command()
@click.option("--host", help="Address to bind.  [env: AA_API_HOST; default: 0.0.0.0]")
@click.option("--port", type=int, help="Port to bind; 0 picks a free one.  [env: AA_API_PORT; default: 4104]")
@stdin_option
def api(host: str | None, port: int | None, *, stop_with_stdin: bool) -> None:
    """Run the API: records, time series, people and changes for apps and analysts. (read-only)

    Serves /api/v1; http://localhost:4104/docs shows how. Needs PostgreSQL (AA_READ_DATABASE_URL or DATABASE_URL), and
    outside dev AA_INGEST_KEYS_FILE. Any number of processes may run; none of them slows a write.
    """
    settings = load_settings(api_host=host, api_port=port)
    serve(run_api, settings, with_stdin=stop_with_stdin)
