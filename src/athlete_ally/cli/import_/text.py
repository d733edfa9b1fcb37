"""How the outcome of one imported file is printed."""

from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from athlete_ally.wiring.commands.import_ import Outcome


def show_outcome(console: Console, file: Path, outcome: Outcome, *, dry_run: bool, seconds: float) -> None:
    """Print what is in a file, what was left out or refused, and how many readings were taken."""
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
