"""Reading AA_DLQ without touching it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import nats.errors
import nats.js.errors

from athlete_ally.adapters.nats.admin import NatsAdmin
from athlete_ally.adapters.nats.connection import Connection, describe
from athlete_ally.core.errors import Unavailable
from athlete_ally.core.topology import DLQ


@dataclass(frozen=True, slots=True)
class StoredLetter:
    """A dead letter as AA_DLQ has it."""

    sequence: int
    subject: str
    headers: dict[str, str]
    body: bytes
    stored_at: datetime | None


class NatsLetters:
    """Reads dead letters one by one, in the order in which they were written."""

    def __init__(self, connection: Connection) -> None:
        """Read over this connection."""
        self._connection = connection
        client: Any = connection.client
        self._jetstream: Any = client.jetstream()

    async def one(self, sequence: int) -> StoredLetter | None:
        """Return the letter of this sequence, or None.

        Raises:
            Unavailable: no answer.
        """
        try:
            message = await self._jetstream.get_msg(DLQ, seq=sequence, direct=True)
        except nats.js.errors.NotFoundError:
            return None
        except (nats.errors.Error, TimeoutError, OSError) as error:
            raise Unavailable(f"{DLQ} can't be read: {describe(error)}") from error
        return StoredLetter(
            message.seq, message.subject, dict(message.headers or {}), message.data or b"", message.time
        )

    async def all(self) -> AsyncIterator[StoredLetter]:
        """Yield every letter; only one is in memory at a time.

        Raises:
            Unavailable: no answer, or the stream is missing.
        """
        stream = await NatsAdmin(self._connection).stream(DLQ)
        if stream is None:
            raise Unavailable(f"stream {DLQ} is missing: run `athlete-ally streams apply`")
        for sequence in range(max(1, stream.first_sequence), stream.last_sequence + 1):
            letter = await self.one(sequence)
            if letter is not None:
                yield letter
