"""A pool of connections to PostgreSQL that survives the server's absence."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from athlete_ally.adapters.postgres.errors import translated
from athlete_ally.core.errors import Misconfigured, Unavailable

# A write of a full batch takes milliseconds; a server that needs half a minute is as good as absent.
_COMMAND_TIMEOUT_S = 30.0
_CONNECT_TIMEOUT_S = 5.0
# A worker that freezes, or whose machine vanishes, inside a transaction keeps its rows locked until the server ends its
# session: by default after two hours of TCP keepalive. Others get its messages after ack_wait, and would wait for them.
_IDLE_IN_TRANSACTION_S = 5
# A session keeps the defaults of its role and database, and the address that its name had, from when it began: a change
# of them reaches a busy service within this time. A new session costs a few milliseconds.
_LONGEST_SESSION_S = 300.0
_READ_ONLY = "PostgreSQL is read-only: nothing can be stored"


async def open_pool(
    url: str, *, size: int, name: str = "DATABASE_URL", statement_timeout_s: float | None = None
) -> "asyncpg.Pool[Any]":
    """Return a pool of up to `size` connections; none is made before it is needed, and none is kept for ever.

    `name` is the setting that holds the address. With `statement_timeout_s` the server itself ends what takes longer.

    Raises:
        Misconfigured: the address can't be understood.
    """
    pools: list[asyncpg.Pool[Any]] = []
    try:
        pool = await asyncpg.create_pool(
            url,
            min_size=0,
            max_size=size,
            timeout=_CONNECT_TIMEOUT_S,
            command_timeout=_COMMAND_TIMEOUT_S,
            setup=_renewing(pools),
            server_settings={
                "application_name": "athlete-ally",
                "timezone": "UTC",
                "idle_in_transaction_session_timeout": f"{_IDLE_IN_TRANSACTION_S}s",
                **(
                    {}
                    if statement_timeout_s is None
                    else {"statement_timeout": f"{round(statement_timeout_s * 1000)}ms"}
                ),
            },
        )
    except (ValueError, asyncpg.InterfaceError) as error:
        raise Misconfigured(f"{name} can't be understood ({type(error).__name__})") from error
    pools.append(pool)
    return pool


def _renewing(pools: "list[asyncpg.Pool[Any]]") -> Any:
    """Return what the pool calls as it lends a session: now and then it has all sessions replaced."""
    renewed_at_s = time.monotonic()

    async def renew(_: Any) -> None:
        nonlocal renewed_at_s
        if time.monotonic() - renewed_at_s > _LONGEST_SESSION_S:
            renewed_at_s = time.monotonic()
            for pool in pools:
                await pool.expire_connections()

    return renew


@asynccontextmanager
async def writing(pool: "asyncpg.Pool[Any]") -> AsyncGenerator[Any]:
    """Lend a connection that may write; errors inside are translated.

    A server that says by itself that it is read-only is sent nothing: its log would have lines for every attempt.

    Raises:
        RowRefused: the data is at fault.
        Unavailable: anything else; also when the database is read-only.
    """
    async with translated(pool), pool.acquire() as kept:
        if not is_read_only(kept):
            yield kept
            return
    # It may have been so only when this session began: a new one tells how things are.
    await pool.expire_connections()
    async with translated(pool), pool.acquire() as connection:
        if is_read_only(connection):
            raise Unavailable(_READ_ONLY)
        yield connection


def is_read_only(connection: Any) -> bool:
    """Tell whether the server said of this session that it may not write; PostgreSQL does so from version 14 on."""
    settings = connection.get_settings()
    told = (getattr(settings, name, "off") for name in ("default_transaction_read_only", "in_hot_standby"))
    return "on" in told


async def close_pool(pool: "asyncpg.Pool[Any]", *, within_s: float) -> None:
    """Close idle connections, wait for busy ones, and cut them off after `within_s`."""
    try:
        async with asyncio.timeout(within_s):
            await pool.close()
    except TimeoutError:
        pool.terminate()


async def server_version(pool: "asyncpg.Pool[Any]") -> str:
    """Return the server's version, as `18.6`.

    Raises:
        Unavailable: the database can't be reached.
    """
    async with translated(pool):
        version: str = await pool.fetchval("SHOW server_version")
        return version.split(maxsplit=1)[0]


# Counting would read every row. Statistics are lost in a crash, and the planner's number is as old as the last ANALYZE.
_ROWS = r"""
SELECT coalesce(sum(greatest(n_live_tup, reltuples, 0)), 0)::bigint
FROM pg_stat_user_tables AS counted JOIN pg_class AS planned ON planned.oid = counted.relid
WHERE counted.relname LIKE '%\_data' OR counted.relname LIKE 'samples\_data\_%'
"""


async def estimated_rows(pool: "asyncpg.Pool[Any]") -> int:
    """Return about how many rows the tables of all kinds hold, as the server's statistics have it.

    Raises:
        Unavailable: the database can't be reached.
    """
    async with translated(pool):
        return int(await pool.fetchval(_ROWS))


async def require_writable(pool: "asyncpg.Pool[Any]") -> None:
    """Return once a transaction was committed: the database, and the standbys that it waits for, took a write.

    Raises:
        Unavailable: the database can't be reached, or takes no writes.
    """
    async with writing(pool) as connection:
        if await connection.fetchval("SHOW transaction_read_only") == "on":
            await pool.expire_connections()
            raise Unavailable(_READ_ONLY)
        # A note in the write-ahead log, in no table:
        # https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-REPLICATION
        await connection.execute("SELECT pg_logical_emit_message(true, 'athlete-ally', 'probe')")
