"""`doctor`: check the installation and suggest a remedy for each problem."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape

from athlete_ally.cli.exits import Exit
from athlete_ally.cli.json_output import json_option
from athlete_ally.cli.options import env_file_option, nats_options
from athlete_ally.config.settings import load_settings
from athlete_ally.ops.doctor.finding import Check
from athlete_ally.wiring.commands.doctor import check_up
from athlete_ally.wiring.services.event_loop import run

_MARKS = {
    "ok": "[green]ok[/]",
    "warning": "[yellow]warning[/]",
    "failure": "[red]failure[/]",
    "unknown": "[red]unknown[/]",
}


@click.command()
@nats_options
@env_file_option
@json_option
def doctor(*, env_file: Path | None, as_json: bool, connect: dict[str, Any]) -> None:
    """Check settings, servers, streams, permissions, schema, clock and disk, and suggest remedies. (read-only)

    Exit code 0 when all checks pass, 2 on warnings or failures, 1 when something could not be reached.
    """
    settings = load_settings(env_file, **connect)
    console = Console(soft_wrap=True)

    async def main() -> list[Check]:
        checks: list[Check] = []
        async for check in check_up(settings, env_file):
            checks.append(check)
            if not as_json:
                remedy = f"\n          remedy: {escape(check.remedy)}" if check.remedy else ""
                console.print(f"{_MARKS[check.status]:<24} {check.name}: {escape(check.detail)}{remedy}")
        return checks

    checks = run(main())
    if as_json:
        click.echo(json.dumps({"schema": 1, "checks": [asdict(check) for check in checks]}))
    raise SystemExit(_exit_code(checks))


def _exit_code(checks: list[Check]) -> Exit:
    statuses = {check.status for check in checks}
    unreachable = any(check.status == "unknown" and check.name in {"NATS", "PostgreSQL"} for check in checks)
    if unreachable:
        return Exit.ERROR
    return Exit.FINDINGS if statuses - {"ok"} else Exit.AS_DESIRED
