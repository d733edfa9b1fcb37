"""`keys list`: the keys of clients."""

from pathlib import Path

import click
import msgspec

from athlete_ally.cli.json_output import json_option
from athlete_ally.cli.keys.options import key_file, key_file_option
from athlete_ally.cli.options import env_file_option
from athlete_ally.core.client_key import scopes_of
from athlete_ally.wiring.commands.keys import client_keys


@click.command("list")
@key_file_option
@env_file_option
@json_option
def list_command(*, path: Path | None, env_file: Path | None, as_json: bool) -> None:
    """List names, dates and kinds; the keys themselves are not stored. (read-only)"""
    known = client_keys(key_file(path, env_file))
    if as_json:
        shown = [{**msgspec.structs.asdict(key), "scopes": scopes_of(key)} for key in known]
        click.echo(msgspec.json.encode({"keys": [{n: v for n, v in key.items() if n != "sha256"} for key in shown]}))
        return
    for key in known:
        limits = {"person": key.person, "prefix": key.prefix, "expires": key.expires and key.expires.isoformat()}
        more = "".join(f"  {name} {value}" for name, value in limits.items() if value)
        click.echo(f"{key.name}  created {key.created}  {', '.join(scopes_of(key))}{more}")
