"""A group that imports a command when it is needed."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import click


class LazyGroup(click.Group):
    """Imports a command only when it is needed, so that one command does not load the code of the others.

    `places` gives `module:name` for each command.
    """

    def __init__(self, *args: Any, places: Mapping[str, str], **options: Any) -> None:
        """Store the places of the commands; import nothing."""
        super().__init__(*args, **options)
        self._places = places

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """Return the names in the order of the help."""
        return sorted(self._places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # as above
        """Return the command of this name, or None."""
        if cmd_name not in self._places:
            return None
        module, _, name = self._places[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def walk(self, path: str) -> Iterator[tuple[str, click.Command]]:
        """Yield every command below this group with the words that call it, groups too, in the order of the help."""
        context = click.Context(self)
        for name in self.list_commands(context):
            command = self.get_command(context, name)
            assert command is not None, f"{path} {name} is listed and not there"  # noqa: S101  # by the line above
            yield f"{path} {name}", command
            if isinstance(command, LazyGroup):
                yield from command.walk(f"{path} {name}")
