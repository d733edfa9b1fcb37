"""What the console needs of records: a person's rows, and where a row comes from."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Protocol

from athlete_ally.core.measurement import Measurement
from athlete_ally.core.messages import StoredMessage

Row = Mapping[str, Any]


class Records(Protocol):
    """Reads records and receipts. See `adapters.postgres.records`."""

    async def of_person(self, measurement: Measurement, user_id: str, since: date, limit: int) -> Sequence[Row]:
        """Return a person's latest rows of a kind, the newest first, without bulky columns.

        Raises:
            Unavailable: the database can't be reached.
        """
        ...

    async def receipts(self, message_id: str) -> Sequence[Row]:
        """Return the receipts of a message, with `errors` in words; several where equal content came more than once.

        Raises:
            Unavailable: the database can't be reached.
        """
        ...


class Messages(Protocol):
    """Reads single messages of any stream. See `adapters.nats.messages`."""

    async def one(self, stream: str, sequence: int) -> StoredMessage | None:
        """Return a message, or None where it is gone.

        Raises:
            Unavailable: no answer.
        """
        ...
