"""`import health-auto-export`: files of the app Health Auto Export."""

from typing import Any

import click

from athlete_ally.cli.import_.files import import_files
from athlete_ally.cli.import_.options import A_FILE, import_options
from athlete_ally.wiring.commands.import_ import open_health_auto_export


@click.command("health-auto-export")
@import_options(A_FILE)
def health_auto_export(**options: Any) -> None:
    """Import JSON files of the app Health Auto Export. (changing)

    Exit code 2 when readings are implausible, 1 when a file is damaged or ingest is unavailable.
    """
    import_files(open_health_auto_export, **options)
