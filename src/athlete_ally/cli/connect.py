"""`connect`: how people connect their accounts at vendors, and what was connected."""

import json
from pathlib import Path

import click

from athlete_ally.adapters.encryption.tickets import TicketCipher
from athlete_ally.adapters.encryption.tokens import TokenCipher
from athlete_ally.adapters.postgres.token_store import PostgresTokenStore
from athlete_ally.cli.options import env_file_option, json_option, label
from athlete_ally.config.settings import Settings, load_settings
from athlete_ally.fetch.connect import link as make_link
from athlete_ally.vendors import FETCHED
from athlete_ally.wiring.builders import now, token_keys
from athlete_ally.wiring.commands.session import postgres_session
from athlete_ally.wiring.services.event_loop import run


@click.group()
def connect() -> None:
    """Make links with which people connect their vendors' accounts; renew the encryption of what they gave."""


@connect.command()
@click.argument("vendor", type=click.Choice(FETCHED))
@click.option("--user", "user_id", required=True, callback=label, help="The person, as in readings (userId).")
@env_file_option
@json_option
def link(*, vendor: str, user_id: str, env_file: Path | None, as_json: bool) -> None:
    """Print a link with which one person connects an account at VENDOR, once and within a day. (read-only)

    Whoever opens it decides whose data is stored under this person: send it to that person only. Needs the same
    AA_TOKEN_KEY (or file) and AA_CONNECT_URL as `athlete-ally fetch`.
    """
    settings = load_settings(env_file)
    url = make_link(TicketCipher(token_keys(settings)), settings.connect_url, vendor, user_id, now())
    click.echo(json.dumps({"vendor": vendor, "user": user_id, "url": url}) if as_json else url)


@connect.command()
@env_file_option
@json_option
def rekey(*, env_file: Path | None, as_json: bool) -> None:
    """Encrypt all stored tokens with the first key of AA_TOKEN_KEY. (changing)

    Put the new key in front, run this, then take the old one away. All or nothing; services may go on meanwhile once
    they know both keys.
    """
    settings = load_settings(env_file)
    count = run(_rekey(settings))
    click.echo(
        json.dumps({"grants": count}) if as_json else f"encrypted {count} grant{'s' * (count != 1)} with the first key"
    )


async def _rekey(settings: Settings) -> int:
    async with postgres_session(settings) as pool:
        return await PostgresTokenStore(pool, TokenCipher(token_keys(settings))).renew_all()
