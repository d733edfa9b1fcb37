"""Counting receipts: the database's side of the ledger."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import asyncpg

from athlete_ally.adapters.postgres.errors import translated
from athlete_ally.adapters.postgres.sql import load_sql

_COUNT = {name: load_sql(f"count_{name}") for name in ("receipts", "webhook_receipts", "fetch_receipts")}
_TOTALS = load_sql("total_receipts")
_PROVEN = load_sql("proven_senders")


class PostgresReceipts:
    """Reads the table of receipts."""

    def __init__(self, pool: "asyncpg.Pool[Any]") -> None:
        """Use connections of this pool."""
        self._pool = pool

    async def stored(self, kind: str, stream: str, from_sequence: int) -> int:
        """Return how many messages of a kind, from a sequence on, have a receipt of this life of the stream.

        Raises:
            Unavailable: the database can't be reached.
        """
        return await self._count("receipts", kind, stream, from_sequence)

    async def unpacked(self, vendor: str, stream: str, from_sequence: int) -> int:
        """Return how many webhooks and documents of a vendor are unpacked. As `stored`."""
        return await self._count("webhook_receipts", vendor, stream, from_sequence)

    async def fetched(self, vendor: str, stream: str, from_sequence: int) -> int:
        """Return how many webhooks of a vendor fetch is done with. As `stored`."""
        return await self._count("fetch_receipts", vendor, stream, from_sequence)

    async def _count(self, name: str, whose: str, stream: str, from_sequence: int) -> int:
        async with translated(self._pool):
            return int(await self._pool.fetchval(_COUNT[name], whose, stream, from_sequence))

    async def proven_senders(self, kind: str, stream: str, since: datetime) -> frozenset[str]:
        """Return the senders most of whose latest readings of a kind, no older than `since`, were of use.

        Raises:
            Unavailable: the database can't be reached.
        """
        async with translated(self._pool):
            rows = await self._pool.fetch(_PROVEN, stream, kind, since)
        return frozenset(row["sender"] for row in rows)

    async def totals(self) -> Mapping[str, Mapping[str, int]]:
        """Return for each kind how many readings ended where: readings, stored, superseded, duplicate, dead_lettered.

        Raises:
            Unavailable: the database can't be reached.
        """
        async with translated(self._pool):
            rows = await self._pool.fetch(_TOTALS)
        return {row["kind"]: {name: int(row[name]) for name in row.keys() if name != "kind"} for row in rows}  # noqa: SIM118  # a record, not a dict
