"""Dead letters as JSON documents and as tables."""

import json
from collections.abc import AsyncIterator, Callable, Collection, Generator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import click
from rich import box
from rich.markup import escape
from rich.table import Table

from athlete_ally.cli.exits import Exit
from athlete_ally.core.errors import StreamFull
from athlete_ally.ops.dead_letters.predictions import Tally
from athlete_ally.wiring.commands.dlq import DeadLetterTools

_BARS = " ▁▂▃▄▅▆▇█"


def prediction_text(tally: Tally) -> str:
    """Return the lines of a prediction."""
    passing = f"{tally.passing} of {counted(tally.letters, 'dead letter')} ({tally.share_passing:.1%}) would pass now"
    readings = f"{counted(tally.stored, 'reading')} stored, {tally.superseded} superseded, {tally.failing} failing"
    rare = ((tally.duplicate, "duplicate"), (tally.ignored, "ignored"))
    lines = [f"{passing}: {', '.join([readings, *(f'{count} {what}' for count, what in rare if count)])}"]
    lines += [f"  {count} would fail: {reason}: {error}" for reason, error, count in tally.commonest_failures()]
    lines += [f"  unknown for {counted(count, 'dead letter')}: {why}" for why, count in tally.commonest_unknowns()]
    return "\n".join(lines)


def prediction_exit(*, failing: int, unknown: int) -> Exit:
    """Return the exit code of a prediction: a failure outranks an unknown outcome."""
    if failing:
        return Exit.FINDINGS
    return Exit.ERROR if unknown else Exit.AS_DESIRED


def sparkline(numbers: list[int]) -> str:
    """Return numbers as a line of bars."""
    most = max(numbers, default=0)
    return "".join(_BARS[-(-number * (len(_BARS) - 1) // most)] if most else _BARS[0] for number in numbers)


def when(moment: datetime) -> str:
    """Return an instant to the second, which leaves space for the error in a table."""
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def table(*columns: str, title: str, whole: Collection[str] = ()) -> Table:
    """Return an empty table in the common style. Nothing is cut off; ids that a person copies stay on one line."""
    listed = Table(box=box.SIMPLE_HEAD, title=escape(title), title_justify="left")
    for column in columns:
        listed.add_column(column, overflow="fold", no_wrap=column in whole)
    return listed


async def stream_json(name: str, documents: AsyncIterator[dict[str, Any]], write: Callable[[str], object]) -> int:
    """Write `{name: [...]}` item by item, in constant memory; return how many there were."""
    write(f'{{"{name}": [')
    count = 0
    async for document in documents:
        write(("" if count == 0 else ", ") + json.dumps(document))
        count += 1
    write("]}\n")
    return count


def warn_of_missing_history(letter_tools: DeadLetterTools) -> None:
    """Warn on standard error that replays could not be looked up."""
    if letter_tools.no_history:
        click.echo(f"warning: replays are unknown: {letter_tools.no_history}", err=True)


@contextmanager
def told_how_far(so_far: str) -> Generator[None]:
    """Add to the error of a full AA_DLQ the progress so far and how to free space; the same command continues there."""
    try:
        yield
    except StreamFull as error:
        room = "replay or purge dead letters, or raise max_bytes of its stream; then run this again"
        raise StreamFull(f"{error}; {so_far}: {room}") from error


def counted(number: int, what: str) -> str:
    """Return a number with its noun, as in `1 letter` and `2 letters`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def no_such_letter(seq: int) -> SystemExit:
    """Report on standard error that the dead letter does not exist; return the exception that ends the command."""
    click.echo(f"there is no dead letter {seq} in AA_DLQ", err=True)
    return SystemExit(Exit.FINDINGS)
