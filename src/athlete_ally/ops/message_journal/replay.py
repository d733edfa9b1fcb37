"""Publishing again what the message journal has, and neither streams nor receipts know.

Doing it twice does no harm: a message has the same id and body as before, streams recognise the id, and
workers recognise receipts.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from athlete_ally.core.broker.topology import CORE_HOT, VENDOR_HOT
from athlete_ally.core.errors import MessageTooLarge, Misconfigured
from athlete_ally.core.messages import headers
from athlete_ally.core.messages.dead_letter import number
from athlete_ally.core.messages.journal_entry import JournalEntry
from athlete_ally.core.messages.message import OutgoingMessage, StoredMessage
from athlete_ally.core.messages.parent import parent_of
from athlete_ally.core.ports import Publisher
from athlete_ally.core.receipts import UnpackReceipt
from athlete_ally.ops.message_journal.ports import JournalReader, ReceiptLookup, StreamReader

Tell = Callable[[str, int, int], None]
"""Hears what is done, how many messages of it, and of how many (0: nobody knows)."""

# One look-up in the database, or one round of publishing.
_CHUNK = 500
_AT_ONCE = 64
# The stream's clock and ours may differ, and a message is published after it was accepted.
_EARLIER = timedelta(minutes=10)


@dataclass(slots=True)
class Lost:
    """What neither streams nor receipts know, by id; of webhooks with what is on record of them."""

    readings: dict[str, int] = field(default_factory=dict[str, int])
    webhooks: dict[str, UnpackReceipt | None] = field(default_factory=dict[str, UnpackReceipt | None])

    def __len__(self) -> int:
        """Return how many messages are lost."""
        return len(self.readings) + len(self.webhooks)

    def __contains__(self, message: OutgoingMessage) -> bool:
        """Tell whether a message is lost."""
        return message.message_id in (self.readings if message.stream == CORE_HOT else self.webhooks)


@dataclass(frozen=True, slots=True)
class ReplayPlan:
    """What was found. `entries` counts what was read; `oldest_at` is where the journal begins."""

    since: datetime | None
    entries: int
    lost: Lost
    damaged: int
    oldest_at: datetime | None

    @property
    def lost_messages(self) -> int:
        """How many messages with readings are lost."""
        return len(self.lost.readings)

    @property
    def lost_readings(self) -> int:
        """How many readings are in them."""
        return sum(self.lost.readings.values())

    @property
    def lost_webhooks(self) -> int:
        """How many webhooks and fetched documents are lost."""
        return len(self.lost.webhooks)


@dataclass(slots=True)
class Replayed:
    """What was done: published anew, held by the stream after all, and refused by it for good."""

    published: int = 0
    duplicate: int = 0
    refused: list[str] = field(default_factory=list[str])


@dataclass(frozen=True, slots=True)
class Replayer:
    """Compares the journal with streams and receipts."""

    journal: JournalReader
    receipts: ReceiptLookup
    streams: StreamReader
    publisher: Publisher

    async def plan(self, since: datetime | None, tell: Tell) -> ReplayPlan:
        """Return what is lost. Read-only.

        Raises:
            Misconfigured: the journal or a stream is missing, or the journal's key.
            Unavailable: the broker or the database can't be reached.
        """
        lost, earliest, read = Lost(), datetime.max.replace(tzinfo=UTC), 0
        async with aclosing(self._chunks(since)) as chunks:
            async for chunk in chunks:
                read += len(chunk)
                tell("reading the journal", read, 0)
                unknown = await self._without_receipts(chunk, lost)
                earliest = min([earliest, *(entry.at for entry in unknown)])
        damaged, oldest_at = self.journal.damaged, self.journal.oldest_at
        if lost:
            await self._without_stored(lost, earliest, tell)
        return ReplayPlan(since, read, lost, damaged, oldest_at)

    async def carry_out(self, plan: ReplayPlan, tell: Tell) -> Replayed:
        """Publish what is lost. When this returns, the streams hold it.

        Raises:
            Unavailable: a stream or the broker takes nothing now; run it again.
        """
        replayed, left = Replayed(), Lost(dict(plan.lost.readings), dict(plan.lost.webhooks))
        async with aclosing(self._chunks(plan.since)) as chunks:
            async for chunk in chunks:
                wanted = {each.message.message_id: each.message for each in chunk if each.message in left}
                messages = list(wanted.values())
                for begin in range(0, len(messages), _AT_ONCE):
                    some = messages[begin : begin + _AT_ONCE]
                    await asyncio.gather(*(self._publish(each, replayed) for each in some))
                for message in messages:
                    left.readings.pop(message.message_id, None)
                    left.webhooks.pop(message.message_id, None)
                tell("publishing", len(plan.lost) - len(left), len(plan.lost))
                if not left:
                    break
        return replayed

    async def _chunks(self, since: datetime | None) -> AsyncGenerator[list[JournalEntry]]:
        chunk: list[JournalEntry] = []
        async with aclosing(self.journal.entries(since)) as entries:
            async for entry in entries:
                chunk.append(entry)
                if len(chunk) == _CHUNK:
                    yield chunk
                    chunk = []
        if chunk:
            yield chunk

    async def _without_receipts(self, chunk: Sequence[JournalEntry], lost: Lost) -> list[JournalEntry]:
        """Add to what may be lost what no receipt settles, and return it."""
        of_stream = {
            name: {each.message.message_id: each for each in chunk if each.message.stream == name}
            for name in (CORE_HOT, VENDOR_HOT)
        }
        normalized = await self.receipts.normalized(list(of_stream[CORE_HOT]))
        unpacked = await self.receipts.unpacked(list(of_stream[VENDOR_HOT]))
        readings = [each for identity, each in of_stream[CORE_HOT].items() if identity not in normalized]
        webhooks = [
            each
            for identity, each in of_stream[VENDOR_HOT].items()
            if identity not in unpacked or not unpacked[identity].is_complete
        ]
        for each in readings:
            lost.readings[each.message.message_id] = number(each.message.headers, headers.READINGS) or 1
        for each in webhooks:
            lost.webhooks[each.message.message_id] = unpacked.get(each.message.message_id)
        return [*readings, *webhooks]

    async def _without_stored(self, lost: Lost, earliest: datetime, tell: Tell) -> None:
        """Take from what may be lost what the streams hold."""
        children = {parent: dict(receipt.children) for parent, receipt in lost.webhooks.items() if receipt}
        async with aclosing(self._stored(CORE_HOT, earliest, tell)) as messages:
            async for message in messages:
                identity = message.headers.get(headers.MSG_ID, "")
                lost.readings.pop(identity, None)
                parent = parent_of(message.headers)
                if parent is not None and parent.message_id in children:
                    children[parent.message_id][identity] = number(message.headers, headers.READINGS) or 1
        held: set[str] = set()
        if lost.webhooks:
            async with aclosing(self._stored(VENDOR_HOT, earliest, tell)) as messages:
                async for message in messages:
                    held.add(message.headers.get(headers.MSG_ID, ""))
                    held &= lost.webhooks.keys()
        for identity, receipt in list(lost.webhooks.items()):
            if _is_there(receipt, children.get(identity, {}), is_held=identity in held):
                del lost.webhooks[identity]

    async def _stored(self, name: str, since: datetime, tell: Tell) -> AsyncGenerator[StoredMessage]:
        stream = await self.streams.stream(name)
        if stream is None:
            raise Misconfigured(f"stream {name} is missing: run `athlete-ally streams apply`")
        read = 0
        async with aclosing(self.streams.messages(stream, since - _EARLIER)) as messages:
            async for _, message in messages:
                read += 1
                tell(f"reading {name}", read, 0)
                yield message

    async def _publish(self, message: OutgoingMessage, replayed: Replayed) -> None:
        try:
            acknowledgement = await self.publisher.publish(message)
        except (MessageTooLarge, Misconfigured) as error:
            replayed.refused.append(f"{message.message_id}: {error}")
            return
        replayed.duplicate += acknowledgement.duplicate
        replayed.published += not acknowledgement.duplicate


def _is_there(receipt: UnpackReceipt | None, children: Mapping[str, int], *, is_held: bool) -> bool:
    """Tell whether a webhook, or all that was made of it, is there; one that is held waits for its workers."""
    if receipt is None:
        return is_held
    return replace(receipt, children=children, awaits_fetch=receipt.awaits_fetch and not is_held).is_complete
