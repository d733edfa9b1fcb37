"""`streams apply`: apply a plan."""

import json
from collections.abc import Sequence
from pathlib import Path

import click

from athlete_ally.cli.exits import Exit
from athlete_ally.cli.streams.confirm import ask_for_consent
from athlete_ally.cli.streams.options import permission_options, settings_options
from athlete_ally.cli.streams.plan import show_plan
from athlete_ally.config.settings import Settings
from athlete_ally.core.errors import Misconfigured, StalePlan, WrongTarget
from athlete_ally.ops.streams.permission import Permission, require_permission
from athlete_ally.ops.streams.plan import Plan, decode, only
from athlete_ally.wiring.builders import now
from athlete_ally.wiring.commands.streams import Applied, carry_out_plan, plan_for
from athlete_ally.wiring.services.event_loop import run


@click.command()
@click.argument("plan_file", required=False, type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--only", "names", multiple=True, metavar="NAME", help="Only this stream or durable. May be repeated.")
@permission_options
@settings_options
def apply(
    *,
    plan_file: Path | None,
    names: Sequence[str],
    yes: bool,
    permission: Permission,
    settings: Settings,
    as_json: bool,
) -> None:
    """Bring streams and durables into the desired state, AA_DLQ first. (changing)

    Applies PLAN_FILE (from `plan --out`), or makes a plan, shows it and asks. When a part of
    the plan is impossible, or dangerous and not allowed by name, the exit code is 3 and nothing is changed. 4: another
    server than expected; 5: the server changed since the plan was made; 6: done, but the server shows a different
    state. Every change is recorded in the journal. May be repeated, and interrupted at any point.
    """
    made = run(_plan(settings, plan_file))
    made = _chosen(made, names) if names else made
    applied = apply_plan(settings, made, permission, yes=yes, quiet=as_json)
    show_applied(made, applied, as_json=as_json)


def _chosen(made: Plan, names: Sequence[str]) -> Plan:
    unknown = sorted(set(names) - {each.name for each in made.wanted})
    if unknown:
        raise Misconfigured(f"--only: {', '.join(unknown)} is not a stream or durable of {made.environment}")
    return only(made, names)


def apply_plan(settings: Settings, made: Plan, permission: Permission, *, yes: bool, quiet: bool) -> Applied | None:
    """Show a plan, ask, and apply it; return None when there is nothing to do.

    Raises:
        Refused: a part is impossible or not allowed, or the answer was no; nothing was changed.
    """
    if not made.steps:
        return None
    if not quiet:
        show_plan(made)
    require_permission(made, permission, now())
    ask_for_consent(made, yes=yes, impact=permission.impact)
    return run(carry_out_plan(settings, made))


def show_applied(made: Plan, applied: Applied | None, *, as_json: bool) -> None:
    """Print what was done; the exit code is 2 when a finding remains that this tool can't fix."""
    done = applied.done if applied else []
    if as_json:
        objects = [
            {"what": each.wanted.what, "name": each.wanted.name, "created": each.created, "deleted": each.deleted}
            for each in done
        ]
        click.echo(json.dumps({"schema": 1, "run": applied.run if applied else None, "done": objects}))
    else:
        for each in done:
            gone = f", {each.deleted:,} messages deleted" if each.deleted else ""
            click.echo(f"{'created' if each.created else 'changed'} {each.wanted.what} {each.wanted.name}{gone}")
        undo = f"; `athlete-ally streams rollback {applied.run}` plans the undo" if applied else ""
        click.echo(f"as desired for {made.environment}{undo}")
        for found in made.found:
            click.echo(f"found {found.detail}: {found.remedy}")
    raise SystemExit(Exit.FINDINGS if made.found else Exit.AS_DESIRED)


async def _plan(settings: Settings, plan_file: Path | None) -> Plan:
    """Return a fresh plan; a plan from a file must still match the server, and gets current numbers.

    Raises:
        StalePlan: the server changed after the plan was made.
        WrongTarget: the file's plan is for another environment or server.
    """
    if plan_file is None:
        return await plan_for(settings)
    try:
        saved = decode(plan_file.read_bytes())
    except ValueError as error:
        raise Misconfigured(f"{plan_file} is not a plan: {error}") from error
    fresh = await plan_for(settings, saved.wanted)
    if (saved.environment, saved.target) != (fresh.environment, fresh.target):
        raise WrongTarget(f"{plan_file} is a plan for {saved.environment} at {saved.target}, this is {fresh.target}")
    if saved.sha256 != fresh.sha256:
        raise StalePlan(f"streams or durables were changed since {saved.made_at}: make a new plan")
    return fresh
