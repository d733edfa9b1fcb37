"""`dlq export` and `dlq import`: dead letters as a file that survives a move to another cluster."""

import hashlib
import json
import os
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import click

from athlete_ally.cli.count_bar import progress_bar
from athlete_ally.cli.dlq.options import filter_options, selection_from, shelf_option
from athlete_ally.cli.dlq.text import counted, told_how_far, warn_of_missing_history
from athlete_ally.cli.exits import Exit
from athlete_ally.cli.options import env_file_option, json_option
from athlete_ally.config.settings import load_settings
from athlete_ally.core.audit_log import AuditNote
from athlete_ally.core.errors import InvalidMessage, Misconfigured, Refused
from athlete_ally.ops.dead_letters.export_file import Archive, read_archive
from athlete_ally.ops.dead_letters.letter_state import LetterState
from athlete_ally.ops.dead_letters.selection import Selection
from athlete_ally.ops.dead_letters.triage import as_exported
from athlete_ally.wiring.builders import now
from athlete_ally.wiring.commands.dlq import DeadLetterTools, actor, letter_tools_session, new_run
from athlete_ally.wiring.services.event_loop import run

# Enough to tell ten thousand million letters apart; half the memory of the identities themselves.
_HASH_BYTES = 8


@click.command("export")
@filter_options
@shelf_option
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The file to write; it must be new."
)
@env_file_option
@json_option
def export_command(*, out: Path, env_file: Path | None, as_json: bool, **options: Any) -> None:
    """Write dead letters into a file: lines of JSON, sealed by a sha256. (read-only)

    The file holds health data, and is readable by its owner only. Nothing leaves AA_DLQ.
    """
    settings, selection = load_settings(env_file), selection_from(options)

    async def main() -> int:
        async with letter_tools_session(settings, changing=False) as letter_tools:
            warn_of_missing_history(letter_tools)
            return await write_export(letter_tools, selection, out)

    letters = run(main())
    click.echo(
        json.dumps({"letters": letters, "file": str(out)}) if as_json else f"{counted(letters, 'letter')} in {out}"
    )


async def write_export(letter_tools: DeadLetterTools, selection: Selection, out: Path) -> int:
    """Write letters into a new file, which is complete on disk when this returns; return how many.

    Raises:
        Refused: the file is there already.
        Misconfigured: it can't be written.
    """
    archive = Archive(now())
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    except FileExistsError as error:
        raise Refused(f"{out} is there already: choose another name, nothing is overwritten") from error
    except OSError as error:
        raise Misconfigured(f"{out} can't be written: {error.strerror}") from error
    with os.fdopen(descriptor, "wb") as file, progress_bar() as bar:
        task = bar.add_task("exporting", total=None)
        file.write(archive.head())
        async with aclosing(letter_tools.reader.read(selection)) as found:
            async for each in found:
                file.write(archive.line(_exported(each)))
                bar.update(task, completed=archive.letters)
        file.write(archive.cipher())
        file.flush()
        os.fsync(file.fileno())
    return archive.letters


def _exported(each: LetterState) -> Any:
    try:
        return as_exported(each)
    except InvalidMessage:
        # Better the whole letter, some of whose readings are stored already, than none.
        return each.letter


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@env_file_option
@json_option
def import_command(*, file: Path, env_file: Path | None, as_json: bool) -> None:
    """Write the letters of an export FILE into AA_DLQ, except those that are there already. (changing)

    The whole file is checked against its sha256 before the first letter is written.
    """
    settings = load_settings(env_file)
    try:
        with file.open("rb") as lines:
            total = sum(1 for _ in read_archive(lines))
    except InvalidMessage as error:
        raise Refused(f"{file}: {error}") from error

    async def main() -> dict[str, Any]:
        async with letter_tools_session(settings, changing=True) as letter_tools, letter_tools.journal.alone():
            return await _take_in(letter_tools, file, total)

    result = run(main())
    click.echo(
        json.dumps(result)
        if as_json
        else f"{result['run']}: {result['imported']} letters imported, {result['there_already']} were there already"
    )
    raise SystemExit(Exit.AS_DESIRED)


async def _take_in(letter_tools: DeadLetterTools, file: Path, total: int) -> dict[str, Any]:
    run_id, triage = new_run(), letter_tools.triage(actor())
    known = await _known(letter_tools.letters.all())
    imported = there_already = 0
    await letter_tools.journal.write([AuditNote(run_id, actor(), "import", "started", details={"letters": total})])
    with file.open("rb") as lines, progress_bar() as bar:
        task = bar.add_task("importing", total=total)
        for letter in read_archive(lines):
            with told_how_far(f"{imported} of {counted(total, 'letter')} imported"):
                is_new = _hash(letter.identity) not in known and await triage.take_in(letter, run_id)
            imported += is_new
            there_already += not is_new
            bar.advance(task)
    return {"run": run_id, "imported": imported, "there_already": there_already}


async def _known(letters: AsyncGenerator[Any]) -> set[bytes]:
    async with aclosing(letters) as found:
        return {_hash(letter.identity) async for letter in found}


def _hash(identity: str) -> bytes:
    return hashlib.blake2b(identity.encode(), digest_size=_HASH_BYTES).digest()
