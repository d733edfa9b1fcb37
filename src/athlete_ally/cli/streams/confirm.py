"""Confirmation of a plan, stricter for dangerous changes."""

import sys

import click

from athlete_ally.cli.confirm import ask, ask_to_type
from athlete_ally.ops.streams.plan import Change, Plan


def ask_for_consent(plan: Plan, *, yes: bool, impact: frozenset[str]) -> None:
    """Return when a person, or the options given, confirmed all changes.

    Changes that delete or can't be undone were allowed by name already; in production the name is typed once more.

    Raises:
        Refused: there is no terminal, or the answer is no.
    """
    if plan.unsafe and sys.stdin.isatty():
        for change in plan.unsafe:
            _confirm_unsafe(change, typed=plan.environment == "production")
    affecting = [each for each in plan.changes if each.danger == "service-affecting" and each.key not in impact]
    safe = [change for change in plan.changes if change.danger == "safe"]
    if affecting:
        options = " ".join(f"--allow-impact {change.key}" for change in affecting)
        ask(f"make {_count(affecting)} that affect running services?", otherwise=options)
    elif safe and not yes:
        ask(f"make {_count(safe)}?", otherwise="--yes")


def _confirm_unsafe(change: Change, *, typed: bool) -> None:
    click.echo(f"{change.key}: {change.reason}", err=True)
    otherwise = f"--allow-data-loss {change.key}"
    if typed:
        ask_to_type(change.name, of_what=change.name, given=None, otherwise=otherwise)
    else:
        ask("continue?", otherwise=otherwise)


def _count(changes: list[Change]) -> str:
    return "1 change" if len(changes) == 1 else f"{len(changes)} changes"
