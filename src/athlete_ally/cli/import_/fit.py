"""`import fit`: workouts as FIT files."""

from typing import Any

import click

from athlete_ally.cli.import_.files import import_files
from athlete_ally.cli.import_.options import A_FILE, import_options
from athlete_ally.wiring.commands.import_archive import open_fit


@click.command("fit")
@import_options(A_FILE)
def fit(**options: Any) -> None:
    """Import FIT files (Garmin, Wahoo, Polar, Coros, ...), also as Garmin's zip or Strava's .fit.gz. (changing)

    Exit code 2 when readings are implausible, 1 when a file is damaged or ingest is unavailable.
    """
    import_files(open_fit, **options)
