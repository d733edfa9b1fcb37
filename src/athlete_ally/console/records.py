"""The port for records: a person's rows, and the receipts of messages."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Protocol

from athlete_ally.core.readings.measurement import Measurement
from athlete_ally.ops.people.lineage import Receipts, Row


class Records(Receipts, Protocol):
    """Reads records and receipts. See `adapters.postgres.records`."""

    async def of_person(self, measurement: Measurement, user_id: str, since: date, limit: int) -> Sequence[Row]:
        """Return a person's latest rows of a kind, the newest first, without bulky columns.

        Raises:
            Unavailable: the database can't be reached.
        """
        ...


OpenRecords = Callable[[], Records]
"""Returns them; raises Unavailable at once when the database is known to be unavailable."""
