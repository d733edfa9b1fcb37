"""Reading whole streams, and erasing single messages from them."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import datetime

from athlete_ally.adapters.nats.broker import NatsBroker
from athlete_ally.adapters.nats.connection import ApiError, Connection
from athlete_ally.adapters.nats.direct_reads import BATCH, BATCH_BYTES, DirectReads, delete_message, handed_out
from athlete_ally.adapters.nats.messages import NatsMessages
from athlete_ally.core.broker.state import LiveDurable, LiveStream
from athlete_ally.core.errors import Unavailable
from athlete_ally.core.messages.message import StoredMessage

# A replica that answers may be a moment behind the leader.
_ATTEMPTS = 5
_BEHIND_S = 0.2


class NatsStreamReader:
    """The `StreamReader` port."""

    def __init__(self, connection: Connection) -> None:
        """Work over this connection."""
        self._connection = connection
        self._broker = NatsBroker(connection)
        self._direct = DirectReads(connection)
        self._single = NatsMessages(connection)

    async def stream(self, name: str) -> LiveStream | None:
        """See the port."""
        return await self._broker.stream(name)

    async def durables_of(self, stream: str) -> list[LiveDurable]:
        """See the port."""
        return await self._broker.durables_of(stream)

    async def messages(
        self, stream: LiveStream, since: datetime | None = None
    ) -> AsyncGenerator[tuple[int, StoredMessage]]:
        """See the port; with `since`, those that were stored since then."""
        first = stream.first_sequence if since is None else await self._direct.first_since(stream.name, since)
        if first is None:
            return
        sequence, attempts = max(1, first), 0
        while stream.messages and sequence <= stream.last_sequence:
            before = sequence
            request = {"seq": sequence, "batch": BATCH, "max_bytes": BATCH_BYTES}
            async for message in self._direct.get(stream.name, request):
                at, found = handed_out(message)
                if at > stream.last_sequence:
                    return
                sequence = at + 1
                yield at, found
            if sequence == before:
                attempts += 1
                if not stream.replicas or attempts == _ATTEMPTS:
                    return
                await asyncio.sleep(_BEHIND_S)

    async def holds(self, stream: str, sequence: int) -> bool:
        """See the port."""
        return await self._single.one(stream, sequence) is not None

    async def erase(self, stream: str, sequence: int) -> bool:
        """See the port."""
        try:
            return await delete_message(self._connection, stream, sequence, erase=True)
        except ApiError as error:
            raise Unavailable(f"{stream} can't delete message {sequence}: {error}") from error
