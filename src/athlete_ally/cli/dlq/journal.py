"""`dlq journal`: show who did what to dead letters."""

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape

from athlete_ally.cli.dlq.text import counted, table
from athlete_ally.cli.json_output import json_option
from athlete_ally.cli.options import env_file_option
from athlete_ally.config.settings import load_settings
from athlete_ally.ops.dead_letters.json_views import entry_document
from athlete_ally.wiring.commands.dlq import letter_tools_session
from athlete_ally.wiring.services.event_loop import run


@click.command()
@click.option("--run", "run_id", help="All entries of this run, in order.")
@click.option("--letter", help="Only entries of this dead letter (its identity, as `show --json` prints it).")
@click.option(
    "--limit",
    type=click.IntRange(1, 1_000_000_000),
    default=50,
    show_default=True,
    help="Show at most this many entries, the latest.",
)
@env_file_option
@json_option
def journal(*, run_id: str | None, letter: str | None, limit: int, env_file: Path | None, as_json: bool) -> None:
    """Show who did what to dead letters, when, and the outcome. (read-only)"""
    settings = load_settings(env_file)

    async def main() -> list[dict[str, Any]]:
        async with letter_tools_session(settings, changing=True) as letter_tools:
            if run_id is not None:
                found = list(await letter_tools.journal.entries_of(run_id))
            else:
                found = list(reversed(await letter_tools.journal.read(letter=letter, limit=limit)))
            return [entry_document(each) for each in found]

    lines = run(main())
    if as_json:
        click.echo(json.dumps({"entries": lines}))
        return
    columns = ("at", "run", "actor", "act", "step", "seq", "details")
    listed = table(*columns, title=counted(len(lines), "line"), whole=("run", "act", "step", "seq"))
    for line in lines:
        values = (line["at"][:19].replace("T", " "), line["run"], line["actor"], line["act"], line["step"])
        listed.add_row(*values, str(line["sequence"] or ""), escape(_details(line["details"])))
    Console().print(listed)


def _details(details: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in details.items() if value not in (None, "", 0, {}))
