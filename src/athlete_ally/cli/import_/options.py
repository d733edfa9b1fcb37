"""Options that all imports have in common."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import click

from athlete_ally.cli.json_output import json_option
from athlete_ally.cli.options import env_file_option, label

A_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


def import_options(paths: click.Path) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return what adds the options that all imports share; `paths` says what may be given."""
    return partial(_with_options, paths)


def _with_options(paths: click.Path, command: Callable[..., None]) -> Callable[..., None]:
    for add in reversed(
        (
            click.argument("files", nargs=-1, required=True, type=paths),
            click.option("--user", required=True, callback=label, help="The user id for the readings."),
            click.option("--url", help="Base URL of ingest.  [default: this machine, at AA_INGEST_PORT]"),
            click.option("--key", envvar="INGEST_API_KEY", help="API key; prefer the variable INGEST_API_KEY."),
            click.option("--dry-run", is_flag=True, help="Read everything, send nothing, and print a summary."),
            click.option("--again", is_flag=True, help="Send again what an earlier run sent; nothing is stored twice."),
            click.option(
                "--state-dir",
                type=click.Path(path_type=Path, file_okay=False),
                help="Where import progress is kept.  [default: the platform's state directory]",
            ),
            click.option(
                "--patience",
                "patience_s",
                type=click.FloatRange(min=0),
                default=600.0,
                show_default=True,
                help="Seconds to wait for an ingest that accepts nothing.",
            ),
            env_file_option,
            json_option,
        )
    ):
        command = add(command)
    return command
