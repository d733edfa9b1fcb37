"""`dlq export`: write dead letters to a file that another cluster can import."""

import json
from pathlib import Path
from typing import Any

import click

from athlete_ally.cli.dlq.options import filter_options, selection_from, shelf_option
from athlete_ally.cli.dlq.text import counted, warn_of_missing_history
from athlete_ally.cli.dlq.write_export import write_export
from athlete_ally.cli.json_output import json_option
from athlete_ally.cli.options import env_file_option
from athlete_ally.config.settings import load_settings
from athlete_ally.wiring.commands.dlq import letter_tools_session
from athlete_ally.wiring.services.event_loop import run


@click.command("export")
@filter_options
@shelf_option
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The file to write; it must not exist.",
)
@env_file_option
@json_option
def export_command(*, out: Path, env_file: Path | None, as_json: bool, **options: Any) -> None:
    """Write dead letters to a file of JSON lines that ends with a SHA-256 checksum. (read-only)

    The file holds health data and is readable by its owner only. Nothing is removed from AA_DLQ.
    """
    settings, selection = load_settings(env_file), selection_from(options)

    async def main() -> int:
        async with letter_tools_session(settings, changing=False) as letter_tools:
            warn_of_missing_history(letter_tools)
            return await write_export(letter_tools, selection, out)

    letters = run(main())
    click.echo(
        json.dumps({"letters": letters, "file": str(out)}) if as_json else f"{counted(letters, 'dead letter')} in {out}"
    )
