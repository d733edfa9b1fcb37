"""Find the sessions that hold a lock that another one waits for, so that an operator knows what to end."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import asyncpg

_LOOK_EVERY_S = 0.1
# What a role may not see of others' sessions is NULL. Queries are left out: they may contain personal data.
_BLOCKERS = """
SELECT blocker AS pid, usename, application_name, client_addr::text AS address, state, xact_start AS since,
    (SELECT string_agg(DISTINCT coalesce(relation::regclass::text, locktype), ', ') FROM pg_locks
     WHERE pid = $1 AND NOT granted) AS wanted
FROM unnest(pg_blocking_pids($1)) AS blocker LEFT JOIN pg_stat_activity ON pid = blocker
ORDER BY xact_start
"""


@dataclass(slots=True)
class Blockers:
    """The sessions that were last seen to hold what another one waits for; empty where none was."""

    wanted: str = ""
    sessions: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "; ".join(self.sessions) or "nobody who could be seen"


@asynccontextmanager
async def watching(pool: "asyncpg.Pool[Any]", session: int) -> AsyncGenerator[Blockers]:
    """Note who blocks this session meanwhile, through another connection of the pool; one that can't look sees none."""
    seen = Blockers()
    looking = asyncio.create_task(_look(pool, session, seen))
    try:
        yield seen
    finally:
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking


async def _look(pool: "asyncpg.Pool[Any]", session: int, seen: Blockers) -> None:
    with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
        async with pool.acquire() as connection:
            while True:
                rows = await connection.fetch(_BLOCKERS, session)
                if rows:
                    seen.wanted, seen.sessions = rows[0]["wanted"] or "a lock", tuple(map(_text, rows))
                await asyncio.sleep(_LOOK_EVERY_S)


def _text(row: Any) -> str:
    if not row["pid"]:
        return "a prepared transaction (see pg_prepared_xacts)"
    state = row["state"] or "in a transaction"
    about = (
        f"user {row['usename']}",
        *([f"application {row['application_name']}"] if row["application_name"] else []),
        *([f"from {row['address']}"] if row["address"] else []),
        f"{state} since {row['since']:%Y-%m-%d %H:%M:%S} UTC" if row["since"] else state,
    )
    return f"session {row['pid']} ({', '.join(about)})"
