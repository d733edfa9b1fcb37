"""Everything that the tables hold of one person."""

import asyncio
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
WITH gone AS (DELETE FROM sample_series WHERE user_id = $1 RETURNING series),
days AS (DELETE FROM sample_day WHERE series IN (SELECT series FROM gone))
DELETE FROM samples_data WHERE series IN (SELECT series FROM gone)
"""
# Told last: a reader that hears of it has heard of all that was stored before.
_TELL = """
INSERT INTO erased_person (user_id, changed_position) VALUES ($1, change_position())
ON CONFLICT (user_id) DO UPDATE SET changed_position = excluded.changed_position, erased_at = excluded.erased_at
RETURNING changed_position
"""
# What a transaction stored that began before the erasure and ended after it: its place is behind the erasure.
_TELL_AGAIN = """
UPDATE {} SET created_position = change_position(), changed_position = change_position()
WHERE {} AND changed_position < $2
"""
_OWN, _OWN_SERIES = "user_id = $1", "series IN (SELECT series FROM sample_series WHERE user_id = $1)"
_ASK_EVERY_S, _MOST_ASKS = 0.1, 100
_FORGET = "DELETE FROM erased_person WHERE erased_at < clock_timestamp() - make_interval(days => $1)"
# A reader that asks for changes less often than this once a year compares its people with ours instead.
TOMBSTONE_DAYS = 400


class PostgresPersonData:
    """The `People` port."""

    def __init__(self, pool: "asyncpg.Pool[Any]", measurements: Sequence[Measurement]) -> None:
        """Use connections of this pool; the tables are those of these kinds."""
        self._pool = pool
        self._kind_tables = tuple(each.table for each in measurements if not issubclass(each.record_type, SampleBatch))
        self._tables = (*self._kind_tables, *_TABLES)

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
                erased_at = await connection.fetchval(_TELL, user_id)
                await connection.execute(_FORGET, TOMBSTONE_DAYS)
            await self._tell_again(connection, user_id, erased_at)

    async def _tell_again(self, connection: Any, user_id: str, erased_at: int) -> None:
        """Give what was stored meanwhile a place behind the erasure in the order of changes."""
        for _ in range(_MOST_ASKS):
            if await connection.fetchval("SELECT change_horizon()") > erased_at:
                break
            await asyncio.sleep(_ASK_EVERY_S)
        for table in self._kind_tables:
            await connection.execute(_TELL_AGAIN.format(table, _OWN), user_id, erased_at)
        await connection.execute(_TELL_AGAIN.format("sample_day", _OWN_SERIES), user_id, erased_at)


def _count(table: str) -> str:
    return f"SELECT count(*) FROM {table} WHERE user_id = $1"  # noqa: S608  # a table of ours


def _affected(status: str) -> int:
    """Return how many rows a command touched, from what PostgreSQL says of it (`DELETE 42`)."""
    return int(status.rpartition(" ")[2])
