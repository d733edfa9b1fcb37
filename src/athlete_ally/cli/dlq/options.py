"""Options that the commands for dead letters share: filters, and how one confirms."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

import click

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
            self.fail(f"{value!r} is no age: write a number and s, m, h or d, as in 30m", param, ctx)
        return timedelta(**{_UNITS[match[2]]: int(match[1])})


_REASON = click.option("--reason", type=click.Choice(LETTER_REASONS), help="Only letters of this reason.")
_FILTERS = (
    click.option("--kind", type=click.Choice(KINDS), help="Only letters of this kind."),
    click.option("--vendor", help="Only letters of this vendor's webhooks."),
    click.option("--subject", help="Only letters on this subject; * stands for anything."),
    click.option("--group", "fingerprint", metavar="FP", help="Only letters of this fingerprint, or beginning of one."),
    click.option("--durable", help="Only letters that this durable gave up."),
    click.option("--worker-version", help="Only letters that a worker of this version gave up."),
    click.option("--older-than", type=Age(), help="Only letters that died at least this long ago, as in 2h."),
    click.option("--newer-than", type=Age(), help="Only letters that died at most this long ago, as in 30m."),
)
_NAMES = ("reason", "kind", "vendor", "subject", "fingerprint", "durable", "worker_version", "older_than", "newer_than")

shelf_option = click.option(
    "--shelf",
    type=click.Choice(SHELVES),
    default="waiting",
    help="Which letters: waiting ones, or those put aside.  [default: waiting]",
)
all_option = click.option("--all", "everything", is_flag=True, help="All that wait; without it a filter is needed.")
yes_option = click.option("--yes", is_flag=True, help="Don't ask.")


def filter_options(command: Command) -> Command:
    """Give a command the options that choose letters."""
    return _REASON(filter_options_but_reason(command))


def filter_options_but_reason(command: Command) -> Command:
    """Give a command the options that choose letters, where --reason is taken."""
    for option in reversed(_FILTERS):
        command = option(command)
    return command


def selection_from(options: dict[str, Any], *, sequences: tuple[int, ...] = ()) -> Selection:
    """Take the filters out of a command's options and return what they choose."""
    chosen = {name: options.pop(name, None) for name in _NAMES}
    return Selection(shelf=options.pop("shelf", "waiting"), sequences=frozenset(sequences), **chosen)


def chosen_letters(options: dict[str, Any], sequences: tuple[int, ...], *, everything: bool) -> Selection:
    """Return which letters a command is to work on: named, filtered, or in so many words all.

    Raises:
        Refused: nothing was said, or two things that contradict each other.
    """
    selection = selection_from(options, sequences=sequences)
    if selection.is_everything != everything:
        raise Refused(
            "--all contradicts the filters: leave one of them out"
            if everything
            else "which letters? Give their SEQ, a filter such as --group FP, or --all"
        )
    return selection
