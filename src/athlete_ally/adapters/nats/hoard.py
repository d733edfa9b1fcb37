"""Reading whole streams, and erasing single messages from them."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime

from nats.aio.msg import Msg

from athlete_ally.adapters.nats.connection import ApiError, Connection
from athlete_ally.adapters.nats.direct import DirectReads
from athlete_ally.adapters.nats.messages import NatsMessages
from athlete_ally.adapters.nats.operator import NatsBroker
from athlete_ally.core.errors import Unavailable
from athlete_ally.core.live import LiveDurable, LiveStream
from athlete_ally.core.messages import StoredMessage

# What lies in memory at once; see `adapters.nats.letters` for what was measured.
_BATCH = 500
_BATCH_BYTES = 4 * 1024 * 1024
# A replica that answers may be a moment behind the leader.
_ATTEMPTS = 5
_BEHIND_S = 0.2
# Error codes of nats-server: https://github.com/nats-io/nats-server/blob/main/server/errors.json
_NO_SUCH_MESSAGE = {10037, 10043, 10057}
# Added by the server to what it hands out.
_ABOUT = {"Nats-Stream", "Nats-Subject", "Nats-Sequence", "Nats-Time-Stamp", "Nats-Num-Pending", "Nats-Last-Sequence"}


class NatsHoard:
    """The `Hoard` port."""

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

    async def messages(self, stream: LiveStream) -> AsyncGenerator[tuple[int, StoredMessage]]:
        """See the port."""
        sequence, attempts = max(1, stream.first_sequence), 0
        while stream.messages and sequence <= stream.last_sequence:
            before = sequence
            request = {"seq": sequence, "batch": _BATCH, "max_bytes": _BATCH_BYTES}
            async for message in self._direct.get(stream.name, request):
                at, found = _stored(message)
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
            await self._connection.api(f"STREAM.MSG.DELETE.{stream}", {"seq": sequence, "no_erase": False})
        except ApiError as error:
            if error.code in _NO_SUCH_MESSAGE:
                return False
            raise Unavailable(f"{stream} can't give up message {sequence}: {error}") from error
        return True


def _stored(message: Msg) -> tuple[int, StoredMessage]:
    stated = {**(message.headers or {})}
    headers = {name: value for name, value in stated.items() if name not in _ABOUT}
    at = datetime.fromisoformat(stated["Nats-Time-Stamp"]).astimezone(UTC)
    return int(stated["Nats-Sequence"]), StoredMessage(stated["Nats-Subject"], headers, message.data, at)
