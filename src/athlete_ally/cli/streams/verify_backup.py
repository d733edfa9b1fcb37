"""`streams verify-backup`: verify that backups can be restored."""

import json
from pathlib import Path

import click

from athlete_ally.cli.byte_bar import progress
from athlete_ally.cli.json_output import json_option
from athlete_ally.cli.streams.backup_text import backup_document, backup_summary
from athlete_ally.cli.streams.options import folder_type
from athlete_ally.wiring.commands.streams_backup import Kept, verify_backup
from athlete_ally.wiring.services.event_loop import run


@click.command("verify-backup")
@click.argument("folders", nargs=-1, required=True, type=folder_type, metavar="FOLDER...")
@json_option
def verify_command(*, folders: tuple[Path, ...], as_json: bool) -> None:
    """Verify that each backup in FOLDER can be restored, and record it there. (read-only: writes to that folder only)

    Restores it into a scratch nats-server on this machine, which needs as much disk space as the backup, and compares
    messages, checksums and the progress of all durables. Exit code 6 when something differs or a file was altered.
    """
    proven: list[Kept] = []
    with progress(quiet=as_json) as tell:
        for folder in folders:
            proven.append(run(verify_backup(folder, tell)))
            if not as_json:
                click.echo(f"{folder}: verified, {backup_summary(proven[-1])}")
    if as_json:
        click.echo(json.dumps({"schema": 1, "backups": [backup_document(each) for each in proven]}))
