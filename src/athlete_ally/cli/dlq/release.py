"""`dlq release`: return dead letters that were set aside to the state waiting."""

from typing import Any

import click

from athlete_ally.cli.dlq.change_shelf import change_shelf
from athlete_ally.cli.dlq.options import SEQUENCE, all_option, filter_options, shelf_option, yes_option
from athlete_ally.cli.json_output import json_option
from athlete_ally.cli.options import env_file_option
from athlete_ally.core.errors import Refused


@click.command()
@click.argument("seq", type=SEQUENCE, nargs=-1)
@all_option
@filter_options
@shelf_option
@click.option("--because", "why", default="", help="The reason; recorded in the journal.")
@yes_option
@env_file_option
@json_option
def release(seq: tuple[int, ...], *, why: str, **options: Any) -> None:
    """Return dead letters that were set aside to the state waiting; --shelf is required. (changing)"""
    if options["shelf"] == "waiting":
        raise Refused("--shelf is required: give --shelf quarantine or --shelf resolved")
    change_shelf(seq, "waiting", why, options)
