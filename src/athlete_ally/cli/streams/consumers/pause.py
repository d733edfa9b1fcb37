"""`streams consumers pause`: stop deliveries for a while."""

from datetime import timedelta

import click

from athlete_ally.cli.confirm import ask
from athlete_ally.cli.streams.consumers.options import SpanType, yes_option
from athlete_ally.cli.streams.consumers.text import show_outcome, waiting_text
from athlete_ally.cli.streams.options import settings_options
from athlete_ally.config.settings import Settings
from athlete_ally.core.units_text import Span
from athlete_ally.wiring.builders import now
from athlete_ally.wiring.commands.streams_consumers import look
from athlete_ally.wiring.commands.streams_consumers import pause as pause_durable
from athlete_ally.wiring.services.event_loop import run


@click.command()
@click.argument("durable")
@click.option("--for", "span", required=True, type=SpanType(), help="Length of the pause: 90s, 30m, 2h.")
@yes_option
@settings_options
def pause(*, durable: str, span: Span, yes: bool, settings: Settings, as_json: bool) -> None:
    """Stop deliveries to DURABLE for a while; they resume automatically. (changing)

    Messages wait meanwhile and none is lost: a pause during which a waiting message would expire is refused
    (exit code 3).
    """
    until = (now() + timedelta(seconds=span)).replace(microsecond=0)
    waiting = run(look(settings, durable))
    if not yes:
        ask(f"{waiting_text(waiting)}; stop deliveries until {until:%FT%TZ}?", otherwise="--yes")
    done = run(pause_durable(settings, durable, until))
    show_outcome(
        f"paused {durable} until {until:%FT%TZ}; {waiting_text(done)}",
        done,
        {"paused_until": until.isoformat()},
        as_json=as_json,
    )
