"""Options shared by the commands on streams."""

from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any

import click

from athlete_ally.cli.json_output import json_option
from athlete_ally.cli.options import env_file_option, nats_options
from athlete_ally.config.settings import load_settings
from athlete_ally.ops.streams.permission import Permission
from athlete_ally.wiring.commands.streams import proven_backups

folder_type = click.Path(path_type=Path, file_okay=False)
environment_option = click.option(
    "--environment-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file with limits and expectations.  [env: AA_ENVIRONMENT_FILE]",
)


def settings_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a command that connects to a server; the command gets the `settings` made of them."""

    @wraps(command)
    def with_settings(
        *, env_file: Path | None, environment_file: Path | None, connect: dict[str, Any], **options: Any
    ) -> Any:
        settings = load_settings(env_file, environment_file=environment_file, **connect)
        return command(settings=settings, **options)

    return environment_option(env_file_option(json_option(nats_options(with_settings))))


def permission_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that allow dangerous changes; the command gets the `permission` made of them."""

    @wraps(command)
    def with_permission(
        *,
        allow_impact: Sequence[str],
        allow_data_loss: Sequence[str],
        allow_one_way: Sequence[str],
        backups: Sequence[Path],
        without_backup: bool,
        **options: Any,
    ) -> Any:
        permission = Permission(
            data_loss=frozenset(allow_data_loss),
            one_way=frozenset(allow_one_way),
            impact=frozenset(allow_impact),
            without_backup=without_backup,
            verified_backups=proven_backups(backups),
        )
        return command(permission=permission, **options)

    decorated: Callable[..., Any] = with_permission
    for option in reversed(_PERMISSIONS):
        decorated = option(decorated)
    return decorated


_PERMISSIONS = (
    click.option("--yes", is_flag=True, help="Answer yes to safe changes, and to no others."),
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
        type=folder_type,
        help="A verified backup, made within the last hour, of the stream that may lose messages. May be repeated.",
    ),
    click.option(
        "--no-backup-i-accept-the-loss",
        "without_backup",
        is_flag=True,
        help="Delete messages without a backup: they can't be recovered.",
    ),
)
