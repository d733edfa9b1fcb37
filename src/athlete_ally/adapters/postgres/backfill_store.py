"""The `BackfillStore` port on PostgreSQL."""

from collections.abc import Sequence
from typing import Any

import asyncpg

from athlete_ally.adapters.postgres.errors import translated
from athlete_ally.adapters.postgres.pool import writing
from athlete_ally.core.vendor.history import Had, Portion, Window

_HAD = "SELECT listing, first_day, last_day, had_at FROM backfill_window WHERE grant_id = $1"
_REMEMBER = """
INSERT INTO backfill_window (grant_id, listing, first_day, last_day, answers) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (grant_id, listing, first_day, last_day) DO UPDATE SET
    answers = excluded.answers, had_at = excluded.had_at
"""


class PostgresBackfillStore:
    """Keeps a row for each window."""

    def __init__(self, pool: "asyncpg.Pool[Any]") -> None:
        """Use connections of this pool."""
        self._pool = pool

    async def had(self, grant: int) -> Sequence[Had]:
        """See the port."""
        async with translated(self._pool):
            rows = await self._pool.fetch(_HAD, grant)
        return [Had(row["listing"], Window(row["first_day"], row["last_day"]), row["had_at"]) for row in rows]

    async def remember(self, grant: int, portion: Portion, answers: int) -> None:
        """See the port."""
        window = portion.window
        async with writing(self._pool) as connection:
            await connection.execute(_REMEMBER, grant, portion.listing.type, window.first, window.last, answers)
