"""`dlq test`: predict the outcome of replaying dead letters now."""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import click

from athlete_ally.cli.count_bar import progress_bar
from athlete_ally.cli.dlq.options import (
    SEQUENCE,
    all_option,
    chosen_letters,
    filter_options,
    selection_from,
    shelf_option,
)
from athlete_ally.cli.dlq.text import prediction_exit, prediction_text, warn_of_missing_history
from athlete_ally.cli.json_output import json_option
from athlete_ally.cli.options import env_file_option
from athlete_ally.config.settings import Settings, load_settings
from athlete_ally.ops.dead_letters.export_file import read_archive
from athlete_ally.ops.dead_letters.json_views import prediction_document
from athlete_ally.ops.dead_letters.letter_state import LetterState, letter_state
from athlete_ally.ops.dead_letters.predictions import Predictor, Tally
from athlete_ally.ops.dead_letters.selection import Selection
from athlete_ally.wiring.builders import now
from athlete_ally.wiring.commands.dlq import letter_tools_session
from athlete_ally.wiring.commands.dlq_dry_runs import build_predictor
from athlete_ally.wiring.services.event_loop import run


@click.command()
@click.argument("seq", type=SEQUENCE, nargs=-1)
@all_option
@filter_options
@shelf_option
@click.option(
    "--from",
    "export",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Read dead letters from this export; needs no server.",
)
@env_file_option
@json_option
def test(
    seq: tuple[int, ...],
    *,
    everything: bool,
    export: Path | None,
    env_file: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Predict the outcome of a replay by running today's code over dead letters without side effects. (read-only)

    Webhooks are unpacked, their accounts looked up and their readings normalised. A vendor is never
    asked: of data that has to be fetched, only the permission is checked. Without a database, or on an export,
    superseded readings count as stored, and linked accounts are unknown.

    Exit code 0 when all would pass, 2 when some would fail again, 1 when none would fail but some are unknown.
    """
    settings = load_settings(env_file)
    selection = (
        selection_from(options, sequences=seq) if export else chosen_letters(options, seq, everything=everything)
    )
    tally = run(_offline(settings, selection, export) if export else _online(settings, selection))
    click.echo(json.dumps(prediction_document(tally)) if as_json else prediction_text(tally))
    raise SystemExit(prediction_exit(failing=tally.letters_failing, unknown=tally.unknown))


async def _online(settings: Settings, selection: Selection) -> Tally:
    async with letter_tools_session(settings, changing=False) as letter_tools:
        warn_of_missing_history(letter_tools)
        async with aclosing(letter_tools.reader.read(selection)) as found:
            return await _tally(found, letter_tools.predictor)


async def _offline(settings: Settings, selection: Selection, export: Path) -> Tally:
    async def letters() -> AsyncIterator[LetterState]:
        moment = now()
        with export.open("rb") as lines:
            for letter in read_archive(lines):
                if selection.takes(letter, moment):
                    yield letter_state(letter)

    return await _tally(letters(), build_predictor(settings, None))


async def _tally(found: AsyncIterator[LetterState], predictor: Predictor) -> Tally:
    with progress_bar() as bar:
        task = bar.add_task("testing", total=None)
        return await predictor.tally(found, lambda count: bar.update(task, completed=count))
