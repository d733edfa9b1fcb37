"""`dlq show`: show one dead letter with its headers."""

import json
from pathlib import Path

import click

from athlete_ally.cli.dlq.options import SEQUENCE
from athlete_ally.cli.dlq.text import counted, no_such_letter, when
from athlete_ally.cli.json_output import json_option
from athlete_ally.cli.options import env_file_option
from athlete_ally.config.settings import load_settings
from athlete_ally.ops.dead_letters.json_views import letter_document
from athlete_ally.ops.dead_letters.letter_state import LetterState
from athlete_ally.ops.dead_letters.masking import ShownBody, masked_body, revealed_body, short
from athlete_ally.wiring.commands.dlq import actor, letter_tools_session
from athlete_ally.wiring.services.event_loop import run


@click.command()
@click.argument("seq", type=SEQUENCE)
@click.option("--reveal", is_flag=True, help="Print the body with its personal data; the journal records who did.")
@env_file_option
@json_option
def show(*, seq: int, reveal: bool, env_file: Path | None, as_json: bool) -> None:
    """Show the dead letter with sequence SEQ: its headers, its replays, and its body masked. (read-only)

    Exit code 2 when it does not exist. --reveal needs the database, for the journal.
    """
    settings = load_settings(env_file)

    async def main() -> tuple[LetterState | None, str]:
        async with letter_tools_session(settings, changing=reveal) as letter_tools:
            found = await letter_tools.reader.one(seq)
            if found is not None and reveal:
                await letter_tools.triage(actor()).reveal(found)
            return found, letter_tools.no_history

    found, no_history = run(main())
    if found is None:
        raise no_such_letter(seq)
    body = found.letter.body
    shown = revealed_body(body) if reveal else ShownBody(masked_body(body), is_whole=True)
    if as_json:
        click.echo(json.dumps(letter_document(found, reveal=reveal, with_history=not no_history)))
    else:
        _print_letter(found, shown, no_history)


def _print_letter(found: LetterState, body: ShownBody, no_history: str) -> None:
    letter = found.letter
    click.echo(f"{letter.subject}  (seq {letter.sequence})")
    by = letter.durable or "an unknown durable"
    click.echo(f"  {counted(letter.readings, 'reading')}, dead-lettered {when(letter.dead_since)} by {by}")
    click.echo(f"  reason {letter.reason}: {short(letter.error or '')}")
    for name, value in letter.headers.items():
        click.echo(f"  {short(name)}: {short(value)}")
    if no_history:
        click.echo(f"  replays: unknown ({no_history})")
    elif found.letter.replays:
        click.echo(f"  replayed {found.letter.replays} times before it was imported")
    for number, attempt in enumerate(found.attempts, start=1 + found.letter.replays):
        why = f": {short(attempt.rejected[0].error)}" if attempt.rejected else ""
        counts = f"{attempt.stored} stored, {attempt.superseded} superseded, {len(attempt.rejected)} failed again{why}"
        click.echo(f"  replay {number}, {when(attempt.at)}: {counts}")
    click.echo(body.text)
    if not body.is_whole:
        size = len(letter.body)
        click.echo(
            f"shortened: the body has {size} bytes; `dlq show {letter.sequence} --reveal --json` prints all of it"
        )
