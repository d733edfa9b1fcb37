"""Readings with a field that today's code rejects and tomorrow's accepts: how they are dead-lettered and fixed."""

import asyncio
import json
from typing import Any

from athlete_ally.adapters.nats.publisher import NatsPublisher
from athlete_ally.core.broker.topology import CORE_HOT, raw_subject
from athlete_ally.core.messages import headers
from athlete_ally.core.messages.identity import message_id
from athlete_ally.core.messages.message import OutgoingMessage
from support.samples import hrv_reading
from support.services import Service, Site
from support.wait import eventually


async def send(site: Site, *readings: dict[str, Any]) -> None:
    """Put one message into the stream, as a publisher that is ahead of our code would."""
    body = json.dumps({"readings": readings}).encode()
    identity = message_id(raw_subject("hrv"), body)
    publisher = NatsPublisher(site.connection, timeout_s=5)
    await publisher.publish(
        OutgoingMessage(CORE_HOT, raw_subject("hrv"), body, identity, {headers.READINGS: str(len(readings))})
    )


async def send_many(site: Site, count: int) -> None:
    """Let the running worker dead-letter this many readings, one a message, each of another person."""
    for first in range(0, count, 100):
        numbers = range(first, min(count, first + 100))
        await asyncio.gather(*(send(site, hrv_reading(f"u{number}", mood=3)) for number in numbers))
    await eventually(site.is_settled, within_s=60 + count / 20)


async def dead(site: Site, count: int) -> None:
    """Let today's worker dead-letter this many readings, then end it."""
    today = await site.service("normalize").start().ready()
    await send_many(site, count)
    today.kill()


async def fixed(site: Site) -> Service:
    """Start tomorrow's worker."""
    return await site.service("normalize", tomorrow=True).start().ready()
