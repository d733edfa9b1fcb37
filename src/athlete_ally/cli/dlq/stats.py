"""`dlq stats`: count dead letters, with their size and age."""

import json
from contextlib import aclosing
from pathlib import Path
from typing import Any

import click

from athlete_ally.cli.dlq.options import filter_options, selection_from, shelf_option
from athlete_ally.cli.json_output import json_option
from athlete_ally.cli.options import env_file_option
from athlete_ally.config.settings import load_settings
from athlete_ally.ops.dead_letters.grouping import Groups
from athlete_ally.ops.dead_letters.selection import Selection
from athlete_ally.wiring.builders import now
from athlete_ally.wiring.commands.dlq import DeadLetterTools, letter_tools_session
from athlete_ally.wiring.services.event_loop import run


@click.command()
@filter_options
@shelf_option
@env_file_option
@json_option
def stats(*, env_file: Path | None, as_json: bool, **options: Any) -> None:
    """Count dead letters by kind and reason, with their size and age. (read-only)"""
    selection, settings = selection_from(options), load_settings(env_file)

    async def main() -> dict[str, Any]:
        async with letter_tools_session(settings, changing=False) as letter_tools:
            return await _stats(letter_tools, selection)

    counted = run(main())
    if as_json:
        click.echo(json.dumps(counted))
        return
    for name, value in counted.items():
        text = ", ".join(f"{key} {number}" for key, number in value.items()) if isinstance(value, dict) else value  # pyright: ignore[reportUnknownVariableType]  # our own document
        click.echo(f"{name:<16}{text}")


async def _stats(letter_tools: DeadLetterTools, selection: Selection) -> dict[str, Any]:
    groups = Groups(now())
    by_kind: dict[str, int] = {}
    by_reason: dict[str, int] = {}
    oldest, replayed = None, 0
    async with aclosing(letter_tools.reader.read(selection)) as found:
        async for each in found:
            letter = each.letter
            groups.add(letter, each.readings)
            name = letter.kind or letter.vendor or "other"
            by_kind[name] = by_kind.get(name, 0) + 1
            by_reason[letter.reason] = by_reason.get(letter.reason, 0) + 1
            replayed += each.replays > 0
            oldest = min(oldest or letter.dead_since, letter.dead_since)
    return {
        "letters": groups.letters,
        "readings": groups.readings,
        "groups": len(groups.by_fingerprint),
        "bytes": groups.bytes,
        "replayed": None if letter_tools.no_history else replayed,
        "oldest": oldest and oldest.isoformat(timespec="milliseconds"),
        "by_kind": by_kind,
        "by_reason": by_reason,
    }
