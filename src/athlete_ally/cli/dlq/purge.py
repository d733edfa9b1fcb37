"""`dlq purge`: delete dead letters permanently."""

from pathlib import Path
from typing import Any

import click

from athlete_ally.cli.confirm import ask_to_type
from athlete_ally.cli.dlq.each_letter import for_each_letter, matching_sequences, show_result
from athlete_ally.cli.dlq.options import SEQUENCE, all_option, chosen_letters, filter_options, shelf_option
from athlete_ally.cli.dlq.write_export import write_export
from athlete_ally.cli.json_output import json_option
from athlete_ally.cli.options import env_file_option
from athlete_ally.config.settings import load_settings
from athlete_ally.core.errors import Refused
from athlete_ally.ops.dead_letters.letter_state import LetterState
from athlete_ally.ops.dead_letters.selection import Selection
from athlete_ally.wiring.commands.dlq import DeadLetterTools, actor, letter_tools_session, new_run
from athlete_ally.wiring.services.event_loop import run


@click.command()
@click.argument("seq", type=SEQUENCE, nargs=-1)
@all_option
@filter_options
@shelf_option
@click.option(
    "--out",
    "export",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a copy to this new file before anything is deleted (this or --no-export is required).",
)
@click.option("--no-export", is_flag=True, help="Delete without a copy.")
@click.option(
    "--confirm", "typed", metavar="COUNT", help="The number of dead letters, instead of typing it when asked."
)
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
    """Delete dead letters permanently and overwrite their bytes on disk. (changing)

    Shows how many first, asks you to type that number, and writes an export. Exit code 3 when refused.
    """
    if (export is None) != no_export:
        raise Refused("give either --out FILE for the copy, or --no-export")
    settings = load_settings(env_file)
    selection = chosen_letters(options, seq, everything=everything)

    async def main() -> dict[str, Any]:
        async with letter_tools_session(settings, changing=True) as letter_tools, letter_tools.journal.alone():
            letters = await matching_sequences(letter_tools, selection)
            _confirm_count(letters, selection, typed)
            if export is not None:
                await write_export(letter_tools, Selection(shelf=selection.shelf, sequences=frozenset(letters)), export)
            return await _purge(letter_tools, letters)

    show_result(run(main()), as_json=as_json)


def _confirm_count(letters: list[int], selection: Selection, typed: str | None) -> None:
    if not letters:
        raise Refused("no dead letter matches")
    click.echo(f"{len(letters)} dead letters ({selection.shelf}) would be deleted permanently", err=True)
    ask_to_type(
        str(len(letters)),
        of_what=f"the number of dead letters ({len(letters)})",
        given=typed,
        otherwise="--confirm COUNT",
    )


async def _purge(letter_tools: DeadLetterTools, letters: list[int]) -> dict[str, Any]:
    triage, run_id = letter_tools.triage(actor()), new_run()

    async def remove(each: LetterState) -> None:
        await triage.purge(each, run_id)

    return await for_each_letter(letter_tools, letters, remove, run_id, "purged")
