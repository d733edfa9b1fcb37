"""`keys`: the API keys of clients, the nkeys of users of the NATS server, and the key of vendors' tokens."""

import json
import secrets
from pathlib import Path

import click

from athlete_ally.adapters.encryption.tokens import new_token_key
from athlete_ally.adapters.files.key_file import KeyFile, read_key_file, write_key_file
from athlete_ally.adapters.nats.nkey import new_nkey, write_new_private
from athlete_ally.cli.exits import Exit
from athlete_ally.cli.options import env_file_option, json_option
from athlete_ally.config.settings import DEFAULT_ENV_FILE, Settings
from athlete_ally.core.client_key import PREFIX, ClientKey, digest
from athlete_ally.core.errors import Misconfigured
from athlete_ally.measurements import KINDS
from athlete_ally.wiring.builders import now

_file_option = click.option(
    "--file",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file of keys.  [default: AA_INGEST_KEYS_FILE]",
)


@click.group()
def keys() -> None:
    """Create, list and revoke API keys of clients; make keys for NATS and for vendors' tokens.

    Ingest sees a change within a second.
    """


@keys.command()
@click.argument("name")
@click.option(
    "--kind", "kinds", multiple=True, type=click.Choice(KINDS), help="What it may send; all kinds if not given."
)
@_file_option
@env_file_option
@json_option
def create(*, name: str, kinds: tuple[str, ...], path: Path | None, env_file: Path | None, as_json: bool) -> None:
    """Create a key called NAME and print it, once: only its digest is kept. (changing)"""
    path = _path(path, env_file)
    known = read_key_file(path)
    if any(key.name == name for key in known.keys):
        raise Misconfigured(f"there is a key called {name!r} already: choose another name, or revoke that one first")
    key = PREFIX + secrets.token_urlsafe(32)
    entry = ClientKey(name=name, sha256=digest(key), created=now().date().isoformat(), kinds=kinds)
    write_key_file(path, KeyFile(keys=(*known.keys, entry)))
    click.echo(json.dumps({"name": name, "key": key, "kinds": kinds}) if as_json else key)


@keys.command("list")
@_file_option
@env_file_option
@json_option
def list_command(*, path: Path | None, env_file: Path | None, as_json: bool) -> None:
    """List names, dates and kinds; keys themselves are not known to us. (read-only)"""
    known = read_key_file(_path(path, env_file)).keys
    if as_json:
        click.echo(json.dumps({"keys": [{"name": k.name, "created": k.created, "kinds": k.kinds} for k in known]}))
        return
    for key in known:
        click.echo(f"{key.name}  created {key.created}  {', '.join(key.kinds) or 'all kinds'}")


@keys.command()
@click.argument("name")
@_file_option
@env_file_option
@json_option
def revoke(*, name: str, path: Path | None, env_file: Path | None, as_json: bool) -> None:
    """Revoke the key called NAME; it stops working within a second. (changing)

    Exit code 2 when there is no such key.
    """
    path = _path(path, env_file)
    known = read_key_file(path)
    kept = tuple(key for key in known.keys if key.name != name)
    found = len(kept) < len(known.keys)
    if found:
        write_key_file(path, KeyFile(keys=kept))
    if as_json:
        click.echo(json.dumps({"name": name, "revoked": found}))
    else:
        click.echo(f"revoked {name}" if found else f"there is no key called {name!r}", err=not found)
    raise SystemExit(Exit.AS_DESIRED if found else Exit.FINDINGS)


@keys.command()
@click.argument("user")
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where the seed goes; a file that is there already is left alone.",
)
@json_option
def nkey(*, user: str, out: Path, as_json: bool) -> None:
    """Make an nkey for USER of the NATS server: the seed into a file, the public key onto the terminal. (changing)

    The file is for the program that connects (AA_NATS_NKEY); it is readable by its owner only. The printed line is for
    the environment of the server, whose configuration (deploy/nats) reads it.
    """
    made = new_nkey()
    write_new_private(out, made.seed + "\n")
    line = f"NKEY_{user.upper()}={made.public}"
    click.echo(json.dumps({"user": user, "public": made.public, "file": str(out)}) if as_json else line)


@keys.command()
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where the key goes; a file that is there already is left alone.",
)
@json_option
def token(*, out: Path, as_json: bool) -> None:
    """Make a key that encrypts vendors' tokens, for AA_TOKEN_KEY_FILE. (changing)

    The file is readable by its owner only. Whoever has it and the database can read people's data at their vendors;
    whoever loses it has to ask everybody to connect again.
    """
    write_new_private(out, new_token_key() + "\n")
    click.echo(json.dumps({"file": str(out)}) if as_json else f"AA_TOKEN_KEY_FILE={out}")


def _path(path: Path | None, env_file: Path | None) -> Path:
    if path is not None:
        return path
    # Not `load_settings`: outside dev that refuses to go on without the very file that is made here.
    path = Settings(_env_file=env_file or DEFAULT_ENV_FILE).ingest_keys_file  # pyright: ignore[reportCallIssue]  # see pydantic-settings
    if path is None:
        raise Misconfigured("which file? Give --file PATH, or set AA_INGEST_KEYS_FILE")
    return path
