"""The `ReceiptLookup` port on PostgreSQL: what is on record of messages that the journal has."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg

from athlete_ally.adapters.postgres.errors import translated
from athlete_ally.adapters.postgres.sql import load_sql
from athlete_ally.core.receipts import UnpackReceipt

_NORMALIZED = "SELECT DISTINCT message_id FROM receipt WHERE message_id = ANY ($1::text[])"
_UNPACKED = load_sql("unpack_receipts")


class PostgresReceiptLookup:
    """Reads receipts by the ids of messages."""

    def __init__(self, pool: "asyncpg.Pool[Any]", fetched: Sequence[str]) -> None:
        """Use connections of this pool; `fetched` are the vendors whose webhooks fetch reads, too."""
        self._pool = pool
        self._fetched = list(fetched)

    async def normalized(self, message_ids: Sequence[str]) -> frozenset[str]:
        """See the port."""
        if not message_ids:
            return frozenset()
        async with translated(self._pool):
            rows = await self._pool.fetch(_NORMALIZED, list(message_ids))
        return frozenset(row["message_id"] for row in rows)

    async def unpacked(self, message_ids: Sequence[str]) -> Mapping[str, UnpackReceipt]:
        """See the port."""
        if not message_ids:
            return {}
        async with translated(self._pool):
            rows = await self._pool.fetch(_UNPACKED, list(message_ids), self._fetched)
        return {
            row["message_id"]: UnpackReceipt(
                row["readings"], row["awaits_fetch"], json.loads(row["children"]) if row["children"] else {}
            )
            for row in rows
        }
