"""What every worker does with its deliveries: pull, keep, publish what follows, settle, until it is told to stop."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from athlete_ally.core.broker import topology
from athlete_ally.core.messages.message import Delivery, OutgoingMessage
from athlete_ally.core.ports import Inbox, Publisher
from athlete_ally.core.verdict import Verdict
from athlete_ally.normalize.lane_breaker import LaneBreaker
from athlete_ally.normalize.retry import Stopping, UnboundedRetry, kept_in_progress
from athlete_ally.normalize.settle import settle

FULL_DELAY_S = 30.0
"""A full stream empties by age or by an operator's hand: minutes, not milliseconds."""
# How long a pull lingers when there is nothing: what a stop may have to wait for.
_LINGER_S = 1.0
# Three chances to be heard before the broker delivers again.
_KEEP_EVERY_S = topology.ACK_WAIT_S / 4


@dataclass(frozen=True, slots=True)
class ConsumerLoop:
    """Retries each operation through outages; only the stop of the service ends that, by `Stopping`."""

    inbox: Inbox
    publisher: Publisher
    retry: UnboundedRetry

    async def work(
        self, turn: Callable[[], Awaitable[None]], stop: asyncio.Event, breaker: LaneBreaker | None = None
    ) -> None:
        """Take turns until `stop` is set, but none while the breaker is tripped; what is in progress is finished."""
        try:
            while not stop.is_set():
                if breaker is not None and breaker.is_tripped:
                    await breaker.pause(stop)
                if not stop.is_set():
                    await turn()
        except Stopping:
            self.retry.log_stop()

    async def pull(self, most: int) -> Sequence[Delivery]:
        """Return up to `most` deliveries, or none after a while."""
        return await self.retry.until_done(lambda: self.inbox.fetch(most, _LINGER_S))

    def keep(self, deliveries: Sequence[Delivery]) -> AbstractAsyncContextManager[None]:
        """Keep the broker from delivering these again while the block lasts."""
        return kept_in_progress(self.inbox, deliveries, _KEEP_EVERY_S)

    async def publish(self, messages: Iterable[OutgoingMessage]) -> None:
        """Publish one after the other.

        Raises:
            StreamFull, MessageTooLarge: the stream does not take one of them; those before it are published.
        """
        for message in messages:
            await self.retry.until_done(lambda message=message: self.publisher.publish(message))

    async def settle(self, delivery: Delivery, verdict: Verdict) -> None:
        """Carry out a verdict."""
        await self.retry.until_done(lambda: settle(self.inbox, delivery, verdict))
