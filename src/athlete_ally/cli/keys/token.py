"""`keys token`: a key that encrypts vendors' tokens."""

import json
from pathlib import Path

import click

from athlete_ally.cli.json_output import json_option
from athlete_ally.wiring.commands.keys import write_token_key


@click.command()
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where to write the key; the file must not exist.",
)
@json_option
def token(*, out: Path, as_json: bool) -> None:
    """Make a key that encrypts vendors' tokens, for AA_TOKEN_KEY_FILE. (changing)

    The file is readable by its owner only. Anyone who has it and the database can read people's data at their vendors;
    if it is lost, everyone has to connect again.
    """
    write_token_key(out)
    click.echo(json.dumps({"file": str(out)}) if as_json else f"AA_TOKEN_KEY_FILE={out}")
