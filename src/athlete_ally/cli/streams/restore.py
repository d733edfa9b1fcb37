"""`streams restore`: a stream from its backup."""

import json
from pathlib import Path

import click

from athlete_ally.cli.byte_bar import progress
from athlete_ally.cli.confirm import ask
from athlete_ally.cli.streams.backup_text import backup_document, backup_summary
from athlete_ally.cli.streams.options import folder_type, settings_options
from athlete_ally.config.settings import Settings
from athlete_ally.wiring.commands.streams_backup import restore
from athlete_ally.wiring.services.event_loop import run


@click.command("restore")
@click.argument("folder", type=folder_type)
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.option(
    "--expired",
    type=click.Choice(["refuse", "keep", "drop"]),
    default="refuse",
    show_default=True,
    help="What to do with messages older than max_age: keep turns max_age off until the next apply.",
)
@settings_options
def restore_command(  # one for each option
    *, folder: Path, yes: bool, expired: str, settings: Settings, as_json: bool
) -> None:
    """Create a stream from the backup in FOLDER, with durables and their progress. (changing)

    Refused when a stream of that name exists: a restore never overwrites data. Afterwards messages, checksums and
    progress are compared. Exit code 3: refused, nothing was changed; 4: another environment's server or backup; 6:
    the file was altered, or the restored stream differs.
    """
    if not yes:
        ask(f"create a stream from {folder} on this server?", otherwise="--yes")
    with progress(quiet=as_json) as tell:
        restored = run(restore(settings, folder, tell, expired=expired))
    click.echo(
        json.dumps({"schema": 1, "restored": backup_document(restored)})
        if as_json
        else f"restored {backup_summary(restored)}"
    )
