"""`migrate`: bring the database schema up to date."""

import json
from collections.abc import Sequence
from pathlib import Path

import click

from athlete_ally.cli.exits import Exit
from athlete_ally.cli.json_output import json_option
from athlete_ally.cli.options import env_file_option
from athlete_ally.config.settings import load_settings
from athlete_ally.wiring.commands.migrate import Step, migrate_schema
from athlete_ally.wiring.services.event_loop import run


@click.command("migrate")
@click.option(
    "--plan", is_flag=True, help="Only print the pending migrations (read-only); exit code 2 when there are any."
)
@env_file_option
@json_option
def migrate_command(*, plan: bool, env_file: Path | None, as_json: bool) -> None:
    """Bring the schema at DATABASE_URL up to date. (changing)

    Forward-only SQL, one transaction for each file, one migrator at a time. Running it again does nothing. A lock on a
    table is waited for one second at a time, so that services keep working; who holds it is said, and after a minute
    the exit code is 1 with nothing done.
    """
    steps = run(migrate_schema(load_settings(env_file), only_plan=plan, tell=_tell))
    if as_json:
        names = [{"version": step.version, "name": step.name} for step in steps]
        click.echo(json.dumps({"planned" if plan else "applied": names}))
    else:
        _print(steps, plan=plan)
    raise SystemExit(Exit.FINDINGS if plan and steps else Exit.AS_DESIRED)


def _tell(what: str) -> None:
    click.echo(what, err=True)


def _print(steps: Sequence[Step], *, plan: bool) -> None:
    if not steps:
        click.echo("the schema is up to date")
    for step in steps:
        click.echo(f"{'would apply' if plan else 'applied'} {step.version:04} {step.name}")
        if plan:
            click.echo(step.sql.strip() + "\n")
