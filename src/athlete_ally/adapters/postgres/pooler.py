"""Tells a connection pooler that shares sessions: what is kept for a session would reach others, or be lost."""

from typing import Any

import asyncpg

from athlete_ally.adapters.postgres.errors import POOLER_REMEDY, translated
from athlete_ally.core.errors import Misconfigured

_ATTEMPTS = 3


async def require_own_sessions(pool: "asyncpg.Pool[Any]") -> None:
    """Return if a session of PostgreSQL is ours for as long as we are connected, as with `pool_mode = session`.

    Two connections that meet in one session of the server share it. A pool of one connection can't find out.

    Raises:
        Misconfigured: a pooler gives a session to others between two transactions or statements.
        Unavailable: the database can't be reached.
    """
    async with translated(pool), pool.acquire() as one:
        # The server names itself when we connect; a pooler gives a number of its own.
        if one.get_server_pid() == await _session(one) or pool.get_max_size() == 1:
            return
        async with pool.acquire() as other:
            for _ in range(_ATTEMPTS):
                first = await _session(one)
                if await _session(other) == first or await _session(one) != first:
                    raise Misconfigured(
                        "DATABASE_URL leads to a pooler that gives a session to others between transactions, and "
                        f"advisory locks and prepared statements need a session of their own: {POOLER_REMEDY}"
                    )


async def _session(connection: Any) -> int:
    return int(await connection.fetchval("SELECT pg_backend_pid()"))
