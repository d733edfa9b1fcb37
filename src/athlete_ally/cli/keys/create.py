"""`keys create`: a new key for a client."""

from datetime import datetime
from pathlib import Path

import click
import msgspec

from athlete_ally.cli.json_output import json_option
from athlete_ally.cli.keys.options import key_file, key_file_option
from athlete_ally.cli.options import env_file_option
from athlete_ally.core.client_key import INGEST, READ
from athlete_ally.measurements import KINDS
from athlete_ally.wiring.commands.keys import create_client_key

_SHOWN_ONCE = (
    "This key is shown only once: store it now. A client's key belongs on a server, never in an app on a phone or in a "
    "browser: it may send, or read, data of any user."
)
_SCOPES = tuple(f"{action}:{kind}" for action in (INGEST, READ) for kind in ("*", *KINDS))


@click.command()
@click.argument("name")
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=click.Choice(KINDS),
    help="A kind that the client may send; all kinds if neither this nor --scope is given.",
)
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(_SCOPES),
    metavar="SCOPE",
    help="What the key allows: read:*, ingest:*, or a kind in place of *.",
)
@click.option("--person", help="The only user id that the key concerns.")
@click.option(
    "--prefix",
    default="",
    help="Put in front of every user id that the key sends, and taken off what it reads: study-a/.",
)
@click.option("--expires", type=click.DateTime(["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d"]), help="When the key ends.")
@click.option("--per-minute", "requests_per_minute", type=click.IntRange(1), help="Requests to the API in a minute.")
@key_file_option
@env_file_option
@json_option
def create(  # noqa: PLR0913  # the parts of a key
    *,
    name: str,
    kinds: tuple[str, ...],
    scopes: tuple[str, ...],
    expires: datetime | None,
    path: Path | None,
    env_file: Path | None,
    as_json: bool,
    **rights: str | int | None,
) -> None:
    r"""Create a key called NAME and print it once; only its digest is stored. (changing)

    \b
    athlete-ally keys create clinic-backend
    athlete-ally keys create dashboard --scope read:*
    athlete-ally keys create study-a --scope read:* --scope ingest:* --prefix study-a/

    A client's key belongs on a server, never in an app on a phone or in a browser: it may send, or read, data of any
    user. Give each client a key of its own: its name travels with what it sends.
    """
    if kinds and scopes:
        raise click.UsageError("--kind and --scope are two ways to say the same: give one of them")
    ends_at = None if expires is None else expires.astimezone()
    key = create_client_key(key_file(path, env_file), name, kinds=kinds, scopes=scopes, expires=ends_at, **rights)
    document = {"name": name, "key": key, "kinds": kinds, "scopes": scopes, "expires": ends_at, **rights}
    click.echo(msgspec.json.encode(document) if as_json else key)
    click.echo(_SHOWN_ONCE, err=True)
