"""Asking a person, where there is one. Never hangs: without a terminal, only what was allowed beforehand is allowed."""

import sys

import click

from athlete_ally.core.errors import Refused
from athlete_ally.ops.plan import Change, Plan


def ask_for_consent(plan: Plan, *, yes: bool, impact: frozenset[str]) -> None:
    """Return when a person, or the options, agreed to all of it.

    What deletes or can't be undone was allowed by name already; in production the name is typed once more.

    Raises:
        Refused: nobody is there to ask, or the answer is no.
    """
    if plan.unsafe and sys.stdin.isatty():
        for change in plan.unsafe:
            _confirm_unsafe(change, typed=plan.environment == "production")
    affecting = [each for each in plan.changes if each.danger == "service-affecting" and each.key not in impact]
    safe = [change for change in plan.changes if change.danger == "safe"]
    if affecting:
        options = " ".join(f"--allow-impact {change.key}" for change in affecting)
        ask(f"make {_count(affecting)} that running services feel?", otherwise=options)
    elif safe and not yes:
        ask(f"make {_count(safe)}?", otherwise="--yes")


def ask(question: str, *, otherwise: str) -> None:
    """Return when a person says yes.

    Raises:
        Refused: nobody is there to ask, or the answer is no.
    """
    if not sys.stdin.isatty():
        raise Refused(f"nothing was changed: there is no terminal to ask on; the answer can be given with {otherwise}")
    if not click.confirm(question, err=True):
        raise Refused("nothing was changed: the answer was no")


def _confirm_unsafe(change: Change, *, typed: bool) -> None:
    click.echo(f"{change.key}: {change.reason}", err=True)
    if typed:
        answer = click.prompt(f"type {change.name} to go on", default="", show_default=False, err=True)
        agreed = answer.strip() == change.name
    else:
        agreed = click.confirm("go on?", err=True)
    if not agreed:
        raise Refused("nothing was changed: the answer was no")


def _count(changes: list[Change]) -> str:
    return "1 change" if len(changes) == 1 else f"{len(changes)} changes"
