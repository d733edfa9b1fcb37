"""A bar that counts things done, for commands that know how many there are."""

import sys

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


def progress_bar(*, show: bool = True) -> Progress:
    """Return a bar on standard error, silent where that is no terminal, or it is not to be shown."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not (show and sys.stderr.isatty()))
