"""`dlq edit`: correct a dead letter before it is replayed."""

import json
from pathlib import Path
from typing import Any

import click

from athlete_ally.cli.dlq.options import SEQUENCE
from athlete_ally.cli.dlq.text import no_such_letter, prediction_exit, told_how_far
from athlete_ally.cli.exits import Exit
from athlete_ally.cli.json_output import json_option
from athlete_ally.cli.options import env_file_option
from athlete_ally.config.environment_file import environment_of
from athlete_ally.config.settings import Settings, load_settings
from athlete_ally.core.errors import InvalidMessage, Refused
from athlete_ally.ops.dead_letters.editing import changed_fields, compact, set_fields
from athlete_ally.ops.dead_letters.letter_state import letter_state
from athlete_ally.ops.dead_letters.masking import pretty_body
from athlete_ally.wiring.commands.dlq import actor, letter_tools_session
from athlete_ally.wiring.services.event_loop import run


@click.command()
@click.argument("seq", type=SEQUENCE)
@click.option(
    "--set",
    "assignments",
    metavar="FIELD=VALUE",
    multiple=True,
    help="Set a field (VALUE is JSON or text); FIELD= removes it. May be repeated. Without --set, $EDITOR opens.",
)
@click.option(
    "--reading",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="The index of the reading that --set changes.",
)
@env_file_option
@json_option
def edit(*, seq: int, assignments: tuple[str, ...], reading: int, env_file: Path | None, as_json: bool) -> None:
    """Replace the dead letter SEQ by a corrected one that can be replayed. (changing)

    The original is kept as resolved, linked to the new dead letter; the journal records which fields changed, and
    hashes of both. Refused in production unless the environment file says `allow_edit_dead_letters = true`.
    Exit code 2 when the corrected dead letter would still fail, or nothing was changed.
    """
    settings = load_settings(env_file)
    _allow(settings)

    async def main() -> dict[str, Any] | None:
        async with letter_tools_session(settings, changing=True) as letter_tools, letter_tools.journal.alone():
            found = await letter_tools.reader.one(seq)
            if found is None:
                raise no_such_letter(seq)
            old = found.current().body
            new = set_fields(old, reading, assignments) if assignments else _in_editor(old)
            if compact(new) == compact(old):
                click.echo("nothing was changed", err=True)
                return None
            changes = changed_fields(old, new)
            with told_how_far("the dead letter is unchanged"):
                letter = await letter_tools.triage(actor()).edit(found, new, changes)
            prediction = await letter_tools.predictor.predict(letter_state(letter))
            return {
                "seq": letter.sequence,
                "letter": letter.identity,
                "edited_from": found.letter.identity,
                "changes": changes,
                "passes": prediction.passes,
                "unknown": bool(prediction.unknown),
                "error": prediction.rejected[0].error if prediction.rejected else prediction.unknown,
            }

    try:
        result = run(main())
    except InvalidMessage as error:
        raise Refused(str(error)) from error
    if result is None:
        raise SystemExit(Exit.FINDINGS)
    if as_json:
        click.echo(json.dumps(result))
    else:
        no = "it is unknown whether it would pass" if result["unknown"] else "it would still fail"
        verdict = "it would pass now" if result["passes"] else f"{no}: {result['error']}"
        click.echo(f"dead letter {seq} is replaced by {result['seq']} ({', '.join(result['changes'])}); {verdict}")
    raise SystemExit(prediction_exit(failing=not (result["passes"] or result["unknown"]), unknown=result["unknown"]))


def _allow(settings: Settings) -> None:
    spec = environment_of(settings)
    environments = {settings.environment, spec.environment}
    if "production" in environments and not spec.allow_edit_dead_letters:
        raise Refused(
            "editing dead letters is not allowed in production: ask the sender to correct the data, "
            "or set allow_edit_dead_letters = true in the environment file"
        )


def _in_editor(old: bytes) -> bytes:
    text: str | None = click.edit(pretty_body(old), extension=".json", require_save=True)
    return old if text is None else compact(text.encode())
