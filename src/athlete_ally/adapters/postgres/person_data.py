"""Everything that the tables hold of one person."""

from collections.abc import Callable, Sequence
from typing import Any

import asyncpg

from athlete_ally.adapters.postgres.errors import translated
from athlete_ally.adapters.postgres.pool import writing
from athlete_ally.core.messages.data_subject import Person
from athlete_ally.core.readings.measurement import Measurement
from athlete_ally.core.readings.sample_batch import SampleBatch

# Beside the tables of the kinds, and series with their points.
_TABLES = ("replaced_session", "vendor_account", "vendor_grant")
_LINKS = "SELECT vendor, account FROM vendor_account WHERE user_id = $1"
_GRANTS = "SELECT id, vendor, account FROM vendor_grant WHERE user_id = $1"
_POINTS = "SELECT count(*) FROM samples_data WHERE series IN (SELECT series FROM sample_series WHERE user_id = $1)"
_CLOSE = "UPDATE vendor_grant SET state = 'withdrawn', refreshing_since = NULL WHERE user_id = $1"
# In portions, so that no statement takes longer than a connection waits for it.
_ERASE_POINTS = """
DELETE FROM samples_data WHERE (series, at) IN (
    SELECT series, at FROM samples_data
    WHERE series IN (SELECT series FROM sample_series WHERE user_id = $1) LIMIT 50000
)
"""
_ERASE_SERIES = """
WITH gone AS (DELETE FROM sample_series WHERE user_id = $1 RETURNING series)
DELETE FROM samples_data WHERE series IN (SELECT series FROM gone)
"""


class PostgresPersonData:
    """The `People` port."""

    def __init__(self, pool: "asyncpg.Pool[Any]", measurements: Sequence[Measurement]) -> None:
        """Use connections of this pool; the tables are those of these kinds."""
        self._pool = pool
        kinds = (each.table for each in measurements if not issubclass(each.record_type, SampleBatch))
        self._tables = (*kinds, *_TABLES)

    async def person(self, user_id: str) -> Person:
        """See the port."""
        async with translated(self._pool):
            links = await self._pool.fetch(_LINKS, user_id)
            grants = await self._pool.fetch(_GRANTS, user_id)
        accounts = frozenset((row["vendor"], row["account"]) for row in (*links, *grants))
        return Person(user_id, accounts, frozenset(row["id"] for row in grants))

    async def rows(self, user_id: str) -> dict[str, int]:
        """See the port."""
        async with translated(self._pool):
            found = {
                table: await self._pool.fetchval(_count(table), user_id) for table in (*self._tables, "sample_series")
            }
            found["samples_data"] = await self._pool.fetchval(_POINTS, user_id)
        return found

    async def close(self, user_id: str) -> None:
        """See the port."""
        async with writing(self._pool) as connection:
            await connection.execute(_CLOSE, user_id)

    async def erase(self, user_id: str, tell: Callable[[str, int, int], None]) -> None:
        """See the port."""
        async with writing(self._pool) as connection:
            points: int = await connection.fetchval(_POINTS, user_id)
            gone = 0
            while portion := _affected(await connection.execute(_ERASE_POINTS, user_id)):
                gone += portion
                tell("erasing rows", gone, max(points, gone))
            async with connection.transaction():
                # Waits for writers of points: nothing is added to a series while it is deleted.
                await connection.execute("LOCK TABLE sample_series IN SHARE ROW EXCLUSIVE MODE")
                await connection.execute(_ERASE_SERIES, user_id)
                for table in self._tables:
                    await connection.execute(f"DELETE FROM {table} WHERE user_id = $1", user_id)  # noqa: S608  # a table of ours


def _count(table: str) -> str:
    return f"SELECT count(*) FROM {table} WHERE user_id = $1"  # noqa: S608  # a table of ours


def _affected(status: str) -> int:
    """Return how many rows a command touched, from what PostgreSQL says of it (`DELETE 42`)."""
    return int(status.rpartition(" ")[2])
