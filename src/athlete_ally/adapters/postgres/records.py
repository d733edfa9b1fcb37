"""Reading records and receipts for people to look at."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import asyncpg
import msgspec

from athlete_ally.adapters.postgres.errors import translated
from athlete_ally.core.broker.topology import VENDOR_HOT
from athlete_ally.core.readings.measurement import Measurement

# Somebody looks at a page and waits; whatever takes longer holds a connection that others need.
_ANSWER_WITHIN_S = 8.0
_WEBHOOK_RECEIPT = "SELECT * FROM webhook_receipt WHERE message_id = $1 AND stream = $2 AND sequence = $3"
_RECEIPTS = "SELECT * FROM receipt WHERE message_id = $1 ORDER BY settled_at LIMIT 20"


class PostgresRecords:
    """Reads the tables of all kinds, and the receipts."""

    def __init__(self, pool: "asyncpg.Pool[Any]") -> None:
        """Use connections of this pool."""
        self._pool = pool

    async def of_person(
        self, measurement: Measurement, user_id: str, since: date, limit: int
    ) -> Sequence[Mapping[str, Any]]:
        """Return a person's latest rows of a kind, the newest first, without bulky columns.

        Raises:
            Unavailable: the database can't be reached.
        """
        names = [field.name for field in msgspec.structs.fields(measurement.record_type)]
        columns = ", ".join(name for name in names if name not in measurement.bulky)
        query = (
            f"SELECT {columns}, stored_at FROM {measurement.table} "  # noqa: S608  # names come from our own record types
            "WHERE user_id = $1 AND day >= $2 ORDER BY day DESC, period DESC, source, context LIMIT $3"
        )
        async with translated(self._pool):
            rows = await self._pool.fetch(query, user_id, since, limit, timeout=_ANSWER_WITHIN_S)
        return [dict(row) for row in rows]

    async def receipts(self, message_id: str) -> Sequence[Mapping[str, Any]]:
        """Return the receipts of a message; several where equal content came more than once.

        Raises:
            Unavailable: the database can't be reached.
        """
        async with translated(self._pool):
            rows = await self._pool.fetch(_RECEIPTS, message_id, timeout=_ANSWER_WITHIN_S)
        return [
            {**row, "errors": [f"{each['reason']}: {each['error']}" for each in json.loads(row["rejected"])]}
            for row in rows
        ]

    async def webhook_receipt(self, message_id: str, sequence: int) -> Mapping[str, Any] | None:
        """Return the receipt of a webhook, or of a document that was fetched; None while it is not settled.

        Raises:
            Unavailable: the database can't be reached.
        """
        async with translated(self._pool):
            row = await self._pool.fetchrow(
                _WEBHOOK_RECEIPT, message_id, VENDOR_HOT, sequence, timeout=_ANSWER_WITHIN_S
            )
        return None if row is None else dict(row)
