"""`dlq top`: group dead letters by how they failed."""

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape

from athlete_ally.cli.dlq.options import filter_options, selection_from, shelf_option
from athlete_ally.cli.dlq.text import counted, sparkline, table, warn_of_missing_history, when
from athlete_ally.cli.json_output import json_option
from athlete_ally.cli.options import env_file_option
from athlete_ally.config.settings import load_settings
from athlete_ally.core.messages.sender import UNKNOWN
from athlete_ally.ops.dead_letters.grouping import Group, Groups
from athlete_ally.ops.dead_letters.json_views import groups_document
from athlete_ally.wiring.commands.dlq import letter_tools_session
from athlete_ally.wiring.services.event_loop import run

# Columns: what the table of groups takes, with twenty for an error.
_TABLE_FITS = 140
_SENDERS_SHOWN = 3


@click.command()
@filter_options
@shelf_option
@env_file_option
@json_option
def top(*, env_file: Path | None, as_json: bool, **options: Any) -> None:
    """Group dead letters by how they failed, the largest group first. (read-only)

    Each group shows an example, the times of its first and last failure, and its arrivals of the last 24 hours.
    """
    selection, settings = selection_from(options), load_settings(env_file)

    async def main() -> Groups:
        async with letter_tools_session(settings, changing=False) as letter_tools:
            if not as_json:
                warn_of_missing_history(letter_tools)
            return await letter_tools.reader.groups(selection)

    groups = run(main())
    if as_json:
        click.echo(json.dumps(groups_document(groups)))
    else:
        _print_groups(groups)


def _size_of(groups: Groups) -> str:
    sizes = (groups.letters, "dead letter"), (groups.readings, "reading"), (len(groups.by_fingerprint), "group")
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
            *(escape(each) for each in (group.source, group.reason, "\n".join((group.error, *_senders_of(group))))),
            f"{when(group.first_seen)}\n{when(group.last_seen)}",
            sparkline(group.by_hour),
            str(group.example),
        )
    console.print(listed)


def _senders_of(group: Group) -> list[str]:
    """Return a line with the senders of the most letters and how many more there are; none where nobody is known."""
    senders = group.largest_senders()
    if [sender for sender, _ in senders] == [UNKNOWN]:
        return []
    more = f" and {len(senders) - _SENDERS_SHOWN} more" if len(senders) > _SENDERS_SHOWN else ""
    return ["from " + ", ".join(f"{sender} ({letters})" for sender, letters in senders[:_SENDERS_SHOWN]) + more]


def _in_lines(group: Group, letters: int) -> str:
    """Return the lines of a group for a narrow terminal."""
    name = f"\n{group.fingerprint}  {counted(group.letters, 'dead letter')} ({group.share(letters):.0%})"
    lines = (
        f"{name}, {group.source}, {group.reason}",
        f"  {group.error}",
        *(f"  {senders}" for senders in _senders_of(group)),
        f"  seen {when(group.first_seen)} to {when(group.last_seen)}, example {group.example}",
        f"  24 hours [{sparkline(group.by_hour)}]",
    )
    return "\n".join(lines)
