"""`keys nkey`: a key for a user of the NATS server."""

import json
from pathlib import Path

import click

from athlete_ally.cli.json_output import json_option
from athlete_ally.wiring.commands.keys import write_nkey


@click.command()
@click.argument("user")
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where to write the seed; the file must not exist.",
)
@json_option
def nkey(*, user: str, out: Path, as_json: bool) -> None:
    """Make an nkey for USER of the NATS server: write the seed to a file, and print the public key. (changing)

    The file is for the program that connects (AA_NATS_NKEY), and readable by its owner only. The printed line is for
    the environment of the server, whose configuration (deploy/nats) reads it.
    """
    public = write_nkey(out)
    line = f"NKEY_{user.upper()}={public}"
    click.echo(json.dumps({"user": user, "public": public, "file": str(out)}) if as_json else line)
