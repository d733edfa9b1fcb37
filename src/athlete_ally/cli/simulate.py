"""`simulate`: simulate a vendor, to run the whole pipeline without an account."""

import asyncio
import json
from typing import Any

import click
from rich.console import Console

from athlete_ally.cli.exits import Exit
from athlete_ally.cli.json_output import json_option
from athlete_ally.cli.options import env_file_option
from athlete_ally.config.settings import load_settings
from athlete_ally.simulate.plan import Mix
from athlete_ally.wiring.local.simulate import Played, Simulation, run_simulation
from athlete_ally.wiring.services.event_loop import run, stop_on_signals

_SHARE = click.FloatRange(0, 1)
_ABOVE_ZERO = click.FloatRange(0, min_open=True)


@click.command()
@click.argument("vendor")
@click.option(
    "--users", type=click.IntRange(1, 100_000), default=5, show_default=True, help="Number of people with accounts."
)
@click.option("--rate", type=_ABOVE_ZERO, default=5.0, show_default=True, help="Deliveries per second.")
@click.option(
    "--count", type=click.IntRange(1), help="Stop after this many deliveries, duplicates and forgeries included."
)
@click.option("--for", "for_s", type=_ABOVE_ZERO, metavar="SECONDS", help="Stop delivering after this many seconds.")
@click.option("--duplicates", type=_SHARE, default=0.0, show_default=True, help="Share of deliveries sent twice.")
@click.option(
    "--disorder", type=_SHARE, default=0.0, show_default=True, help="Share of deliveries sent after newer ones."
)
@click.option(
    "--forged",
    type=_SHARE,
    default=0.0,
    show_default=True,
    help="Share of additional deliveries signed with a wrong secret; each must be answered 401.",
)
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Seed of the random choices of the three options above."
)
@click.option(
    "--hasten",
    type=_ABOVE_ZERO,
    default=1.0,
    show_default=True,
    help="Divide the vendor's delays between retries by this.",
)
@click.option(
    "--per-minute",
    type=click.IntRange(1),
    default=100_000,
    show_default=True,
    help="Requests per minute that the API answers; more get 429 with Retry-After.",
)
@click.option(
    "--down",
    "down_s",
    type=click.FloatRange(0),
    default=0.0,
    metavar="SECONDS",
    help="Length of an outage of the API (503), which starts after two seconds.",
)
@click.option(
    "--quiet",
    "quiet_s",
    type=_ABOVE_ZERO,
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    help="Serve the API until it got no request for this long, or for twice --down if that is longer.",
)
@env_file_option
@json_option
def simulate(*, as_json: bool, **options: Any) -> None:
    """Simulate VENDOR: people connect, then signed webhooks are delivered, until Ctrl-C. (changing)

    VENDOR is a supported vendor, or a sender of Standard Webhooks that AA_WEBHOOK_SENDERS names. Values are synthetic;
    people are called simulated-VENDOR-NUMBER. A delivery not answered 2xx is sent again when the vendor would do so, if
    its documentation states when.

    Sends to AA_INGEST_URL and signs with AA_VENDOR_WEBHOOK_SECRETS, as ingest reads it. For a vendor whose webhooks
    only announce data, it also serves the API: it listens at AA_VENDOR_API_URL, and people connect through fetch at
    AA_CONNECT_URL (AA_TOKEN_KEY or its file, AA_VENDOR_CLIENT_ID and _SECRET as for fetch). For others, the accounts
    are written to DATABASE_URL. `up` writes all of it into connections.env in its data directory: --env-file.

    Exit code 0 if the handshake was right, every delivery was answered 2xx in the end, and every forgery 401; 2 if not.
    """
    settings = load_settings(options["env_file"])
    mix = Mix(options.pop("duplicates"), options.pop("disorder"), options.pop("forged"))
    wanted, played = Simulation(mix=mix, **options), Played()
    console = Console(stderr=True)

    async def main() -> None:
        stop = asyncio.Event()
        stop_on_signals(stop)
        with console.status("starting") as status:
            await run_simulation(settings, wanted, played, stop, status.update)

    run(main())
    _show(played, as_json=as_json)
    raise SystemExit(Exit.AS_DESIRED if played.is_well else Exit.FINDINGS)


def _show(played: Played, *, as_json: bool) -> None:
    document = played.document()
    if as_json:
        click.echo(json.dumps(document))
        return
    for complaint in played.handshake:
        click.echo(f"handshake   {complaint}")
    for name in ("people", "deliveries", "repeats", "forged", "attempts", "taken", "given_up", "refused", "unanswered"):
        click.echo(f"{name.replace('_', ' '):<11} {document[name]}")
    answers = ", ".join(f"{status} x {count}" for status, count in document["answers"].items())
    click.echo(f"answers     {answers or 'none'}")
    if played.api is not None:
        click.echo(f"API         {played.api.served} documents, {played.api.refused} refused by the limit")
