"""`import fit`: workouts as FIT files."""

from typing import Any

import click

from athlete_ally.cli.import_.files import import_files
from athlete_ally.cli.import_.options import import_options
from athlete_ally.wiring.commands.import_ import open_fit


@click.command("fit")
@import_options
def fit(**options: Any) -> None:
    """Import workouts as FIT files (Garmin, Wahoo, Polar, Coros, ...). (changing)

    Exit code 2 when readings are implausible, 1 when a file is damaged or ingest is unavailable.
    """
    import_files(open_fit, **options)
