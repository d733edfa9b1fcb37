"""`lineage`: trace a row back to its message, its webhook and its trace."""

import json
from pathlib import Path
from typing import Any

import click

from athlete_ally.cli.dlq.text import counted
from athlete_ally.cli.exits import Exit
from athlete_ally.cli.json_output import json_option
from athlete_ally.cli.options import env_file_option
from athlete_ally.config.settings import load_settings
from athlete_ally.ops.people.json_view import lineage_document
from athlete_ally.wiring.commands.lineage import find_lineage
from athlete_ally.wiring.services.event_loop import run


@click.command()
@click.argument("message_id")
@env_file_option
@json_option
def lineage(*, message_id: str, env_file: Path | None, as_json: bool) -> None:
    """Show where the rows with MESSAGE_ID come from: message, webhook, trace. (read-only)

    MESSAGE_ID is the column `message_id` of a row. Bodies are not shown. Exit code 2 when there is no receipt of it.
    """
    found = run(find_lineage(load_settings(env_file), message_id))
    if found is None:
        click.echo(
            f"no receipt of {message_id}: not processed yet, or processed with another database",
            err=True,
        )
        raise SystemExit(Exit.FINDINGS)
    document = lineage_document(found)
    if as_json:
        click.echo(json.dumps(document))
    else:
        _print(document)


def _print(document: dict[str, Any]) -> None:
    last = document["receipts"][-1]
    counts = f"{last['stored']} stored, {last['superseded']} superseded, {last['dead_lettered']} dead-lettered"
    click.echo(f"processed {last['settled_at']}: of {counted(last['readings'], 'reading')} {counts}")
    for step in document["way"]:
        click.echo(f"{step['what']:<9} {step['stream']}, sequence {step['sequence']}, id {step['message_id']}")
        if step["vendor"]:
            click.echo(f"          from {step['vendor']}, received {step['received_at']}: {step['result']}")
        subject = step["subject"]
        click.echo(
            f"          on {subject}" if subject else "          no longer in the stream: it expired or was deleted"
        )
    click.echo(f"trace     {document['trace_id'] or 'none: the message had no trace context'}")
