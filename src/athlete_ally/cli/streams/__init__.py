"""`streams`: the streams and durables of an environment."""

import click

from athlete_ally.cli.streams.adopt import adopt
from athlete_ally.cli.streams.apply import apply
from athlete_ally.cli.streams.backup import backup, restore_command, verify_command
from athlete_ally.cli.streams.consumers import consumers
from athlete_ally.cli.streams.drift import drift
from athlete_ally.cli.streams.explain import explain
from athlete_ally.cli.streams.plan import plan
from athlete_ally.cli.streams.rollback import journal, rollback
from athlete_ally.cli.streams.status import status
from athlete_ally.cli.streams.validate import validate


@click.group()
def streams() -> None:
    """Compare streams and durables with an environment, and change them without losing a message by mistake.

    Nothing here deletes a stream or a durable.
    """


_COMMANDS = (
    *(validate, plan, apply, drift, status, explain, adopt, journal, rollback),
    *(backup, verify_command, restore_command, consumers),
)
for command in _COMMANDS:
    streams.add_command(command)
