"""`streams consumers resume`: deliver again, now."""

import click

from athlete_ally.cli.streams.consumers.text import show_outcome, waiting_text
from athlete_ally.cli.streams.options import settings_options
from athlete_ally.config.settings import Settings
from athlete_ally.wiring.commands.streams_consumers import resume as resume_durable
from athlete_ally.wiring.services.event_loop import run


@click.command()
@click.argument("durable")
@settings_options
def resume(*, durable: str, settings: Settings, as_json: bool) -> None:
    """Resume deliveries to DURABLE now. (changing)"""
    done = run(resume_durable(settings, durable))
    show_outcome(f"resumed {durable}; {waiting_text(done)}", done, {}, as_json=as_json)
