"""`streams drift`: report differences, for cron."""

import os
import time
from pathlib import Path
from typing import Literal

import click

from athlete_ally.cli.exits import Exit
from athlete_ally.cli.streams.options import settings_options
from athlete_ally.cli.streams.plan import show_plan
from athlete_ally.config.settings import Settings
from athlete_ally.ops.streams.drift import drift_text
from athlete_ally.wiring.commands.streams import plan_for
from athlete_ally.wiring.services.event_loop import run


@click.command()
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "prometheus"]),
    default="text",
    help="prometheus: series for the textfile collector of node_exporter.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the series to this file atomically, instead of standard output.",
)
@settings_options
def drift(*, form: Literal["text", "prometheus"], out: Path | None, settings: Settings, as_json: bool) -> None:
    """Report whether streams and durables match the environment's file. (read-only)

    Exit code 0 when they match, 2 when they differ, as `plan`; made for cron.
    """
    made = run(plan_for(settings))
    if form == "prometheus" and not as_json:
        _write(drift_text(made, time.time()), out)
    else:
        show_plan(made, as_json=as_json)
    raise SystemExit(Exit.FINDINGS if made.changes or made.found else Exit.AS_DESIRED)


def _write(text: str, out: Path | None) -> None:
    if out is None:
        click.echo(text, nl=False)
        return
    # The collector must never read a partly written file.
    draft = out.with_name(f".{out.name}.{os.getpid()}")
    draft.write_text(text, encoding="utf-8", newline="\n")
    draft.replace(out)
