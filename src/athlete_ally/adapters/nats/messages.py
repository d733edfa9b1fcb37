"""Reading single messages of any stream."""

from datetime import UTC
from typing import Any

import nats.js.errors

from athlete_ally.adapters.nats.connection import API_TIMEOUT_S, UNREACHABLE, Connection, describe
from athlete_ally.core.errors import Unavailable
from athlete_ally.core.messages.message import StoredMessage


class NatsMessages:
    """Reads by the stream's own API: not every stream allows direct gets."""

    def __init__(self, connection: Connection, timeout_s: float = API_TIMEOUT_S) -> None:
        """Read over this connection; an answer that takes longer is none."""
        client: Any = connection.client
        self._jetstream: Any = client.jetstream(timeout=timeout_s)

    async def one(self, stream: str, sequence: int) -> StoredMessage | None:
        """Return a message, or None where it, or its stream, is gone.

        Raises:
            Unavailable: no answer.
        """
        try:
            found = await self._jetstream.get_msg(stream, seq=sequence)
        except nats.js.errors.NotFoundError:
            return None
        except UNREACHABLE as error:
            raise Unavailable(f"{stream} can't be read: {describe(error)}") from error
        return StoredMessage(found.subject, dict(found.headers or {}), found.data or b"", found.time.astimezone(UTC))
