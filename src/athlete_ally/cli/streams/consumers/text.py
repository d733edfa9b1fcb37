"""How one durable is printed."""

import json
from dataclasses import asdict
from typing import Any

import click

from athlete_ally.wiring.commands.streams_consumers import Waiting


def waiting_text(waiting: Waiting) -> str:
    """Return how many messages wait for a durable, and until when the oldest is kept."""
    until = f", the oldest until {waiting.expires_at:%F %H:%M} UTC" if waiting.expires_at else ""
    messages = "1 message waits" if waiting.messages == 1 else f"{waiting.messages:,} messages wait"
    return f"{messages} for it{until}"


def show_outcome(text: str, waiting: Waiting, more: dict[str, Any], *, as_json: bool) -> None:
    """Print what was done: as `text`, or as a document of what waits and `more`."""
    expires = waiting.expires_at and waiting.expires_at.isoformat()
    document = {"schema": 1, **asdict(waiting), "expires_at": expires, **more}
    click.echo(json.dumps(document) if as_json else text)
