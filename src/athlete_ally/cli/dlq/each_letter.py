"""Run one action on each of many dead letters, with a progress bar and a result."""

import json
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any

import click

from athlete_ally.cli.count_bar import progress_bar
from athlete_ally.cli.dlq.text import counted, told_how_far
from athlete_ally.cli.exits import Exit
from athlete_ally.ops.dead_letters.letter_state import LetterState
from athlete_ally.ops.dead_letters.selection import Selection
from athlete_ally.wiring.commands.dlq import DeadLetterTools


async def matching_sequences(letter_tools: DeadLetterTools, selection: Selection) -> list[int]:
    """Return the sequences of the selected dead letters; those that arrive meanwhile are not selected."""
    to_sequence = (await letter_tools.letters.extent()).last_sequence
    async with aclosing(letter_tools.reader.read(selection, to_sequence=to_sequence)) as found:
        return [each.letter.sequence async for each in found]


async def for_each_letter(
    letter_tools: DeadLetterTools,
    letters: list[int],
    act: Callable[[LetterState], Awaitable[None]],
    run_id: str,
    done: str,
) -> dict[str, Any]:
    """Run the action on each dead letter that still exists; return the run and, under the name `done`, how many."""
    count = 0
    with progress_bar() as bar:
        task = bar.add_task(done, total=len(letters))
        for sequence in letters:
            found = await letter_tools.reader.one(sequence)
            if found is not None:
                with told_how_far(f"{count} of {counted(len(letters), 'dead letter')} done"):
                    await act(found)
                count += 1
            bar.advance(task)
    return {"run": run_id, done: count}


def show_result(result: dict[str, Any], *, as_json: bool) -> None:
    """Print the result of `for_each_letter` and end the command: exit code 2 when there was no dead letter."""
    (done, count) = list(result.items())[-1]
    click.echo(json.dumps(result) if as_json else f"{result['run']}: {done}: {counted(count, 'dead letter')}")
    raise SystemExit(Exit.AS_DESIRED if count else Exit.FINDINGS)
