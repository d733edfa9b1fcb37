"""`streams explain`: explain a field and the effect of changing it."""

import json
from dataclasses import asdict
from difflib import get_close_matches

import click

from athlete_ally.cli.json_output import json_option
from athlete_ally.core.errors import Misconfigured
from athlete_ally.ops.streams.fields import FIELDS, FieldNote, notes_on


@click.command()
@click.argument("field", required=False)
@json_option
def explain(*, field: str | None, as_json: bool) -> None:
    """Explain FIELD and the effect of changing it, or list all fields. (read-only)"""
    notes = notes_on(field) if field else list(FIELDS)
    if field and not notes:
        names = {note.name for note in FIELDS}
        near = get_close_matches(field, sorted(names), n=1)
        hint = f"did you mean {near[0]}?" if near else "`athlete-ally streams explain` lists all"
        raise Misconfigured(f"unknown field {field}; {hint}")
    if as_json:
        click.echo(json.dumps({"schema": 1, "fields": [asdict(note) for note in notes]}))
        return
    for note in notes:
        click.echo(_text(note) if field else f"{note.what:<8} {note.name:<22} {note.meaning}")


def _text(note: FieldNote) -> str:
    codes = f"\n  refused with: JetStream error {', '.join(map(str, note.codes))}" if note.codes else ""
    return f"{note.name} of a {note.what}\n  meaning: {note.meaning}\n  a change: {note.change}{codes}"
