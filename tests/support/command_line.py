"""Whether a command line that somebody wrote down is one of ours."""

import re
import shlex
from collections.abc import Iterator

import click

from athlete_ally.cli.app import cli

_COMMANDS = dict(cli.walk("athlete-ally"))


def our_commands(line: str) -> Iterator[list[str]]:
    """Yield the words behind each `athlete-ally` of a line, up to whatever ends a command."""
    for part in re.split(r"\s(?:\||\|\||&&|>|2>|;|#)\s|[;)]", line):
        match = re.search(r"(?:^|\s)athlete-ally\s+(.*)", part.strip())
        if match:
            yield shlex.split(match[1], comments=True)


def mistake_in(words: list[str]) -> str | None:
    """Return what is wrong with the words of a command; None where nothing is."""
    command: click.Command = cli
    path, rest = "athlete-ally", list(words)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        if not re.fullmatch(r"[a-z][a-z-]*", rest[0]):
            return None  # a placeholder: COMMAND, ...
        path = f"{path} {rest.pop(0)}"
        if path not in _COMMANDS:
            return f"no such command: athlete-ally {' '.join(words)}"
        command = _COMMANDS[path]
    known = {"--help", "-h", "--version"}
    known.update(name for each in command.params for name in (*each.opts, *each.secondary_opts))
    options = [word.partition("=")[0] for word in rest if re.fullmatch(r"--[a-z][a-z-]*(=.*)?", word)]
    unknown = [option for option in options if option not in known]
    return f"no such option: athlete-ally {' '.join(words)}" if unknown else None
