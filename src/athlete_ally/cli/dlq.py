"""`dlq`: the commands for dead letters."""

import click

from athlete_ally.cli.lazy import LazyGroup

_COMMANDS = {
    "diff": "athlete_ally.cli.dlq_show:diff",
    "edit": "athlete_ally.cli.dlq_edit:edit",
    "export": "athlete_ally.cli.dlq_archive:export_command",
    "import": "athlete_ally.cli.dlq_archive:import_command",
    "journal": "athlete_ally.cli.dlq_journal:journal",
    "list": "athlete_ally.cli.dlq_list:list_command",
    "purge": "athlete_ally.cli.dlq_filing:purge",
    "quarantine": "athlete_ally.cli.dlq_filing:quarantine",
    "release": "athlete_ally.cli.dlq_filing:release",
    "replay": "athlete_ally.cli.dlq_replay:replay",
    "resolve": "athlete_ally.cli.dlq_filing:resolve",
    "show": "athlete_ally.cli.dlq_show:show",
    "stats": "athlete_ally.cli.dlq_list:stats",
    "test": "athlete_ally.cli.dlq_test:test",
    "top": "athlete_ally.cli.dlq_list:top",
}


@click.group(cls=LazyGroup, places=_COMMANDS)
def dlq() -> None:
    """Understand dead letters, prove a fix before anything is sent, and replay them.

    The way: `top` says what failed, `show` and `diff` why, `test` what today's code would make of it, `replay` sends it
    to the durable that failed. What is not to be replayed is put aside by `resolve` or `quarantine`.
    """
