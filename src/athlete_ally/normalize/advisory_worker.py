"""The advisory worker: writes a dead letter for each message that the server abandons for a consumer that is not ours.

A server that stops delivering a message publishes one advisory about it; AA_ADVISORY stores the advisories.
"""

import asyncio
from dataclasses import dataclass
from typing import Protocol

from athlete_ally.core.broker.topology import Topology
from athlete_ally.core.errors import InvalidMessage, MessageTooLarge, StreamFull
from athlete_ally.core.messages.message import Delivery, OutgoingMessage, StoredMessage
from athlete_ally.core.messages.trace import log_fields
from athlete_ally.core.ports import Inbox, Log, Now, Observer, Publisher
from athlete_ally.core.series import NormalizeSeries
from athlete_ally.core.verdict import TERMINATED, Ack, Retry, Verdict
from athlete_ally.normalize.advisory import Abandoned, abandoned_letter, read_advisory
from athlete_ally.normalize.consumer_loop import FULL_DELAY_S, ConsumerLoop
from athlete_ally.normalize.retry import UnboundedRetry

_BATCH = 100


class StoredMessages(Protocol):
    """Reads single messages of any stream. See `adapters.nats.messages`."""

    async def one(self, stream: str, sequence: int) -> StoredMessage | None:
        """Return a message, or None where it, or its stream, is gone.

        Raises:
            Unavailable: no answer.
        """
        ...


@dataclass(frozen=True, slots=True)
class AdvisoryWorker:
    """Handles the advisories, one after the other, until told to stop."""

    topology: Topology
    inbox: Inbox
    messages: StoredMessages
    publisher: Publisher
    retry: UnboundedRetry
    observer: Observer
    series: NormalizeSeries
    log: Log
    now: Now

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; what is in progress then is finished, or left to be delivered again."""
        await self._loop.work(self._take_turn, stop)

    async def handle(self, delivery: Delivery) -> None:
        """Handle one advisory: its dead letter is in AA_DLQ before the advisory is acknowledged."""
        result = await self._dead_letter(delivery)
        verdict: Verdict = Ack() if result else Retry(FULL_DELAY_S)
        await self._loop.settle(delivery, verdict)
        if result:
            self.observer.count(self.series.advisories, result)

    @property
    def _loop(self) -> ConsumerLoop:
        return ConsumerLoop(self.inbox, self.publisher, self.retry)

    async def _take_turn(self) -> None:
        for delivery in await self._loop.pull(_BATCH):
            await self.handle(delivery)

    async def _dead_letter(self, delivery: Delivery) -> str:
        """Return what was done; "" if it has to wait."""
        try:
            abandoned = read_advisory(delivery.body)
        except InvalidMessage:
            self.log.warning("advisory-unreadable", sequence=delivery.sequence)
            return "unreadable"
        about: dict[str, object] = {
            "stream": abandoned.stream,
            "sequence": abandoned.sequence,
            "consumer": abandoned.consumer,
        }
        if self._is_ours(abandoned):
            return "ours"
        message = await self.retry.until_done(lambda: self.messages.one(abandoned.stream, abandoned.sequence))
        if message is None:
            self.log.warning("abandoned-and-gone", **about)
            return "gone"
        about |= log_fields(message.headers)
        try:
            await self._publish(abandoned_letter(abandoned, message, at=self.now()))
        except StreamFull as error:
            self.log.warning("given-back", **about, error=str(error))
            return ""
        self.log.warning("abandoned", **about, reason=abandoned.reason)
        return "letter"

    async def _publish(self, letter: OutgoingMessage) -> None:
        try:
            await self._loop.publish([letter])
        except MessageTooLarge:
            # Other streams may allow larger messages than AA_DLQ. The dead letter says where the message is.
            empty = OutgoingMessage(letter.stream, letter.subject, b"", letter.message_id, letter.headers)
            await self._loop.publish([empty])

    def _is_ours(self, abandoned: Abandoned) -> bool:
        """Our workers write the dead letter before they terminate; max_deliver does not apply to our durables."""
        is_durable = any(
            (durable.stream, durable.name) == (abandoned.stream, abandoned.consumer)
            for durable in self.topology.durables
        )
        return is_durable and abandoned.reason == TERMINATED
