"""`dlq quarantine`: dead letters put aside that must not be replayed by accident."""

from typing import Any

import click

from athlete_ally.cli.dlq.change_shelf import change_shelf
from athlete_ally.cli.dlq.options import all_option, filter_options, yes_option
from athlete_ally.cli.options import env_file_option, json_option


@click.command()
@click.argument("seq", type=int, nargs=-1)
@all_option
@filter_options
@click.option("--because", "why", required=True, help="Why; the journal keeps it.")
@yes_option
@env_file_option
@json_option
def quarantine(seq: tuple[int, ...], *, why: str, **options: Any) -> None:
    """Put dead letters aside that must not be replayed by accident, such as one that kills the worker. (changing)

    `release` brings them back.
    """
    change_shelf(seq, "quarantine", why, options)
