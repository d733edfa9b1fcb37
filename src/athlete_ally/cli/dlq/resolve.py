"""`dlq resolve`: dead letters put aside as dealt with."""

from typing import Any

import click

from athlete_ally.cli.dlq.change_shelf import change_shelf
from athlete_ally.cli.dlq.options import all_option, filter_options_but_reason, yes_option
from athlete_ally.cli.options import env_file_option, json_option


@click.command()
@click.argument("seq", type=int, nargs=-1)
@all_option
@filter_options_but_reason
@click.option("--reason", "why", required=True, help="Why nothing is to be done about them; the journal keeps it.")
@yes_option
@env_file_option
@json_option
def resolve(seq: tuple[int, ...], *, why: str, **options: Any) -> None:
    """Put dead letters aside as dealt with: they no longer wait, and expire with AA_DLQ. (changing)

    Filters are those of `list`, except that --reason says why here. `release` brings them back.
    """
    change_shelf(seq, "resolved", why, options)
