"""`dlq list`, `top`, `stats`: looking at many dead letters."""

import json
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape

from athlete_ally.cli.dlq.options import filter_options, selection_from, shelf_option
from athlete_ally.cli.dlq.text import counted, sparkline, stream_json, table, warn_of_missing_history, when
from athlete_ally.cli.options import env_file_option, json_option
from athlete_ally.config.settings import load_settings
from athlete_ally.ops.dead_letters.grouping import Group, Groups
from athlete_ally.ops.dead_letters.json_views import groups_document, summary
from athlete_ally.ops.dead_letters.selection import Selection
from athlete_ally.wiring.builders import now
from athlete_ally.wiring.commands.dlq import DeadLetterTools, letter_tools_session
from athlete_ally.wiring.services.event_loop import run

_SHOWN_AT_ONCE = 100
# Columns: what the table of groups takes, with twenty for an error.
_TABLE_FITS = 140


@click.command("list")
@filter_options
@shelf_option
@click.option("--limit", type=click.IntRange(min=1), help="At most so many.  [default: 100; with --json: all]")
@env_file_option
@json_option
def list_command(*, limit: int | None, env_file: Path | None, as_json: bool, **options: Any) -> None:
    """List dead letters, without the readings in them. (read-only)

    Filters combine. Oldest first.
    """
    selection, settings = selection_from(options), load_settings(env_file)

    async def main() -> None:
        async with letter_tools_session(settings, changing=False) as letter_tools:
            warn_of_missing_history(letter_tools)
            if as_json:
                await stream_json("letters", _summaries(letter_tools, selection, limit), sys.stdout.write)
            else:
                await _print_list(letter_tools, selection, limit or _SHOWN_AT_ONCE)

    run(main())


async def _summaries(
    letter_tools: DeadLetterTools, selection: Selection, limit: int | None
) -> AsyncIterator[dict[str, Any]]:
    count = 0
    async with aclosing(letter_tools.reader.read(selection)) as found:
        async for each in found:
            if each.is_done:
                continue
            if count == limit:
                return
            count += 1
            yield summary(each, with_history=not letter_tools.no_history)


async def _print_list(letter_tools: DeadLetterTools, selection: Selection, limit: int) -> None:
    rows: list[dict[str, Any]] = []
    more = 0
    async for each in _summaries(letter_tools, selection, None):
        if len(rows) < limit:
            rows.append(each)
        else:
            more += 1
    total = len(rows) + more
    shown = ("seq", "kind", "reason", "readings", "replays", "error", "at")
    listed = table(*shown, title=counted(total, "dead letter"), whole=("seq", "kind", "reason"))
    for row in rows:
        values = {**row, "at": row["at"][:19].replace("T", " "), "replays": _replays(row["replays"])}
        listed.add_row(*(escape(str(values[column])) for column in shown))
    console = Console()
    console.print(listed)
    if more:
        console.print(f"{more} more: narrow it down by a filter, or give --limit")


def _replays(number: int | None) -> str:
    return "?" if number is None else str(number)


@click.command()
@filter_options
@shelf_option
@env_file_option
@json_option
def top(*, env_file: Path | None, as_json: bool, **options: Any) -> None:
    """Group dead letters by how they failed, the largest group first. (read-only)

    Each group has one example, when its first and its last letter died, and its arrivals of the last 24 hours.
    """
    groups, office_note = _grouped(selection_from(options), env_file)
    if as_json:
        click.echo(json.dumps(groups_document(groups)))
        return
    if office_note:
        click.echo(office_note, err=True)
    _print_groups(groups)


def _size_of(groups: Groups) -> str:
    sizes = (groups.letters, "letter"), (groups.readings, "reading"), (len(groups.by_fingerprint), "group")
    return ", ".join(counted(number, what) for number, what in sizes)


def _print_groups(groups: Groups) -> None:
    console = Console()
    if console.width < _TABLE_FITS or not groups.letters:
        click.echo(_size_of(groups))
        for group in groups.largest():
            click.echo(_in_lines(group, groups.letters))
        return
    columns = ("group", "letters", "share", "kind", "reason", "error", "first and last seen", "24 hours", "e.g.")
    listed = table(*columns, title=_size_of(groups), whole=set(columns) - {"kind", "error"})
    for group in groups.largest():
        listed.add_row(
            group.fingerprint,
            str(group.letters),
            f"{group.share(groups.letters):.0%}",
            *(escape(each) for each in (group.source, group.reason, group.error)),
            f"{when(group.first_seen)}\n{when(group.last_seen)}",
            sparkline(group.by_hour),
            str(group.example),
        )
    console.print(listed)


def _in_lines(group: Group, letters: int) -> str:
    """Return a group as a narrow terminal has room for it."""
    name = f"\n{group.fingerprint}  {counted(group.letters, 'letter')} ({group.share(letters):.0%})"
    lines = (
        f"{name}, {group.source}, {group.reason}",
        f"  {group.error}",
        f"  seen {when(group.first_seen)} to {when(group.last_seen)}, such as letter {group.example}",
        f"  24 hours [{sparkline(group.by_hour)}]",
    )
    return "\n".join(lines)


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


def _grouped(selection: Selection, env_file: Path | None) -> tuple[Groups, str]:
    settings = load_settings(env_file)

    async def main() -> tuple[Groups, str]:
        async with letter_tools_session(settings, changing=False) as letter_tools:
            groups = await letter_tools.reader.groups(selection)
            unknown = letter_tools.no_history
            note = f"warning: replays of letters are not known: {unknown}" if unknown else ""
            return groups, note

    return run(main())
