"""`streams backup`, `verify-backup` and `restore`."""

import json
from pathlib import Path
from typing import Any

import click
from rich.filesize import decimal

from athlete_ally.cli.byte_bar import progress
from athlete_ally.cli.confirm import ask
from athlete_ally.cli.options import json_option
from athlete_ally.cli.streams.options import settings_options
from athlete_ally.config.settings import Settings
from athlete_ally.core.broker.topology import STREAMS
from athlete_ally.wiring.commands.streams_backup import Kept, back_up, restore, verify_backup
from athlete_ally.wiring.services.event_loop import run

_folder = click.Path(path_type=Path, file_okay=False)


@click.command()
@click.argument("streams", nargs=-1, metavar="[STREAM]...")
@click.option("--out", required=True, type=_folder, help="Where the folders of the backups go.")
@settings_options
def backup(*, streams: tuple[str, ...], out: Path, settings: Settings, as_json: bool) -> None:
    """Back up each STREAM, or all of ours, durables and their progress included. (read-only)

    Writes a new folder for each stream, with the server's own snapshot, checksums of it, and one checksum over all
    messages. The streams may be in use. A run that is killed leaves no folder that could be taken for a backup; run it
    again. A backup holds personal health data: keep it encrypted, and no longer than the stream itself.
    """
    made: list[Kept] = []
    with progress(quiet=as_json) as tell:
        for stream in streams or STREAMS:
            made.append(run(back_up(settings, stream, out, tell)))
            if not as_json:
                click.echo(_line(made[-1]))
    if as_json:
        click.echo(json.dumps({"schema": 1, "backups": [_document(each) for each in made]}))


@click.command("verify-backup")
@click.argument("folders", nargs=-1, required=True, type=_folder, metavar="FOLDER...")
@json_option
def verify_command(*, folders: tuple[Path, ...], as_json: bool) -> None:
    """Prove that each backup in FOLDER can be restored, and note it there. (read-only: the backup's own folder only)

    Restores it into a scratch nats-server on this machine, which needs as much room as the backup, and compares
    messages, checksums and the progress of all durables. Exit code 6 when something differs, or a file was altered.
    """
    proven: list[Kept] = []
    with progress(quiet=as_json) as tell:
        for folder in folders:
            proven.append(run(verify_backup(folder, tell)))
            if not as_json:
                click.echo(f"{folder}: proven good, {_about(proven[-1])}")
    if as_json:
        click.echo(json.dumps({"schema": 1, "backups": [_document(each) for each in proven]}))


@click.command("restore")
@click.argument("folder", type=_folder)
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.option(
    "--expired",
    type=click.Choice(["refuse", "keep", "drop"]),
    default="refuse",
    show_default=True,
    help="What becomes of messages that are older than max_age: keep turns max_age off until the next apply.",
)
@settings_options
def restore_command(  # one for each option
    *, folder: Path, yes: bool, expired: str, settings: Settings, as_json: bool
) -> None:
    """Create a stream from the backup in FOLDER, durables and their progress included. (changing)

    Only where there is no stream of that name: nothing is ever restored over data. Afterwards messages, checksums and
    progress are compared. Exit code 3: refused, nothing was changed; 4: another environment's server or backup; 6:
    altered file, or restored and not the same.
    """
    if not yes:
        ask(f"create a stream from {folder} on this server?", otherwise="--yes")
    with progress(quiet=as_json) as tell:
        restored = run(restore(settings, folder, tell, expired=expired))
    click.echo(
        json.dumps({"schema": 1, "restored": _document(restored)}) if as_json else f"restored {_about(restored)}"
    )


def _line(made: Kept) -> str:
    manifest = made.manifest
    doubt = "" if manifest.fingerprint else "; messages went while it was read, so that there is no checksum over them"
    return f"{made.folder}: {_about(made)}{doubt}"


def _about(kept: Kept) -> str:
    manifest = kept.manifest
    durables = "1 durable" if len(manifest.durables) == 1 else f"{len(manifest.durables)} durables"
    return f"{manifest.stream} with {manifest.messages:,} messages and {durables} in {decimal(manifest.bytes)}"


def _document(kept: Kept) -> dict[str, Any]:
    manifest = kept.manifest
    return {
        "stream": manifest.stream,
        "folder": str(kept.folder),
        "messages": manifest.messages,
        "first_sequence": manifest.state["first_seq"],
        "last_sequence": manifest.state["last_seq"],
        "bytes": manifest.bytes,
        "durables": {each.name: each.ack_floor_after for each in manifest.durables},
        "fingerprint": manifest.fingerprint,
        "created_at": manifest.created_at.isoformat(),
        "verified_at": manifest.verified_at and manifest.verified_at.isoformat(),
    }
