"""`keys list`: the keys of clients."""

import json
from pathlib import Path

import click

from athlete_ally.cli.json_output import json_option
from athlete_ally.cli.keys.options import key_file, key_file_option
from athlete_ally.cli.options import env_file_option
from athlete_ally.wiring.commands.keys import client_keys


@click.command("list")
@key_file_option
@env_file_option
@json_option
def list_command(*, path: Path | None, env_file: Path | None, as_json: bool) -> None:
    """List names, dates and kinds; the keys themselves are not stored. (read-only)"""
    known = client_keys(key_file(path, env_file))
    if as_json:
        click.echo(json.dumps({"keys": [{"name": k.name, "created": k.created, "kinds": k.kinds} for k in known]}))
        return
    for key in known:
        click.echo(f"{key.name}  created {key.created}  {', '.join(key.kinds) or 'all kinds'}")
