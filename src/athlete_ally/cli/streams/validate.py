"""`streams validate`: check an environment's file without a server."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from athlete_ally.cli.exits import Exit
from athlete_ally.cli.json_output import json_option
from athlete_ally.cli.options import env_file_option
from athlete_ally.cli.streams.options import environment_option
from athlete_ally.config.settings import load_settings
from athlete_ally.ops.streams.lint import lint
from athlete_ally.wiring.builders import desired_topology
from athlete_ally.wiring.commands.streams import required_environment


@click.command()
@environment_option
@env_file_option
@json_option
def validate(*, environment_file: Path | None, env_file: Path | None, as_json: bool) -> None:
    """Check the file of an environment, without a server. (read-only)

    Exit code 0 when it is valid, 1 when it can't be read, 2 when it breaks a rule. Accept a finding with a line
    below [silence] in the file: its id, or `id:name`, and the reason.
    """
    settings = load_settings(env_file, environment_file=environment_file)
    spec = required_environment(settings)
    found = lint(spec, desired_topology(settings))
    if as_json:
        click.echo(
            json.dumps({"schema": 1, "environment": spec.environment, "findings": [asdict(each) for each in found]})
        )
    else:
        for each in found:
            click.echo(f"{each.key}: {each.reason}\n      remedy: {each.remedy}")
        for key, reason in spec.silence.items():
            click.echo(f"silenced {key}: {reason}")
        click.echo(f"{spec.environment}: {len(found)} findings" if found else f"{spec.environment}: valid")
    raise SystemExit(Exit.FINDINGS if found else Exit.AS_DESIRED)
