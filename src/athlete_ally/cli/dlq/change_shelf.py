"""Change the state of dead letters, for `dlq resolve`, `quarantine` and `release`."""

from collections.abc import Awaitable, Callable
from typing import Any

from athlete_ally.cli.confirm import ask
from athlete_ally.cli.dlq.each_letter import for_each_letter, matching_sequences, show_result
from athlete_ally.cli.dlq.options import chosen_letters
from athlete_ally.config.settings import load_settings
from athlete_ally.core.messages.dead_letter import Shelf
from athlete_ally.ops.dead_letters.letter_state import LetterState
from athlete_ally.ops.dead_letters.triage import Triage
from athlete_ally.wiring.commands.dlq import actor, letter_tools_session, new_run
from athlete_ally.wiring.services.event_loop import run


def change_shelf(seq: tuple[int, ...], shelf: Shelf, why: str, options: dict[str, Any]) -> None:
    """Move the dead letters that a command's options select to a state; several at once only after confirmation."""
    everything, yes = options.pop("everything"), options.pop("yes")
    settings, as_json = load_settings(options.pop("env_file")), options.pop("as_json")
    selection = chosen_letters(options, seq, everything=everything)

    async def main() -> dict[str, Any]:
        async with letter_tools_session(settings, changing=True) as letter_tools, letter_tools.journal.alone():
            letters = await matching_sequences(letter_tools, selection)
            if len(letters) > 1 and not yes:
                ask(f"{shelf}: {len(letters)} letters?", otherwise="--yes")
            triage, run_id = letter_tools.triage(actor()), new_run()
            return await for_each_letter(letter_tools, letters, _mover(triage, shelf, why, run_id), run_id, shelf)

    show_result(run(main()), as_json=as_json)


def _mover(triage: Triage, shelf: Shelf, why: str, run_id: str) -> Callable[[LetterState], Awaitable[None]]:
    async def move(each: LetterState) -> None:
        await triage.move(each, shelf, why, run_id)

    return move
