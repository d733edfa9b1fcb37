"""`dlq import`: write the dead letters of an export into AA_DLQ."""

import hashlib
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import click

from athlete_ally.cli.count_bar import progress_bar
from athlete_ally.cli.dlq.text import counted, told_how_far
from athlete_ally.cli.exits import Exit
from athlete_ally.cli.json_output import json_option
from athlete_ally.cli.options import env_file_option
from athlete_ally.config.settings import load_settings
from athlete_ally.core.audit_log import AuditNote
from athlete_ally.core.errors import InvalidMessage, Refused
from athlete_ally.ops.dead_letters.export_file import read_archive
from athlete_ally.wiring.commands.dlq import DeadLetterTools, actor, letter_tools_session, new_run
from athlete_ally.wiring.services.event_loop import run

# Enough to tell ten thousand million dead letters apart; half the memory of the identities themselves.
_HASH_BYTES = 8


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@env_file_option
@json_option
def import_command(*, file: Path, env_file: Path | None, as_json: bool) -> None:
    """Write the dead letters of an export FILE into AA_DLQ, except those that exist there. (changing)

    The whole file is checked against its SHA-256 checksum before the first dead letter is written.
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
        else f"{result['run']}: {result['imported']} dead letters imported, {result['there_already']} existed"
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
            with told_how_far(f"{imported} of {counted(total, 'dead letter')} imported"):
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
