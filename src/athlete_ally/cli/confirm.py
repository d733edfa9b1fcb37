"""Confirmation by a person on a terminal. Never hangs: without a terminal, only an option given beforehand confirms."""

import sys

import click

from athlete_ally.core.errors import Refused


def ask(question: str, *, otherwise: str) -> None:
    """Return when a person answers yes; `otherwise` names the option that answers yes beforehand.

    Raises:
        Refused: there is no terminal, or the answer is no.
    """
    _require_terminal(otherwise)
    if not click.confirm(question, err=True):
        raise Refused("nothing was changed: the answer was no")


def ask_to_type(wanted: str, *, of_what: str, given: str | None, otherwise: str) -> None:
    """Return when `wanted` was given beforehand or is typed; `of_what` describes it in words.

    Raises:
        Refused: there is no terminal, or something else was given or typed.
    """
    if given is None:
        _require_terminal(otherwise)
        given = click.prompt(f"type {of_what} to continue", default="", show_default=False, err=True)
    if given.strip() != wanted:
        raise Refused(f"nothing was changed: the text typed does not match {of_what}")


def _require_terminal(otherwise: str) -> None:
    if not sys.stdin.isatty():
        raise Refused(f"nothing was changed: there is no terminal to confirm on; confirm with {otherwise}")
