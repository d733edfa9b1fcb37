"""`streams`: the streams and durables of an environment."""

import click

from athlete_ally.cli.streams.apply import apply
from athlete_ally.cli.streams.plan import plan


@click.group()
def streams() -> None:
    """Compare streams and durables with an environment, and change them without losing a message by mistake.

    Nothing here deletes a stream or a durable.
    """


for command in (plan, apply):
    streams.add_command(command)
