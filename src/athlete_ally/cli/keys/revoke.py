"""`keys revoke`: make a key invalid."""

import json
from pathlib import Path

import click

from athlete_ally.cli.exits import Exit
from athlete_ally.cli.json_output import json_option
from athlete_ally.cli.keys.options import key_file, key_file_option
from athlete_ally.cli.options import env_file_option
from athlete_ally.wiring.commands.keys import revoke_client_key


@click.command()
@click.argument("name")
@key_file_option
@env_file_option
@json_option
def revoke(*, name: str, path: Path | None, env_file: Path | None, as_json: bool) -> None:
    """Revoke the key called NAME; it stops working within a second. (changing)

    Exit code 2 when the key does not exist.
    """
    found = revoke_client_key(key_file(path, env_file), name)
    if as_json:
        click.echo(json.dumps({"name": name, "revoked": found}))
    else:
        click.echo(f"revoked {name}" if found else f"there is no key called {name!r}", err=not found)
    raise SystemExit(Exit.AS_DESIRED if found else Exit.FINDINGS)
