"""`streams consumers reset`: deliver messages again."""

import json
from dataclasses import asdict
from datetime import datetime

import click

from athlete_ally.cli.confirm import ask
from athlete_ally.cli.exits import Exit
from athlete_ally.cli.streams.consumers.options import InstantType, yes_option
from athlete_ally.cli.streams.options import settings_options
from athlete_ally.config.settings import Settings
from athlete_ally.core.errors import Refused
from athlete_ally.wiring.commands.streams_consumers import preview, reset
from athlete_ally.wiring.services.event_loop import run


@click.command("reset")
@click.argument("durable")
@click.option("--sequence", type=click.IntRange(min=1), help="Deliver from this sequence of the stream on.")
@click.option("--since", type=InstantType(), help="Deliver what was stored from this instant on: 2026-11-24T06:30:00Z.")
@click.option("--allow-skip", is_flag=True, help="Allow that messages which wait are never delivered.")
@click.option("--apply", "is_applied", is_flag=True, help="Do it; without this, only say what it would do.")
@yes_option
@settings_options
def reset_command(  # noqa: PLR0913  # one for each option
    *,
    durable: str,
    sequence: int | None,
    since: datetime | None,
    allow_skip: bool,
    is_applied: bool,
    yes: bool,
    settings: Settings,
    as_json: bool,
) -> None:
    """Set DURABLE back, so that messages are delivered again; without a place, to what is settled. (changing)

    Says how many messages come again and how many would be skipped, and with --apply does it. Needs nats-server 2.14.
    What was stored before is recognised by its receipt and not stored twice. Exit code 2: said what it would do; 3:
    refused, nothing was changed; 6: done, but the server says something else.
    """
    if sequence is not None and since is not None:
        raise click.UsageError("give --sequence or --since, not both")
    found = run(preview(settings, durable, sequence=sequence, since=since))
    if not as_json:
        click.echo(str(found))
    if is_applied:
        if found.loses and not allow_skip:
            raise Refused(f"{found.skipped:,} messages would never be delivered: give --allow-skip if that is meant")
        if not yes:
            ask("do it?", otherwise="--yes")
        found = run(reset(settings, found))
        if not as_json:
            click.echo(f"done: {durable} goes on at {found.sequence}")
    if as_json:
        click.echo(json.dumps({"schema": 1, "applied": is_applied, "reset": asdict(found)}))
    raise SystemExit(Exit.AS_DESIRED if is_applied else Exit.FINDINGS)
