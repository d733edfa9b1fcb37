"""Options shared by the commands for dead letters: filters and confirmation."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

import click

from athlete_ally.core.broker.topology import MAX_SEQUENCE
from athlete_ally.core.errors import Refused
from athlete_ally.core.messages.dead_letter import SHELVES
from athlete_ally.core.verdict import LETTER_REASONS
from athlete_ally.measurements import KINDS
from athlete_ally.ops.dead_letters.selection import Selection

Command = TypeVar("Command", bound=Callable[..., Any])

_AGE = re.compile(r"(\d{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Age(click.ParamType[timedelta]):
    """A time span such as 30m."""

    name = "age"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Return the span."""
        match = _AGE.fullmatch(str(value))
        if match is None:
            self.fail(f"{value!r} is not a valid age: write a number followed by s, m, h or d, such as 30m", param, ctx)
        return timedelta(**{_UNITS[match[2]]: int(match[1])})


SEQUENCE = click.IntRange(1, MAX_SEQUENCE)
"""The sequence of a dead letter."""
_REASON = click.option("--reason", type=click.Choice(LETTER_REASONS), help="Only dead letters with this reason.")
_FILTERS = (
    click.option("--kind", type=click.Choice(KINDS), help="Only dead letters of this kind."),
    click.option("--vendor", help="Only dead letters from this vendor's webhooks."),
    click.option("--sender", help="Only dead letters of what this sender sent, such as key:NAME or vendor:whoop."),
    click.option("--subject", help="Only dead letters on this subject; * matches anything."),
    click.option("--group", "fingerprint", metavar="FP", help="Only dead letters whose fingerprint begins with this."),
    click.option("--durable", help="Only dead letters that failed on this durable."),
    click.option("--worker-version", help="Only dead letters that failed on a worker of this version."),
    click.option("--older-than", type=Age(), help="Only dead letters that failed at least this long ago, such as 2h."),
    click.option("--newer-than", type=Age(), help="Only dead letters that failed at most this long ago, such as 30m."),
)
_NAMES = (
    *("reason", "kind", "vendor", "sender", "subject", "fingerprint"),
    *("durable", "worker_version", "older_than", "newer_than"),
)

shelf_option = click.option(
    "--shelf",
    type=click.Choice(SHELVES),
    default="waiting",
    help="The state of the dead letters.  [default: waiting]",
)
all_option = click.option(
    "--all", "everything", is_flag=True, help="All waiting dead letters; without it a filter is required."
)
yes_option = click.option("--yes", is_flag=True, help="Don't ask.")


def filter_options(command: Command) -> Command:
    """Add the options that select dead letters to a command."""
    return _REASON(filter_options_but_reason(command))


def filter_options_but_reason(command: Command) -> Command:
    """Add the options that select dead letters to a command that uses --reason for something else."""
    for option in reversed(_FILTERS):
        command = option(command)
    return command


def selection_from(options: dict[str, Any], *, sequences: tuple[int, ...] = ()) -> Selection:
    """Take the filters out of a command's options and return the selection."""
    chosen = {name: options.pop(name, None) for name in _NAMES}
    return Selection(shelf=options.pop("shelf", "waiting"), sequences=frozenset(sequences), **chosen)


def chosen_letters(options: dict[str, Any], sequences: tuple[int, ...], *, everything: bool) -> Selection:
    """Return the selection a command works on: sequences, filters, or --all.

    Raises:
        Refused: no selection was given, or --all together with a filter.
    """
    selection = selection_from(options, sequences=sequences)
    if selection.is_everything != everything:
        raise Refused(
            "--all contradicts the filters: give only one of them"
            if everything
            else "no dead letters selected: give their SEQ, a filter such as --group FP, or --all"
        )
    return selection
