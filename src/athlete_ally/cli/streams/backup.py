"""`streams backup`: a copy of streams that can be restored."""

import json
from pathlib import Path

import click

from athlete_ally.cli.byte_bar import progress
from athlete_ally.cli.streams.backup_text import backup_document, backup_line
from athlete_ally.cli.streams.options import folder_type, settings_options
from athlete_ally.config.settings import Settings
from athlete_ally.core.broker.topology import STREAMS
from athlete_ally.wiring.commands.streams_backup import Kept, back_up
from athlete_ally.wiring.services.event_loop import run


@click.command()
@click.argument("streams", nargs=-1, metavar="[STREAM]...")
@click.option("--out", required=True, type=folder_type, help="Where to write the folders of the backups.")
@settings_options
def backup(*, streams: tuple[str, ...], out: Path, settings: Settings, as_json: bool) -> None:
    """Back up each STREAM, or all streams of the environment, with durables and their progress. (read-only)

    Writes a new folder for each stream, with the server's own snapshot, its checksums, and one checksum over all
    messages. The streams may be in use. A run that is killed leaves no folder that looks like a backup; run it
    again. A backup holds personal health data: keep it encrypted, and no longer than the stream itself.
    """
    made: list[Kept] = []
    with progress(quiet=as_json) as tell:
        for stream in streams or STREAMS:
            made.append(run(back_up(settings, stream, out, tell)))
            if not as_json:
                click.echo(backup_line(made[-1]))
    if as_json:
        click.echo(json.dumps({"schema": 1, "backups": [backup_document(each) for each in made]}))
