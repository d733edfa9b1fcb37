"""Importing files one after the other, with a bar for each."""

import json
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import platformdirs
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from athlete_ally.cli.exits import Exit
from athlete_ally.cli.import_.text import show_outcome
from athlete_ally.cli.interrupt import until_stopped
from athlete_ally.config.settings import load_settings
from athlete_ally.wiring.commands.import_ import Outcome, Report, Source, Target, look_through, progress_of, send_all
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
    patience: float,
    env_file: Path | None,
    as_json: bool,
) -> None:
    """Send the readings of files to ingest, or only look through them, and end the command."""
    target = Target(url or f"http://127.0.0.1:{load_settings(env_file).ingest_port}", key, patience)
    documents: list[dict[str, Any]] = []
    for file in files:
        started_s = time.monotonic()
        with _progress(file, show=not as_json) as report:
            if dry_run:
                outcome = look_through(opened(file, user), report)
            else:
                journal = progress_of(file, user, target.url, state_dir or _state_dir(), again=again)
                if journal.progress.is_complete:
                    outcome = Outcome(journal.progress, before=journal.progress.acknowledged)
                else:
                    outcome = run(until_stopped(send_all(opened(file, user), journal, target, report)))
        seconds = round(time.monotonic() - started_s, 1)
        documents.append({"file": file.name, "dry_run": dry_run, **outcome.document(), "seconds": seconds})
        if not as_json:
            show_outcome(Console(), file, outcome, dry_run=dry_run, seconds=seconds)
    if as_json:
        click.echo(json.dumps({"files": documents}))
    is_partial = any(each["refused"] or each["impossible"] for each in documents)
    raise SystemExit(Exit.FINDINGS if is_partial else Exit.AS_DESIRED)


def _state_dir() -> Path:
    return Path(platformdirs.user_state_dir("athlete-ally", appauthor=False)) / "imports"


@contextmanager
def _progress(file: Path, *, show: bool) -> Generator[Report]:
    """Give a function that is told how far reading has come; a terminal shows a bar, anything else nothing."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not (show and console.is_terminal)) as progress:
        task = progress.add_task(file.name, total=None)
        yield lambda position, size: progress.update(task, completed=position, total=size)
