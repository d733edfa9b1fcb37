"""`dlq quarantine`: set aside dead letters that must not be replayed by accident."""

from typing import Any

import click

from athlete_ally.cli.dlq.change_shelf import change_shelf
from athlete_ally.cli.dlq.options import SEQUENCE, all_option, filter_options, yes_option
from athlete_ally.cli.json_output import json_option
from athlete_ally.cli.options import env_file_option


@click.command()
@click.argument("seq", type=SEQUENCE, nargs=-1)
@all_option
@filter_options
@click.option("--because", "why", required=True, help="The reason; recorded in the journal.")
@yes_option
@env_file_option
@json_option
def quarantine(seq: tuple[int, ...], *, why: str, **options: Any) -> None:
    """Set aside dead letters that must not be replayed by accident, such as one that crashes the worker. (changing)

    `release` undoes it.
    """
    change_shelf(seq, "quarantine", why, options)
