"""`import apple-health`: exports of Apple Health."""

from typing import Any

import click

from athlete_ally.cli.import_.files import import_files
from athlete_ally.cli.import_.options import A_FILE, import_options
from athlete_ally.wiring.commands.import_ import open_apple_health


@click.command("apple-health")
@import_options(A_FILE)
def apple_health(**options: Any) -> None:
    """Import exports of Apple Health: export.zip, or the export.xml in it. (changing)

    Reads in bounded memory, whatever the size. When started again, it resumes. Types that are not supported
    are counted and listed. Exit code 2 when readings are implausible, 1 when a file is damaged or ingest is
    unavailable.
    """
    import_files(open_apple_health, **options)
