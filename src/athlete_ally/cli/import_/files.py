"""Importing files one after the other, with a bar for each."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import platformdirs
from rich.console import Console

from athlete_ally.cli.exits import Exit
from athlete_ally.cli.import_.text import progress_bar, show
from athlete_ally.cli.interrupt import until_stopped
from athlete_ally.cli.json_output import print_json
from athlete_ally.config.settings import load_settings
from athlete_ally.core.errors import AthleteAllyError, UnreadableFile
from athlete_ally.wiring.commands.import_ import (
    ImportProgress,
    Outcome,
    Report,
    Source,
    Target,
    look_through,
    progress_of,
    send_all,
)
from athlete_ally.wiring.services.event_loop import run

Open = Callable[[Path, str], Source]


def import_files(  # noqa: PLR0913  # one for each option
    opened: Open,
    *,
    files: tuple[Path, ...],
    user: str,
    url: str | None,
    key: str | None,
    dry_run: bool,
    again: bool,
    state_dir: Path | None,
    patience_s: float,
    env_file: Path | None,
    as_json: bool,
    also: tuple[str, ...] = (),
) -> None:
    """Send the readings of files to ingest, or only look through them, and end the command.

    `also` is what else decides about the readings: with another value a file is another import.
    """
    target = Target(url or f"http://127.0.0.1:{load_settings(env_file).ingest_port}", key, patience_s)
    documents: list[dict[str, Any]] = []
    outcomes: list[Outcome] = []
    for file in files:
        started_s = time.monotonic()
        try:
            with progress_bar(file.name, show=not as_json) as report:
                if dry_run:
                    outcome = look_through(opened(file, user), report)
                else:
                    journal = progress_of(file, user, target.url, state_dir or _state_dir(), again=again, also=also)
                    outcome = _sent(opened, file, user, journal, target, report)
        except UnreadableFile as error:
            # It costs itself: the files behind it are imported, and the exit code remembers it.
            click.echo(f"athlete-ally: {error}", err=True)
            documents.append({"file": file.name, "dry_run": dry_run, "error": str(error)})
            continue
        except AthleteAllyError as error:
            if as_json:
                documents.append({"file": file.name, "dry_run": dry_run, "error": str(error)})
                print_json({"files": documents})
            raise
        outcomes.append(outcome)
        seconds = round(time.monotonic() - started_s, 1)
        documents.append({"file": file.name, "dry_run": dry_run, **outcome.document(), "seconds": seconds})
        if not as_json:
            show(Console(), file.name, outcome, dry_run=dry_run, seconds=seconds)
    if as_json:
        print_json({"files": documents})
    raise SystemExit(_exit_code(outcomes, len(files)))


def _sent(  # what one import consists of
    opened: Open, file: Path, user: str, journal: ImportProgress, target: Target, report: Report
) -> Outcome:
    # Where nothing was sent there is nothing to spare by not reading it again, and only reading says why.
    if journal.progress.is_complete and journal.progress.acknowledged:
        return Outcome(journal.progress, before=journal.progress.acknowledged)
    return run(until_stopped(send_all(opened(file, user), journal, target, report)))


def _exit_code(outcomes: list[Outcome], files: int) -> Exit:
    if len(outcomes) < files or any(each.tally.damaged for each in outcomes):
        return Exit.ERROR
    is_sound = any(each.is_understood for each in outcomes) and not any(each.is_partial for each in outcomes)
    return Exit.AS_DESIRED if is_sound else Exit.FINDINGS


def _state_dir() -> Path:
    return Path(platformdirs.user_state_dir("athlete-ally", appauthor=False)) / "imports"
