"""`dlq`: the commands for dead letters."""

import click

from athlete_ally.cli.lazy import LazyGroup

_COMMANDS = {
    "diff": "athlete_ally.cli.dlq.diff:diff",
    "edit": "athlete_ally.cli.dlq.edit:edit",
    "export": "athlete_ally.cli.dlq.export:export_command",
    "import": "athlete_ally.cli.dlq.import_:import_command",
    "journal": "athlete_ally.cli.dlq.journal:journal",
    "list": "athlete_ally.cli.dlq.list_:list_command",
    "purge": "athlete_ally.cli.dlq.purge:purge",
    "quarantine": "athlete_ally.cli.dlq.quarantine:quarantine",
    "release": "athlete_ally.cli.dlq.release:release",
    "replay": "athlete_ally.cli.dlq.replay:replay",
    "resolve": "athlete_ally.cli.dlq.resolve:resolve",
    "show": "athlete_ally.cli.dlq.show:show",
    "stats": "athlete_ally.cli.dlq.stats:stats",
    "test": "athlete_ally.cli.dlq.test:test",
    "top": "athlete_ally.cli.dlq.top:top",
}


@click.group(cls=LazyGroup, places=_COMMANDS)
def dlq() -> None:
    """Inspect dead letters, test a fix without side effects, and replay them.

    Steps: `top` shows what failed, `show` and `diff` why, `test` predicts the outcome with today's code, and `replay`
    sends dead letters to the durable that failed. `resolve` and `quarantine` set aside those that should not be
    replayed.
    """
