"""Options of the commands on streams."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from athlete_ally.cli.options import env_file_option, json_option

F = TypeVar("F", bound=Callable[..., Any])

_environment_option = click.option(
    "--environment-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file with limits and expectations.  [env: AA_ENVIRONMENT_FILE]",
)


def target_options(command: F) -> F:
    """Add what every command needs that speaks to a server."""
    return _environment_option(env_file_option(json_option(command)))


def permission_options(command: F) -> F:
    """Add what a person can allow."""
    for option in reversed(_PERMISSIONS):
        command = option(command)
    return command


_PERMISSIONS = (
    click.option("--yes", is_flag=True, help="Answer yes to what is safe; never to anything else."),
    click.option(
        "--allow-impact",
        multiple=True,
        metavar="NAME:FIELD",
        help="Allow this service-affecting change without being asked. May be repeated.",
    ),
    click.option(
        "--allow-data-loss",
        multiple=True,
        metavar="STREAM:FIELD",
        help="Allow this change although it deletes messages. May be repeated.",
    ),
    click.option(
        "--allow-one-way",
        multiple=True,
        metavar="STREAM:FIELD",
        help="Allow this change although it can't be undone. May be repeated.",
    ),
    click.option(
        "--backup",
        "backups",
        multiple=True,
        type=click.Path(path_type=Path, file_okay=False),
        help="A backup of the stream that may lose messages, verified within the last hour. May be repeated.",
    ),
    click.option(
        "--no-backup-i-accept-the-loss",
        "without_backup",
        is_flag=True,
        help="Let messages go without a backup: they don't come back.",
    ),
)
