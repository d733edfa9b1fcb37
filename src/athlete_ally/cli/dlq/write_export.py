"""Write an export, for `dlq export` and before `dlq purge`."""

import os
from contextlib import aclosing
from pathlib import Path
from typing import Any

from athlete_ally.cli.count_bar import progress_bar
from athlete_ally.core.errors import InvalidMessage, Misconfigured, Refused
from athlete_ally.ops.dead_letters.export_file import Archive
from athlete_ally.ops.dead_letters.letter_state import LetterState
from athlete_ally.ops.dead_letters.selection import Selection
from athlete_ally.ops.dead_letters.triage import as_exported
from athlete_ally.wiring.builders import now
from athlete_ally.wiring.commands.dlq import DeadLetterTools


async def write_export(letter_tools: DeadLetterTools, selection: Selection, out: Path) -> int:
    """Write dead letters to a new file, which is complete on disk when this returns; return how many.

    Raises:
        Refused: the file exists.
        Misconfigured: it can't be written.
    """
    archive = Archive(now())
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    except FileExistsError as error:
        raise Refused(f"{out} exists and is not overwritten: choose another name") from error
    except OSError as error:
        raise Misconfigured(f"{out} can't be written: {error.strerror}") from error
    with os.fdopen(descriptor, "wb") as file, progress_bar() as bar:
        task = bar.add_task("exporting", total=None)
        file.write(archive.head())
        async with aclosing(letter_tools.reader.read(selection)) as found:
            async for each in found:
                file.write(archive.line(_exported(each)))
                bar.update(task, completed=archive.letters)
        file.write(archive.trailer())
        file.flush()
        os.fsync(file.fileno())
    return archive.letters


def _exported(each: LetterState) -> Any:
    try:
        return as_exported(each)
    except InvalidMessage:
        # Exporting readings that are stored already does less harm than leaving the dead letter out.
        return each.letter
