"""`import apple-health`: exports of Apple Health."""

from typing import Any

import click

from athlete_ally.cli.import_.files import import_files
from athlete_ally.cli.import_.options import import_options
from athlete_ally.wiring.commands.import_ import open_apple_health


@click.command("apple-health")
@import_options
def apple_health(**options: Any) -> None:
    """Import exports of Apple Health: export.zip, or the export.xml in it. (changing)

    Reads in bounded memory, whatever the size, and goes on where it was when it is started again. Types that no kind
    takes are counted and named. Exit code 2 when readings are impossible, 1 when a file is damaged or ingest is away.
    """
    import_files(open_apple_health, **options)
