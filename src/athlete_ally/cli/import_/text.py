"""What `import` shows: a bar while it reads, and the summary of a file."""

from collections.abc import Generator
from contextlib import contextmanager

from rich import box
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table

from athlete_ally.wiring.commands.import_ import NO_KIND, LeftOut, Outcome, Report


@contextmanager
def progress_bar(name: str, *, show: bool) -> Generator[Report]:
    """Yield a function that receives the progress of reading; it shows a bar on a terminal, and nothing elsewhere."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not (show and console.is_terminal)) as progress:
        task = progress.add_task(name, total=None)
        yield lambda position, size: progress.update(task, completed=position, total=size)


def show(console: Console, name: str, outcome: Outcome, *, dry_run: bool, seconds: float) -> None:
    """Show the outcome of a file."""
    if outcome.progress.is_complete and outcome.before and not outcome.tally.kinds:
        console.print(f"{name}: imported before ({outcome.progress.accepted} readings); --again sends it once more")
        return
    _show_kinds(console, name, outcome)
    _show_left_out(console, outcome)
    for who, refusals in (("implausible, not sent", outcome.impossible), ("refused by ingest", outcome.refused)):
        for (kind, field, message), number in refusals.most_common():
            console.print(f"{who}: {number} of {kind}: {field}: {message}", markup=False)
    done = outcome.progress
    console.print(
        f"nothing was sent (--dry-run), {seconds} s"
        if dry_run
        else f"accepted {done.accepted:,}, duplicate {done.duplicates:,}, refused {done.refused:,}, {seconds} s"
    )


def _show_kinds(console: Console, name: str, outcome: Outcome) -> None:
    if not outcome.tally.kinds:
        console.print(f"{name}: no supported data", markup=False)
        return
    table = Table("kind", "readings", "entries of the file", "from", "to", box=box.SIMPLE_HEAD, title=name)
    for kind, each in sorted(outcome.tally.kinds.items()):
        table.add_row(kind, f"{each.readings:,}", f"{each.entries:,}", each.first_day, each.last_day)
    console.print(table)


def _show_left_out(console: Console, outcome: Outcome) -> None:
    left_out = outcome.tally.most_left_out()
    _list(console, "skipped, not supported:", [each for each in left_out if each[1].reason == NO_KIND])
    _list(console, "skipped, for the reason given:", [each for each in left_out if each[1].reason != NO_KIND])
    for damaged in outcome.tally.damaged:
        console.print(f"damaged: {damaged.name}: {damaged.reason}", markup=False)


def _list(console: Console, heading: str, left_out: list[tuple[str, LeftOut]]) -> None:
    if left_out:
        console.print(heading)
    for what, each in left_out:
        reason = "" if each.reason == NO_KIND else f": {each.reason}"
        first = f" (the first: {each.first})" if each.first else ""
        console.print(f"  {each.number:>9,}  {what}{reason}{first}", markup=False)
