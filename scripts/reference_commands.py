"""The commands, as click knows them."""

import inspect
from typing import Any

import click
from reference_markdown import code, table

from athlete_ally.cli.app import cli


def commands_section() -> str:
    """Return a section for each command, options included."""
    every = cli.walk("athlete-ally")
    return "\n\n".join(_section(path, command) for path, command in every if _does_something(command))


def _does_something(command: click.Command) -> bool:
    return not isinstance(command, click.Group) or command.invoke_without_command


def _section(path: str, command: click.Command) -> str:
    shown: list[click.Parameter] = [each for each in command.params if not getattr(each, "hidden", False)]
    arguments = [str(each.name).upper() for each in shown if isinstance(each, click.Argument)]
    options = [(code(_flags(each)), str(each.help)) for each in shown if isinstance(each, click.Option)]
    text = inspect.cleandoc(command.help or "").replace("\n\n", "\0").replace("\n", " ").replace("\0", "\n\n")
    parts = [f"### `{' '.join((path, *arguments))}`", _sentences(text), table(("option", "meaning"), options)]
    return "\n\n".join(part for part in parts if part)


def _flags(option: click.Option) -> str:
    context = click.Context(click.Command("help"))
    kind: Any = "" if option.is_flag else option.make_metavar(context)
    return f"{', '.join((*option.opts, *option.secondary_opts))} {kind}".strip()


def _sentences(text: str) -> str:
    """Return one sentence on each line."""
    return text.replace(". ", ".\n")
