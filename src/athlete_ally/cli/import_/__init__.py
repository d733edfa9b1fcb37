"""`import`: send a person's own files to ingest."""

import click

from athlete_ally.cli.lazy import LazyGroup

_COMMANDS = {
    "any": "athlete_ally.cli.import_.any:any_",
    "apple-health": "athlete_ally.cli.import_.apple_health:apple_health",
    "fit": "athlete_ally.cli.import_.fit:fit",
    "health-auto-export": "athlete_ally.cli.import_.health_auto_export:health_auto_export",
}


class _ImportGroup(LazyGroup):
    """Takes `import PATH` for `import any PATH`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        is_path = bool(args) and args[0] not in {*_COMMANDS, *self.get_help_option_names(ctx)}
        return super().parse_args(ctx, ["any", *args] if is_path else args)


@click.group("import", cls=_ImportGroup, places=_COMMANDS)
def import_group() -> None:
    """Import a person's own files through ingest; data that was imported before is recognised.

    `import PATH` is `import any PATH`: a folder or an archive as a whole.
    """
