"""`streams`: the streams and durables of an environment."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from athlete_ally.adapters.nats.admin import NatsAdmin
from athlete_ally.cli.exits import Exit
from athlete_ally.cli.options import env_file_option, json_option
from athlete_ally.config.settings import Settings, load_settings
from athlete_ally.ops.provision import Finding, create_missing, inspect
from athlete_ally.wiring.builders import desired_topology
from athlete_ally.wiring.loop import run
from athlete_ally.wiring.session import nats_session


@click.group()
def streams() -> None:
    """Compare streams and durables with what AA_ENVIRONMENT wants, and create what is missing."""


@streams.command()
@env_file_option
@json_option
def plan(*, env_file: Path | None, as_json: bool) -> None:
    """Say what is missing and what differs. (read-only)

    Exit code 0 when all is as desired, 2 when not.
    """
    settings = load_settings(env_file)
    findings = run(_inspect(settings))
    if as_json:
        click.echo(json.dumps({"environment": settings.environment, "findings": [asdict(each) for each in findings]}))
    else:
        for finding in findings:
            click.echo(str(finding))
        if not findings:
            click.echo(f"as desired for {settings.environment}")
    raise SystemExit(Exit.FINDINGS if findings else Exit.AS_DESIRED)


@streams.command()
@click.option("--yes", is_flag=True, help="Don't ask.")
@env_file_option
@json_option
def apply(*, yes: bool, env_file: Path | None, as_json: bool) -> None:
    """Create what is missing, AA_DLQ first. (changing)

    Nothing that exists is changed or deleted: where something differs, that is said, and the exit code is 2.
    """
    settings = load_settings(env_file)
    missing = [finding for finding in run(_inspect(settings)) if finding.is_missing]
    if missing and not yes:
        click.confirm(f"create {', '.join(finding.name for finding in missing)}?", abort=True, err=True)
    created, left = run(_apply(settings))
    if as_json:
        click.echo(json.dumps({"created": created, "findings": [asdict(each) for each in left]}))
    else:
        for name in created:
            click.echo(f"created {name}")
        for finding in left:
            click.echo(str(finding))
        if not left:
            click.echo(f"as desired for {settings.environment}")
    raise SystemExit(Exit.FINDINGS if left else Exit.AS_DESIRED)


async def _inspect(settings: Settings) -> list[Finding]:
    async with nats_session(settings) as connection:
        return await inspect(NatsAdmin(connection), desired_topology(settings))


async def _apply(settings: Settings) -> tuple[list[str], list[Finding]]:
    """Create what is missing, then look again: what counts is what the server says afterwards."""
    topology = desired_topology(settings)
    async with nats_session(settings) as connection:
        admin = NatsAdmin(connection)
        created = await create_missing(admin, topology, await inspect(admin, topology))
        return created, await inspect(admin, topology)
