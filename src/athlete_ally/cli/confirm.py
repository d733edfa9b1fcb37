"""Asking a person, where there is one. Never hangs: without a terminal, only what was allowed beforehand is allowed."""

import sys

import click

from athlete_ally.core.errors import Refused


def ask(question: str, *, otherwise: str) -> None:
    """Return when a person says yes; `otherwise` is the option that says so beforehand.

    Raises:
        Refused: nobody is there to ask, or the answer is no.
    """
    _require_terminal(otherwise)
    if not click.confirm(question, err=True):
        raise Refused("nothing was changed: the answer was no")


def ask_to_type(wanted: str, *, of_what: str, given: str | None, otherwise: str) -> None:
    """Return when `wanted` was given beforehand, or is typed; `of_what` says in words what it is.

    Raises:
        Refused: nobody is there to ask, or something else was given or typed.
    """
    if given is None:
        _require_terminal(otherwise)
        given = click.prompt(f"type {of_what} to go on", default="", show_default=False, err=True)
    if given.strip() != wanted:
        raise Refused(f"nothing was changed: what was typed is not {of_what}")


def _require_terminal(otherwise: str) -> None:
    if not sys.stdin.isatty():
        raise Refused(f"nothing was changed: there is no terminal to ask on; the answer can be given with {otherwise}")
