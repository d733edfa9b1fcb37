"""`dlq`: the commands for dead letters."""

import click

from athlete_ally.cli.dlq_archive import export_command, import_command
from athlete_ally.cli.dlq_edit import edit
from athlete_ally.cli.dlq_filing import purge, quarantine, release, resolve
from athlete_ally.cli.dlq_journal import journal
from athlete_ally.cli.dlq_list import list_command, stats, top
from athlete_ally.cli.dlq_replay import replay
from athlete_ally.cli.dlq_show import diff, show
from athlete_ally.cli.dlq_test import test


@click.group()
def dlq() -> None:
    """Understand dead letters, prove a fix before anything is sent, and replay them.

    The way: `top` says what failed, `show` and `diff` why, `test` what today's code would make of it, `replay` sends it
    to the durable that failed. What is not to be replayed is put aside by `resolve` or `quarantine`.
    """


for command in (top, list_command, show, diff, test, replay, edit, resolve, quarantine, release, purge):
    dlq.add_command(command)
for command in (export_command, import_command, stats, journal):
    dlq.add_command(command)
