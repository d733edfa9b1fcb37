"""`import`: send a person's own files to ingest."""

import click

from athlete_ally.cli.lazy import LazyGroup

_COMMANDS = {
    "apple-health": "athlete_ally.cli.import_.apple_health:apple_health",
    "fit": "athlete_ally.cli.import_.fit:fit",
    "health-auto-export": "athlete_ally.cli.import_.health_auto_export:health_auto_export",
}


@click.group("import", cls=LazyGroup, places=_COMMANDS)
def import_group() -> None:
    """Import a person's own files through ingest; data that was imported before is recognised."""
