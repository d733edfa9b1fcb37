"""The `Publisher` port over another one and a message journal: what is acknowledged is in both."""

import asyncio
from dataclasses import dataclass

from athlete_ally.core.broker.topology import CORE_HOT, VENDOR_HOT
from athlete_ally.core.errors import JournalUnavailable
from athlete_ally.core.messages.message import Acknowledgement, OutgoingMessage
from athlete_ally.core.ports import MessageJournal, Publisher

# What comes from outside, and can't be made again from anything that we hold.
JOURNALED = (CORE_HOT, VENDOR_HOT)


@dataclass(frozen=True, slots=True)
class JournaledPublisher:
    """Publishes and writes to the journal side by side.

    With `is_required` a publish returns once stream and journal hold the message; without, once the stream does.
    """

    publisher: Publisher
    journal: MessageJournal
    is_required: bool
    timeout_s: float

    async def publish(self, message: OutgoingMessage) -> Acknowledgement:
        """See the port.

        Raises:
            JournalUnavailable: the journal does not hold the message; the stream may hold it or not.
        """
        if message.stream not in JOURNALED:
            return await self.publisher.publish(message)
        written = self.journal.append(message)
        acknowledgement = await self.publisher.publish(message)
        if self.is_required:
            try:
                async with asyncio.timeout(self.timeout_s):
                    await written
            except TimeoutError as error:
                raise JournalUnavailable(f"the message journal was not flushed in {self.timeout_s:g} s") from error
        return acknowledgement
