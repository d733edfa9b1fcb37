"""`keys create`: a new key for a client."""

import json
from pathlib import Path

import click

from athlete_ally.cli.json_output import json_option
from athlete_ally.cli.keys.options import key_file, key_file_option
from athlete_ally.cli.options import env_file_option
from athlete_ally.measurements import KINDS
from athlete_ally.wiring.commands.keys import create_client_key

_SHOWN_ONCE = (
    "This key is shown only once: store it now. A client's key belongs on a server, never in an app on a phone or in a "
    "browser: it may send readings of any user."
)


@click.command()
@click.argument("name")
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=click.Choice(KINDS),
    help="A kind that the client may send; all kinds if not given.",
)
@key_file_option
@env_file_option
@json_option
def create(*, name: str, kinds: tuple[str, ...], path: Path | None, env_file: Path | None, as_json: bool) -> None:
    """Create a key called NAME and print it once; only its digest is stored. (changing)

    A client's key belongs on a server, never in an app on a phone or in a browser: it may send readings of any user.
    Give each client a key of its own: its name travels with what it sends.
    """
    key = create_client_key(key_file(path, env_file), name, kinds)
    click.echo(json.dumps({"name": name, "key": key, "kinds": kinds}) if as_json else key)
    click.echo(_SHOWN_ONCE, err=True)
