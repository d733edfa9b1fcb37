"""`import PATH`: whatever is inside a folder, an archive or a file."""

from datetime import tzinfo
from functools import partial
from pathlib import Path
from typing import Any

import click

from athlete_ally.cli.import_.files import import_files
from athlete_ally.cli.import_.options import import_options
from athlete_ally.core.time_zone import zone_named
from athlete_ally.wiring.commands.import_archive import open_archive


def _zone(_context: click.Context, _parameter: click.Parameter, name: str) -> tzinfo:
    zone = zone_named(name)
    if zone is None:
        raise click.BadParameter(f"{name!r} is no zone of the IANA database, as Europe/Berlin is one")
    return zone


@click.command("any")
@import_options(click.Path(path_type=Path, exists=True))
@click.option(
    "--zone",
    callback=_zone,
    default="UTC",
    show_default=True,
    help="The person's time zone, for files that state none (TCX, GPX, beats).",
)
def any_(zone: tzinfo, **options: Any) -> None:
    """Import whatever is inside of folders, archives or files; also `import PATH`. (changing)

    Finds exports of Apple Health, FIT, TCX and GPX files, account exports of Garmin, Strava and Polar Flow, documents
    of Health Auto Export, and beats of Elite HRV, HRV4Training and Kubios; one summary for each path. Exit code 2 when
    nothing was understood or readings are impossible, 1 when a file is damaged or ingest is away.
    """
    import_files(partial(open_archive, zone=zone), also=(str(zone),), **options)
