"""The `LifeStore` port on PostgreSQL, and what was lost when a stream was restored."""

from dataclasses import astuple
from datetime import datetime
from typing import Any

import asyncpg

from athlete_ally.adapters.postgres.errors import translated
from athlete_ally.adapters.postgres.pool import writing
from athlete_ally.adapters.postgres.sql import load_sql
from athlete_ally.core.broker.stream_life import Cursor, Life, LostMessages

_CURSOR = "SELECT stream, created_at, sequence, stored_at FROM stream_cursor WHERE stream = $1"
_ADVANCE = """
INSERT INTO stream_cursor (stream, created_at, sequence, stored_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (stream) DO UPDATE
SET created_at = excluded.created_at, sequence = excluded.sequence, stored_at = excluded.stored_at
"""
_BEGIN = """
INSERT INTO stream_life (stream, started_at, created_at, from_sequence, lost_to, lost_since)
VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING
"""
_LOST = load_sql("lost_messages")


class PostgresLives:
    """Keeps cursors and lives of streams."""

    def __init__(self, pool: "asyncpg.Pool[Any]") -> None:
        """Use connections of this pool."""
        self._pool = pool

    async def cursor(self, stream: str) -> Cursor | None:
        """See the port."""
        async with translated(self._pool):
            row = await self._pool.fetchrow(_CURSOR, stream)
        return Cursor(*row) if row else None

    async def advance(self, cursor: Cursor, life: Life | None) -> None:
        """See the port."""
        async with writing(self._pool) as connection, connection.transaction():
            if life is not None:
                await connection.execute(_BEGIN, *astuple(life))
            await connection.execute(_ADVANCE, *astuple(cursor))

    async def lost(self, since: datetime) -> list[LostMessages]:
        """Return what was lost by restores that were noticed since a time, the latest first.

        Raises:
            Unavailable: the database can't be reached.
        """
        async with translated(self._pool):
            return [LostMessages(*row) for row in await self._pool.fetch(_LOST, since)]
