"""`streams rollback`: undo an apply."""

import click

from athlete_ally.cli.exits import Exit
from athlete_ally.cli.streams.apply import apply_plan, show_applied
from athlete_ally.cli.streams.options import permission_options, settings_options
from athlete_ally.cli.streams.plan import show_plan
from athlete_ally.config.settings import Settings
from athlete_ally.ops.streams.change_log import undo
from athlete_ally.ops.streams.permission import Permission
from athlete_ally.wiring.commands.streams import change_log, plan_for
from athlete_ally.wiring.services.event_loop import run


@click.command()
@click.argument("run_id", metavar="ID")
@click.option("--apply", "go", is_flag=True, help="Undo the changes (changing); without this, only plan it.")
@permission_options
@settings_options
def rollback(*, run_id: str, go: bool, yes: bool, permission: Permission, settings: Settings, as_json: bool) -> None:
    """Plan how to undo the apply with this ID, and show what can't be undone. (changing)

    Without --apply nothing is changed; exit code 2 means that there are changes to undo. The undo is an apply like any
    other: it asks, refuses and is recorded in the journal.
    """
    wanted, lost = undo(change_log(settings), run_id)
    for line in lost:
        click.echo(f"can't be undone: {line}", err=True)
    made = run(plan_for(settings, wanted))
    if go:
        show_applied(made, apply_plan(settings, made, permission, yes=yes, quiet=as_json), as_json=as_json)
    show_plan(made, as_json=as_json)
    raise SystemExit(Exit.FINDINGS if made.changes else Exit.AS_DESIRED)
