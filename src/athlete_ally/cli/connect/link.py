"""`connect link`: a link with which one person connects an account."""

import json
from pathlib import Path

import click

from athlete_ally.cli.options import env_file_option, json_option, label
from athlete_ally.config.settings import load_settings
from athlete_ally.vendors import FETCHED
from athlete_ally.wiring.commands.connect import connect_link


@click.command()
@click.argument("vendor", type=click.Choice(FETCHED))
@click.option("--user", "user_id", required=True, callback=label, help="The person, as in readings (userId).")
@env_file_option
@json_option
def link(*, vendor: str, user_id: str, env_file: Path | None, as_json: bool) -> None:
    """Print a link with which one person connects an account at VENDOR, once and within a day. (read-only)

    Whoever opens it decides whose data is stored under this person: send it to that person only. Needs the same
    AA_TOKEN_KEY (or file) and AA_CONNECT_URL as `athlete-ally fetch`.
    """
    url = connect_link(load_settings(env_file), vendor, user_id)
    click.echo(json.dumps({"vendor": vendor, "user": user_id, "url": url}) if as_json else url)
