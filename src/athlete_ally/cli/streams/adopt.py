"""`streams adopt`: write an environment's file from the state of a server."""

from pathlib import Path

import click
import msgspec

from athlete_ally.cli.streams.options import settings_options
from athlete_ally.config.environment_file import encode_environment, environment_of
from athlete_ally.config.settings import Settings
from athlete_ally.core.errors import Refused
from athlete_ally.ops.streams.adopt import adopt as adopted
from athlete_ally.ops.streams.planner import Snapshot, take_snapshot
from athlete_ally.wiring.commands.streams import broker_session, wanted_by
from athlete_ally.wiring.services.event_loop import run


@click.command()
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file instead of standard output."
)
@settings_options
def adopt(*, out: Path | None, settings: Settings, as_json: bool) -> None:
    """Write the file of an environment from the state of the server: limits, owner, account and cluster. (read-only)

    Thresholds, and the limits of missing streams, come from --environment-file, or are those of dev. An existing file
    is not overwritten.
    """
    spec = environment_of(settings)
    if settings.is_set("environment"):
        spec = msgspec.structs.replace(spec, environment=settings.environment)
    snapshot = run(_snapshot(settings))
    missing = sorted(set(spec.streams) - set(snapshot.streams))
    for name in missing:
        click.echo(f"stream {name} is missing: its limits are not from the server", err=True)
    found = adopted(spec, snapshot)
    text = msgspec.json.encode(found, enc_hook=str).decode() + "\n" if as_json else encode_environment(found)
    if out is None:
        click.echo(text, nl=False)
        return
    try:
        with out.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError as error:
        raise Refused(f"{out} exists and is not overwritten: choose another name") from error


async def _snapshot(settings: Settings) -> Snapshot:
    async with broker_session(settings) as broker:
        return await take_snapshot(broker, wanted_by(settings))
