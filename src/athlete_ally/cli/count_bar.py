"""A progress bar for commands that know the total."""

import sys

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


def progress_bar(*, show: bool = True) -> Progress:
    """Return a bar on standard error; it shows nothing when that is not a terminal, or when it is turned off."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not (show and sys.stderr.isatty()))
