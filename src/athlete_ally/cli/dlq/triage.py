"""`dlq resolve`, `quarantine`, `release`, `purge`: putting dead letters aside, bringing them back, removing them."""

import json
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import click

from athlete_ally.cli.confirm import ask, ask_to_type
from athlete_ally.cli.count_bar import progress_bar
from athlete_ally.cli.dlq.export_import import write_export
from athlete_ally.cli.dlq.options import (
    all_option,
    chosen_letters,
    filter_options,
    filter_options_but_reason,
    shelf_option,
    yes_option,
)
from athlete_ally.cli.dlq.text import counted, told_how_far
from athlete_ally.cli.exits import Exit
from athlete_ally.cli.options import env_file_option, json_option
from athlete_ally.config.settings import load_settings
from athlete_ally.core.errors import Refused
from athlete_ally.core.messages.dead_letter import Shelf
from athlete_ally.ops.dead_letters.letter_state import LetterState
from athlete_ally.ops.dead_letters.selection import Selection
from athlete_ally.ops.dead_letters.triage import Triage
from athlete_ally.wiring.commands.dlq import DeadLetterTools, actor, letter_tools_session, new_run
from athlete_ally.wiring.services.event_loop import run


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
    _move(seq, "resolved", why, options)


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
    _move(seq, "quarantine", why, options)


@click.command()
@click.argument("seq", type=int, nargs=-1)
@all_option
@filter_options
@shelf_option
@click.option("--because", "why", default="", help="Why; the journal keeps it.")
@yes_option
@env_file_option
@json_option
def release(seq: tuple[int, ...], *, why: str, **options: Any) -> None:
    """Let dead letters wait again that were put aside: name their --shelf. (changing)"""
    if options["shelf"] == "waiting":
        raise Refused("from which shelf? Give --shelf quarantine or --shelf resolved")
    _move(seq, "waiting", why, options)


@click.command()
@click.argument("seq", type=int, nargs=-1)
@all_option
@filter_options
@shelf_option
@click.option(
    "--out",
    "export",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Export the letters into this new file before anything is removed; required.",
)
@click.option("--no-export", is_flag=True, help="Don't keep a copy: they are gone for good.")
@click.option("--confirm", "typed", metavar="COUNT", help="Their number, instead of typing it when asked.")
@env_file_option
@json_option
def purge(  # noqa: PLR0913  # one for each option
    seq: tuple[int, ...],
    *,
    everything: bool,
    export: Path | None,
    no_export: bool,
    typed: str | None,
    env_file: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Remove dead letters for good, their bytes on disk overwritten. (changing)

    Says how many first, writes an export, and wants their number typed. Exit code 3 when it is refused.
    """
    if (export is None) != no_export:
        raise Refused("say where the copy is to go by --out FILE, or --no-export, but not both")
    settings = load_settings(env_file)
    selection = chosen_letters(options, seq, everything=everything)

    async def main() -> dict[str, Any]:
        async with letter_tools_session(settings, changing=True) as letter_tools, letter_tools.journal.alone():
            letters = await _sequences(letter_tools, selection)
            _confirm_count(letters, selection, typed)
            if export is not None:
                await write_export(letter_tools, _named(selection, letters), export)
            return await _purge(letter_tools, letters)

    _tell(run(main()), as_json=as_json)


def _confirm_count(letters: list[int], selection: Selection, typed: str | None) -> None:
    if not letters:
        raise Refused("no such letter is there")
    click.echo(f"{len(letters)} letters ({selection.shelf}) would be removed for good", err=True)
    ask_to_type(str(len(letters)), of_what="their number", given=typed, otherwise="--confirm COUNT")


async def _purge(letter_tools: DeadLetterTools, letters: list[int]) -> dict[str, Any]:
    triage, run_id = letter_tools.triage(actor()), new_run()

    async def remove(each: LetterState) -> None:
        await triage.purge(each, run_id)

    return await _each(letter_tools, letters, remove, run_id, "purged")


def _move(seq: tuple[int, ...], shelf: Shelf, why: str, options: dict[str, Any]) -> None:
    everything, yes = options.pop("everything"), options.pop("yes")
    settings, as_json = load_settings(options.pop("env_file")), options.pop("as_json")
    selection = chosen_letters(options, seq, everything=everything)

    async def main() -> dict[str, Any]:
        async with letter_tools_session(settings, changing=True) as letter_tools, letter_tools.journal.alone():
            letters = await _sequences(letter_tools, selection)
            if len(letters) > 1 and not yes:
                ask(f"{shelf}: {len(letters)} letters?", otherwise="--yes")
            triage, run_id = letter_tools.triage(actor()), new_run()
            return await _each(letter_tools, letters, _mover(triage, shelf, why, run_id), run_id, shelf)

    _tell(run(main()), as_json=as_json)


def _mover(triage: Triage, shelf: Shelf, why: str, run_id: str) -> Callable[[LetterState], Awaitable[None]]:
    async def move(each: LetterState) -> None:
        await triage.move(each, shelf, why, run_id)

    return move


async def _sequences(letter_tools: DeadLetterTools, selection: Selection) -> list[int]:
    """Return the letters that are meant: letters that arrive meanwhile are not."""
    to_sequence = (await letter_tools.letters.extent()).last_sequence
    async with aclosing(letter_tools.reader.read(selection, to_sequence=to_sequence)) as found:
        return [each.letter.sequence async for each in found]


def _named(selection: Selection, letters: list[int]) -> Selection:
    return Selection(shelf=selection.shelf, sequences=frozenset(letters))


async def _each(
    letter_tools: DeadLetterTools,
    letters: list[int],
    act: Callable[[LetterState], Awaitable[None]],
    run_id: str,
    done: str,
) -> dict[str, Any]:
    count = 0
    with progress_bar() as bar:
        task = bar.add_task(done, total=len(letters))
        for sequence in letters:
            found = await letter_tools.reader.one(sequence)
            if found is not None:
                with told_how_far(f"{count} of {counted(len(letters), 'letter')} dealt with"):
                    await act(found)
                count += 1
            bar.advance(task)
    return {"run": run_id, done: count}


def _tell(result: dict[str, Any], *, as_json: bool) -> None:
    (done, count) = list(result.items())[-1]
    click.echo(json.dumps(result) if as_json else f"{result['run']}: {done}: {counted(count, 'letter')}")
    raise SystemExit(Exit.AS_DESIRED if count else Exit.FINDINGS)
