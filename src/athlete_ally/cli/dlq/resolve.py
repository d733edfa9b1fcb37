"""`dlq resolve`: mark dead letters as needing no further action."""

from typing import Any

import click

from athlete_ally.cli.dlq.change_shelf import change_shelf
from athlete_ally.cli.dlq.options import SEQUENCE, all_option, filter_options_but_reason, yes_option
from athlete_ally.cli.json_output import json_option
from athlete_ally.cli.options import env_file_option


@click.command()
@click.argument("seq", type=SEQUENCE, nargs=-1)
@all_option
@filter_options_but_reason
@click.option("--reason", "why", required=True, help="Why no further action is needed; recorded in the journal.")
@yes_option
@env_file_option
@json_option
def resolve(seq: tuple[int, ...], *, why: str, **options: Any) -> None:
    """Mark dead letters as resolved: they no longer wait, and expire with AA_DLQ's max_age. (changing)

    Filters are those of `list`, except that --reason states why here. `release` undoes it.
    """
    change_shelf(seq, "resolved", why, options)
