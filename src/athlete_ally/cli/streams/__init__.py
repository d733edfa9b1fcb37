"""`streams`: the streams and durables of an environment."""

import click

from athlete_ally.cli.lazy import LazyGroup

_COMMANDS = {
    "adopt": "athlete_ally.cli.streams.adopt:adopt",
    "apply": "athlete_ally.cli.streams.apply:apply",
    "backup": "athlete_ally.cli.streams.backup:backup",
    "consumers": "athlete_ally.cli.streams.consumers:consumers",
    "drift": "athlete_ally.cli.streams.drift:drift",
    "explain": "athlete_ally.cli.streams.explain:explain",
    "journal": "athlete_ally.cli.streams.journal:journal",
    "plan": "athlete_ally.cli.streams.plan:plan",
    "restore": "athlete_ally.cli.streams.restore:restore_command",
    "rollback": "athlete_ally.cli.streams.rollback:rollback",
    "status": "athlete_ally.cli.streams.status:status",
    "validate": "athlete_ally.cli.streams.validate:validate",
    "verify-backup": "athlete_ally.cli.streams.verify_backup:verify_command",
}


@click.group(cls=LazyGroup, places=_COMMANDS)
def streams() -> None:
    """Compare streams and durables with an environment, and change them without accidental loss of messages.

    Nothing here deletes a stream or a durable.
    """
