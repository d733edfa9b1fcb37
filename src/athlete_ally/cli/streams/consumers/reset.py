"""`streams consumers reset`: deliver messages again."""

import json
from dataclasses import asdict
from datetime import datetime

import click

from athlete_ally.cli.confirm import ask
from athlete_ally.cli.exits import Exit
from athlete_ally.cli.options import InstantType
from athlete_ally.cli.streams.consumers.options import yes_option
from athlete_ally.cli.streams.options import settings_options
from athlete_ally.config.settings import Settings
from athlete_ally.core.broker.topology import MAX_SEQUENCE
from athlete_ally.core.errors import Refused
from athlete_ally.wiring.commands.streams_consumers import preview, reset
from athlete_ally.wiring.services.event_loop import run


@click.command("reset")
@click.argument("durable")
@click.option(
    "--sequence", type=click.IntRange(1, MAX_SEQUENCE), help="Deliver from this sequence of the stream onwards."
)
@click.option(
    "--since", type=InstantType(), help="Deliver messages stored from this instant onwards: 2026-11-24T06:30:00Z."
)
@click.option("--allow-skip", is_flag=True, help="Allow skipping messages that were never delivered.")
@click.option("--apply", "is_applied", is_flag=True, help="Do it; without this, only print the effect.")
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
    """Reset DURABLE, so that messages are delivered again; by default from the first unacknowledged one. (changing)

    Prints how many messages would be delivered again and how many skipped; --apply does it. Needs nats-server 2.14.
    Messages that were stored before are recognised by their receipts and not stored twice. Exit code 2: effect printed;
    3: refused, nothing was changed; 6: done, but the server shows a different state.
    """
    if sequence is not None and since is not None:
        raise click.UsageError("give --sequence or --since, not both")
    found = run(preview(settings, durable, sequence=sequence, since=since))
    if not as_json:
        click.echo(str(found))
    if is_applied:
        if found.loses and not allow_skip:
            raise Refused(f"{found.skipped:,} messages would never be delivered: give --allow-skip to allow that")
        if not yes:
            ask("do it?", otherwise="--yes")
        found = run(reset(settings, found))
        if not as_json:
            click.echo(f"done: {durable} continues at {found.sequence}")
    if as_json:
        click.echo(json.dumps({"schema": 1, "applied": is_applied, "reset": asdict(found)}))
    raise SystemExit(Exit.AS_DESIRED if is_applied else Exit.FINDINGS)
