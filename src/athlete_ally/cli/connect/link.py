"""`connect link`: a link with which one person connects an account."""

import json
from pathlib import Path

import click

from athlete_ally.cli.json_output import json_option
from athlete_ally.cli.options import env_file_option, label
from athlete_ally.config.settings import load_settings
from athlete_ally.vendors import FETCHED
from athlete_ally.wiring.commands.connect import connect_link


@click.command()
@click.argument("vendor", type=click.Choice(FETCHED))
@click.option("--user", "user_id", required=True, callback=label, help="The person, as in readings (userId).")
@env_file_option
@json_option
def link(*, vendor: str, user_id: str, env_file: Path | None, as_json: bool) -> None:
    """Print a link with which one person can connect an account at VENDOR once, within a day. (read-only)

    The account of the person who opens it is stored under this user: send it to that person only. Needs the same
    AA_TOKEN_KEY (or file) and AA_CONNECT_URL as `athlete-ally fetch`.
    """
    url = connect_link(load_settings(env_file), vendor, user_id)
    click.echo(json.dumps({"vendor": vendor, "user": user_id, "url": url}) if as_json else url)
