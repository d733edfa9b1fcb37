"""`fetch`: run the service in the foreground."""

import click

from athlete_ally.cli.run_service import serve, stdin_option
from athlete_ally.config.settings import load_settings
from athlete_ally.wiring.services.fetch import run_fetch


@click.command()
@click.option("--host", help="Address to bind.  [env: AA_FETCH_HOST; default: 0.0.0.0]")
@click.option("--port", type=int, help="Port to bind; 0 picks a free one.  [env: AA_FETCH_PORT; default: 4103]")
@stdin_option
def fetch(host: str | None, port: int | None, *, stop_with_stdin: bool) -> None:
    """Run fetch: get the data that vendors' webhooks only announce, with each person's permission. (changing)

    Serves /connect/VENDOR, where people grant it; `athlete-ally connect link` makes the links. Needs NATS (NATS_URL),
    PostgreSQL (DATABASE_URL), AA_TOKEN_KEY_FILE, and for each vendor AA_VENDOR_CLIENT_ID and AA_VENDOR_CLIENT_SECRET.
    Any number of processes share the work and the vendors' rate limits. An outage of a vendor delays only its own data.
    """
    settings = load_settings(fetch_host=host, fetch_port=port)
    serve(run_fetch, settings, with_stdin=stop_with_stdin)
