"""`import`: a person's own files, through ingest."""

import json
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import platformdirs
from rich import box
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table

from athlete_ally.cli.exits import Exit
from athlete_ally.cli.interrupt import until_stopped
from athlete_ally.cli.options import env_file_option, json_option, label
from athlete_ally.config.settings import load_settings
from athlete_ally.wiring.commands.import_ import (
    Outcome,
    Report,
    Source,
    Target,
    look_through,
    open_apple_health,
    open_fit,
    open_health_auto_export,
    progress_of,
    send_all,
)
from athlete_ally.wiring.services.event_loop import run

Open = Callable[[Path, str], Source]


@click.group("import")
def import_group() -> None:
    """Import a person's own files through ingest; what was imported already is recognised."""


def _state_dir() -> Path:
    return Path(platformdirs.user_state_dir("athlete-ally", appauthor=False)) / "imports"


def _options(command: Callable[..., None]) -> Callable[..., None]:
    """Add what all imports have in common."""
    for add in reversed(
        (
            click.argument(
                "files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False)
            ),
            click.option("--user", required=True, callback=label, help="The user id that the readings get."),
            click.option("--url", help="Where ingest is.  [default: this machine, at AA_INGEST_PORT]"),
            click.option("--key", envvar="INGEST_API_KEY", help="API key; better given in INGEST_API_KEY."),
            click.option("--dry-run", is_flag=True, help="Read everything, send nothing, and say what there is."),
            click.option(
                "--again", is_flag=True, help="Send also what an earlier run has sent; nothing is stored twice."
            ),
            click.option(
                "--state-dir",
                type=click.Path(path_type=Path, file_okay=False),
                help="Where the journals are that an import goes on from.  [default: the platform's state directory]",
            ),
            click.option(
                "--patience",
                type=click.FloatRange(min=0),
                default=600.0,
                show_default=True,
                help="Seconds to wait for an ingest that does not take anything.",
            ),
            env_file_option,
            json_option,
        )
    ):
        command = add(command)
    return command


@import_group.command("apple-health")
@_options
def apple_health(**options: Any) -> None:
    """Import exports of Apple Health: export.zip, or the export.xml in it. (changing)

    Reads in bounded memory, whatever the size, and goes on where it was when it is started again. Types that no kind
    takes are counted and named. Exit code 2 when readings are impossible, 1 when a file is damaged or ingest is away.
    """
    _import(open_apple_health, **options)


@import_group.command("health-auto-export")
@_options
def health_auto_export(**options: Any) -> None:
    """Import JSON files of the app Health Auto Export. (changing)

    Exit code 2 when readings are impossible, 1 when a file is damaged or ingest is away.
    """
    _import(open_health_auto_export, **options)


@import_group.command("fit")
@_options
def fit(**options: Any) -> None:
    """Import workouts as FIT files (Garmin, Wahoo, Polar, Coros, ...). (changing)

    Exit code 2 when readings are impossible, 1 when a file is damaged or ingest is away.
    """
    _import(open_fit, **options)


def _import(  # noqa: PLR0913  # one for each option
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
            _show(Console(), file, outcome, dry_run=dry_run, seconds=seconds)
    if as_json:
        click.echo(json.dumps({"files": documents}))
    is_partial = any(each["refused"] or each["impossible"] for each in documents)
    raise SystemExit(Exit.FINDINGS if is_partial else Exit.AS_DESIRED)


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


def _show(console: Console, file: Path, outcome: Outcome, *, dry_run: bool, seconds: float) -> None:
    if outcome.progress.is_complete and not outcome.tally.kinds:
        console.print(
            f"{file.name}: was imported already ({outcome.progress.accepted} readings); --again sends it again"
        )
        return
    table = Table("kind", "readings", "entries of the file", "from", "to", box=box.SIMPLE_HEAD, title=file.name)
    for kind, each in sorted(outcome.tally.kinds.items()):
        table.add_row(kind, f"{each.readings:,}", f"{each.entries:,}", each.first_day, each.last_day)
    console.print(table)
    if outcome.tally.skipped:
        console.print("left out, since no kind takes it:")
        for what, number in outcome.tally.skipped.most_common():
            console.print(f"  {number:>9,}  {what}", markup=False)
    for who, refusals in (("impossible, not sent", outcome.impossible), ("refused by ingest", outcome.refused)):
        for (kind, field, message), number in refusals.most_common():
            console.print(f"{who}: {number} of {kind}: {field}: {message}", markup=False)
    done = outcome.progress
    console.print(
        f"nothing was sent (--dry-run), {seconds} s"
        if dry_run
        else f"accepted {done.accepted:,}, duplicate {done.duplicates:,}, refused {done.refused:,}, {seconds} s"
    )
