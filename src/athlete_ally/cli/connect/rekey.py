"""`connect rekey`: encrypt all stored tokens with the first key."""

import json
from pathlib import Path

import click

from athlete_ally.cli.json_output import json_option
from athlete_ally.cli.options import env_file_option
from athlete_ally.config.settings import load_settings
from athlete_ally.wiring.commands.connect import encrypt_again
from athlete_ally.wiring.services.event_loop import run


@click.command()
@env_file_option
@json_option
def rekey(*, env_file: Path | None, as_json: bool) -> None:
    """Encrypt all stored tokens with the first key of AA_TOKEN_KEY. (changing)

    Put the new key first, run this, then remove the old key. All or nothing. Services can keep running once
    they have both keys.
    """
    count = run(encrypt_again(load_settings(env_file)))
    click.echo(
        json.dumps({"grants": count}) if as_json else f"encrypted {count} grant{'s' * (count != 1)} with the first key"
    )
