"""`dlq diff`: show why today's code rejects a dead letter."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from athlete_ally.cli.dlq.options import SEQUENCE
from athlete_ally.cli.dlq.text import counted, no_such_letter, prediction_exit
from athlete_ally.cli.json_output import json_option
from athlete_ally.cli.options import env_file_option
from athlete_ally.config.settings import load_settings
from athlete_ally.ops.dead_letters.diagnosis import differences
from athlete_ally.ops.dead_letters.letter_state import LetterState
from athlete_ally.wiring.commands.dlq import actor, letter_tools_session
from athlete_ally.wiring.services.event_loop import run

# The beginning of a value of ten thousand beats shows as much as all of it.
_WIDEST = 200


@click.command()
@click.argument("seq", type=SEQUENCE)
@click.option("--reveal", is_flag=True, help="Print the values, which are personal data; the journal records who did.")
@env_file_option
@json_option
def diff(*, seq: int, reveal: bool, env_file: Path | None, as_json: bool) -> None:
    """Show which fields of the dead letter SEQ today's code rejects: value, expected, remedy. (read-only)

    Exit code 0 when all its readings would pass, 2 when some would fail or the dead letter does not exist, 1 when that
    is unknown, because the answer of a vendor is needed.
    """
    settings = load_settings(env_file)

    async def main() -> tuple[LetterState, list[Any], str]:
        async with letter_tools_session(settings, changing=reveal) as letter_tools:
            found = await letter_tools.reader.one(seq)
            if found is None:
                raise no_such_letter(seq)
            if reveal:
                await letter_tools.triage(actor()).reveal(found)
            prediction = await letter_tools.predictor.predict(found)
            return found, differences(found, prediction.rejected, reveal=reveal), prediction.unknown

    found, found_differences, unknown = run(main())
    what = "item" if found.letter.vendor else "reading"
    if as_json:
        document = {"seq": seq, "differences": [asdict(each) for each in found_differences], "unknown": unknown}
        click.echo(json.dumps(document))
    elif unknown:
        click.echo(unknown)
    elif not found_differences:
        click.echo(f"today's code accepts {counted(found.readings, what)}: `athlete-ally dlq replay {seq}` sends them")
    else:
        _print_differences(found_differences, what)
    raise SystemExit(prediction_exit(failing=len(found_differences), unknown=bool(unknown)))


def _print_differences(found: list[Any], what: str) -> None:
    for each in found:
        click.echo(f"{what} {each.index}, {each.field or 'as a whole'} ({each.reason})")
        if each.field:
            click.echo(f"  value     {json.dumps(each.value)}"[:_WIDEST])
        click.echo(f"  expected  {each.expected}")
        click.echo(f"  remedy    {each.remedy}")
