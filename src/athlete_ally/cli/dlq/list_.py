"""`dlq list`: list dead letters, without the readings in them."""

import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape

from athlete_ally.cli.dlq.options import filter_options, selection_from, shelf_option
from athlete_ally.cli.dlq.text import counted, stream_json, table, warn_of_missing_history
from athlete_ally.cli.json_output import json_option
from athlete_ally.cli.options import env_file_option
from athlete_ally.config.settings import load_settings
from athlete_ally.ops.dead_letters.json_views import summary
from athlete_ally.ops.dead_letters.selection import Selection
from athlete_ally.wiring.commands.dlq import DeadLetterTools, letter_tools_session
from athlete_ally.wiring.services.event_loop import run

_SHOWN_AT_ONCE = 100


@click.command("list")
@filter_options
@shelf_option
@click.option("--limit", type=click.IntRange(min=1), help="Show at most this many.  [default: 100; with --json: all]")
@env_file_option
@json_option
def list_command(*, limit: int | None, env_file: Path | None, as_json: bool, **options: Any) -> None:
    """List dead letters, without the readings in them. (read-only)

    Filters combine. Oldest first.
    """
    selection, settings = selection_from(options), load_settings(env_file)

    async def main() -> None:
        async with letter_tools_session(settings, changing=False) as letter_tools:
            warn_of_missing_history(letter_tools)
            if as_json:
                await stream_json("letters", _summaries(letter_tools, selection, limit), sys.stdout.write)
            else:
                await _print_list(letter_tools, selection, limit or _SHOWN_AT_ONCE)

    run(main())


async def _summaries(
    letter_tools: DeadLetterTools, selection: Selection, limit: int | None
) -> AsyncIterator[dict[str, Any]]:
    count = 0
    async with aclosing(letter_tools.reader.read(selection)) as found:
        async for each in found:
            if each.is_done:
                continue
            if count == limit:
                return
            count += 1
            yield summary(each, with_history=not letter_tools.no_history)


async def _print_list(letter_tools: DeadLetterTools, selection: Selection, limit: int) -> None:
    rows: list[dict[str, Any]] = []
    more = 0
    async for each in _summaries(letter_tools, selection, None):
        if len(rows) < limit:
            rows.append(each)
        else:
            more += 1
    total = len(rows) + more
    shown = ("seq", "kind", "reason", "readings", "replays", "error", "at")
    listed = table(*shown, title=counted(total, "dead letter"), whole=("seq", "kind", "reason"))
    for row in rows:
        values = {**row, "at": row["at"][:19].replace("T", " "), "replays": _replays(row["replays"])}
        listed.add_row(*(escape(str(values[column])) for column in shown))
    console = Console()
    console.print(listed)
    if more:
        console.print(f"{more} more: add a filter, or raise --limit")


def _replays(number: int | None) -> str:
    return "?" if number is None else str(number)
