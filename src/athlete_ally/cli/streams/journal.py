"""`streams journal`: past changes and their authors."""

import json
from itertools import groupby

import click
import msgspec

from athlete_ally.cli.json_output import json_option
from athlete_ally.config.settings import load_settings
from athlete_ally.ops.streams.change_log import ChangeLogEntry
from athlete_ally.wiring.commands.streams import change_log


@click.command()
@json_option
def journal(*, as_json: bool) -> None:
    """List what `apply` and `rollback` changed, newest last, with the ids that `rollback` takes. (read-only)"""
    entries = change_log(load_settings())
    if as_json:
        click.echo(json.dumps({"schema": 1, "entries": msgspec.to_builtins(entries)}))
        return
    for run_id, group in groupby(entries, key=lambda entry: entry.run):
        lines = list(group)
        click.echo(f"{run_id}  {lines[0].at}  {lines[0].environment}  by {lines[0].who} on {lines[0].host}")
        for line in _lines(lines):
            click.echo(f"  {line}")


def _lines(entries: list[ChangeLogEntry]) -> list[str]:
    ended = {entry.change.name for entry in entries if entry.result != "begun"}
    shown = [entry for entry in entries if entry.result != "begun" or entry.change.name not in ended]
    return [
        " ".join(filter(None, (entry.result, entry.change.what, entry.change.name, entry.detail))) for entry in shown
    ]
