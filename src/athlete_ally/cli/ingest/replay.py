"""`ingest replay`: publish again what streams lost."""

import json
from datetime import datetime

import click

from athlete_ally.cli.byte_bar import progress
from athlete_ally.cli.exits import Exit
from athlete_ally.cli.options import InstantType
from athlete_ally.cli.streams.options import settings_options
from athlete_ally.config.settings import Settings
from athlete_ally.ops.message_journal.replay import Replayed, ReplayPlan
from athlete_ally.wiring.commands.message_journal import replay_journal
from athlete_ally.wiring.services.event_loop import run


@click.command()
@click.option("--since", type=InstantType(), help="Only what was accepted from this instant on: 2026-11-24T06:30:00Z.")
@click.option("--plan", "is_plan", is_flag=True, help="Only say what is lost.")
@settings_options
def replay(*, since: datetime | None, is_plan: bool, settings: Settings, as_json: bool) -> None:
    """Publish what the message journal has, and neither streams nor receipts know. (changing; read-only with --plan)

    Reads the journal of ingest and fetch on this machine (AA_MESSAGE_JOURNAL_DIR), also while they run, the receipts in
    PostgreSQL, and the streams. Doing it again is harmless: ids and receipts recognise what is there. Exit code 0:
    nothing is lost any more; 2: said what is lost; 6: some of it can't be read, or a stream refused it.
    """
    with progress(quiet=as_json) as tell:
        plan, replayed = run(replay_journal(settings, since, tell, is_plan=is_plan))
    if as_json:
        click.echo(json.dumps(_document(plan, replayed)))
    else:
        click.echo("\n".join(_lines(plan, replayed)))
    if is_plan and (plan.lost or plan.damaged):
        raise SystemExit(Exit.FINDINGS)
    raise SystemExit(Exit.NOT_VERIFIED if plan.damaged or (replayed and replayed.refused) else Exit.AS_DESIRED)


def _lines(plan: ReplayPlan, replayed: Replayed | None) -> list[str]:
    begins = f"; the journal begins at {plan.oldest_at:%Y-%m-%d %H:%M} UTC" if plan.oldest_at else ""
    lines = [f"read {plan.entries:,} entries{begins}"]
    lines.append(
        f"lost: {plan.lost_messages:,} messages with {plan.lost_readings:,} readings, {plan.lost_webhooks:,} webhooks "
        "and fetched documents"
        if plan.lost
        else "nothing is lost: streams or receipts know all of it"
    )
    if replayed is not None and plan.lost:
        lines.append(f"published {replayed.published:,}; the streams held {replayed.duplicate:,} after all")
        lines += [f"refused: {each}" for each in replayed.refused]
    if plan.damaged:
        lines.append(f"{plan.damaged:,} places in the journal can't be read: the disk damaged them")
    return lines


def _document(plan: ReplayPlan, replayed: Replayed | None) -> dict[str, object]:
    return {
        "schema": 1,
        "since": plan.since and plan.since.isoformat(),
        "begins": plan.oldest_at and plan.oldest_at.isoformat(),
        "entries": plan.entries,
        "damaged": plan.damaged,
        "lost": {
            "messages": plan.lost_messages,
            "readings": plan.lost_readings,
            "webhooks": plan.lost_webhooks,
        },
        "applied": replayed is not None,
        "published": replayed.published if replayed else 0,
        "duplicate": replayed.duplicate if replayed else 0,
        "refused": replayed.refused if replayed else [],
    }
