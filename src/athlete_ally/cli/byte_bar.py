"""A progress bar with rate and remaining time on a terminal; no output elsewhere."""

from collections.abc import Generator
from contextlib import contextmanager

from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from athlete_ally.wiring.commands.streams_backup import Step, Tell


class _Amount(ProgressColumn):
    """Shows the amount done and the rate, in the unit of the step."""

    def render(self, task: Task) -> Text:
        """See rich."""
        unit, rate = task.fields["unit"], int(task.finished_speed or task.speed or 0)
        if unit == "bytes":
            return Text(f"{decimal(int(task.completed))} at {decimal(rate)}/s")
        return Text(f"{int(task.completed):,} {unit} at {rate:,}/s")


@contextmanager
def progress(*, quiet: bool) -> Generator[Tell]:
    """Yield a function that shows steps on standard error, with one bar for each step."""
    console = Console(stderr=True, quiet=quiet)
    columns = (TextColumn("{task.description}"), BarColumn(), _Amount(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        shown: dict[str, TaskID] = {}

        def tell(step: Step) -> None:
            if step.what not in shown:
                shown[step.what] = bars.add_task(step.what, total=step.total, unit=step.unit)
            bars.update(shown[step.what], completed=step.done, total=step.total)

        yield tell
