"""`streams consumers`: pause, resume and set back one durable."""

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from athlete_ally.cli.confirm import ask
from athlete_ally.cli.exits import Exit
from athlete_ally.cli.streams.options import settings_options
from athlete_ally.config.settings import Settings
from athlete_ally.core.errors import Refused
from athlete_ally.core.units_text import Span
from athlete_ally.wiring.builders import now
from athlete_ally.wiring.commands.streams_consumers import Waiting, look, preview, reset
from athlete_ally.wiring.commands.streams_consumers import pause as pause_durable
from athlete_ally.wiring.commands.streams_consumers import resume as resume_durable
from athlete_ally.wiring.services.event_loop import run

_yes_option = click.option("--yes", is_flag=True, help="Don't ask.")


class _Span(click.ParamType[Span]):
    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Span:
        """Read `90s`, `30m` or `2h`."""
        try:
            return Span.parse(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class _Instant(click.ParamType[datetime]):
    name = "instant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read an instant in RFC 3339; without an offset it is ambiguous, and refused."""
        try:
            at = datetime.fromisoformat(str(value))
        except ValueError as error:
            self.fail(f"{error}; write 2026-11-24T06:30:00Z", param, ctx)
        if at.tzinfo is None:
            self.fail("say which offset: 2026-11-24T06:30:00Z or +01:00", param, ctx)
        return at.astimezone(UTC)


@click.group()
def consumers() -> None:
    """Pause, resume and set back one durable. Nothing here deletes one."""


@consumers.command()
@click.argument("durable")
@click.option("--for", "span", required=True, type=_Span(), help="How long: 90s, 30m, 2h.")
@_yes_option
@settings_options
def pause(*, durable: str, span: Span, yes: bool, settings: Settings, as_json: bool) -> None:
    """Let the server deliver nothing to DURABLE for a while; it goes on by itself afterwards. (changing)

    Messages wait meanwhile, and nothing is lost: a pause that outlasts the age of a message that waits is refused
    (exit code 3).
    """
    until = (now() + timedelta(seconds=span)).replace(microsecond=0)
    waiting = run(look(settings, durable))
    if not yes:
        ask(f"{_waits(waiting)}; deliver nothing until {until:%FT%TZ}?", otherwise="--yes")
    done = run(pause_durable(settings, durable, until))
    _say(f"paused {durable} until {until:%FT%TZ}; {_waits(done)}", {"paused_until": until.isoformat()}, done, as_json)


@consumers.command()
@click.argument("durable")
@settings_options
def resume(*, durable: str, settings: Settings, as_json: bool) -> None:
    """Let the server deliver to DURABLE again, now. (changing)"""
    done = run(resume_durable(settings, durable))
    _say(f"resumed {durable}; {_waits(done)}", {}, done, as_json)


@consumers.command("reset")
@click.argument("durable")
@click.option("--sequence", type=click.IntRange(min=1), help="Deliver from this sequence of the stream on.")
@click.option("--since", type=_Instant(), help="Deliver what was stored from this instant on: 2026-11-24T06:30:00Z.")
@click.option("--allow-skip", is_flag=True, help="Allow that messages which wait are never delivered.")
@click.option("--apply", "is_applied", is_flag=True, help="Do it; without this, only say what it would do.")
@_yes_option
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


def _waits(waiting: Waiting) -> str:
    until = f", the oldest until {waiting.expires_at:%F %H:%M} UTC" if waiting.expires_at else ""
    messages = "1 message waits" if waiting.messages == 1 else f"{waiting.messages:,} messages wait"
    return f"{messages} for it{until}"


def _say(text: str, more: dict[str, Any], waiting: Waiting, as_json: bool) -> None:  # noqa: FBT001  # as the option
    expires = waiting.expires_at and waiting.expires_at.isoformat()
    document = {"schema": 1, **asdict(waiting), "expires_at": expires, **more}
    click.echo(json.dumps(document) if as_json else text)
