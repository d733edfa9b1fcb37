"""What PostgreSQL says of itself: whether it takes writes, how many connections it has, who waits for whom."""

from typing import Any

import asyncpg

from athlete_ally.adapters.postgres.errors import translated
from athlete_ally.adapters.postgres.sql import load_sql
from athlete_ally.core.database import Blocked, DatabaseState

_BLOCKED = load_sql("blocked_sessions")
_SELF = """
SELECT
    current_setting('transaction_read_only') = 'on' AS is_read_only,
    pg_is_in_recovery() AS is_replica,
    (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections,
    current_setting('max_connections')::integer AS max_connections
"""


async def database_state(pool: "asyncpg.Pool[Any]") -> DatabaseState:
    """Return what the server says of itself. Read-only.

    Raises:
        Unavailable: the database can't be reached.
    """
    async with translated(pool), pool.acquire() as connection:
        (row,) = await connection.fetch(_SELF)
        blocked = await connection.fetch(_BLOCKED)
    waits = (
        Blocked(each["program"], each["waits_s"], each["held_table"], each["by_pid"], each["by_program"])
        for each in blocked
    )
    return DatabaseState(
        row["is_read_only"], row["is_replica"], row["connections"], row["max_connections"], tuple(waits)
    )
