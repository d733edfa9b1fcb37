"""`streams consumers`: one durable."""

import click

from athlete_ally.cli.lazy import LazyGroup

_COMMANDS = {
    "pause": "athlete_ally.cli.streams.consumers.pause:pause",
    "reset": "athlete_ally.cli.streams.consumers.reset:reset_command",
    "resume": "athlete_ally.cli.streams.consumers.resume:resume",
}


@click.group(cls=LazyGroup, places=_COMMANDS)
def consumers() -> None:
    """Pause, resume and reset one durable. Nothing here deletes one."""
