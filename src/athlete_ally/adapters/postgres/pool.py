"""A pool of connections to PostgreSQL that survives the server's absence."""

import asyncio
from typing import Any

import asyncpg

from athlete_ally.adapters.postgres.errors import translated
from athlete_ally.core.errors import Misconfigured

# A write of a full batch takes milliseconds; a server that needs half a minute is as good as absent.
_COMMAND_TIMEOUT_S = 30.0
_CONNECT_TIMEOUT_S = 5.0
# A worker that freezes, or whose machine vanishes, inside a transaction keeps its rows locked until the server gives up
# on it: by default after two hours of TCP keepalive. Others get its messages after ack_wait, and would wait for them.
_IDLE_IN_TRANSACTION_S = 5


async def open_pool(url: str, *, size: int) -> "asyncpg.Pool[Any]":
    """Return a pool of up to `size` connections; none is made before it is needed.

    Raises:
        Misconfigured: the address can't be understood.
    """
    try:
        return await asyncpg.create_pool(
            url,
            min_size=0,
            max_size=size,
            timeout=_CONNECT_TIMEOUT_S,
            command_timeout=_COMMAND_TIMEOUT_S,
            server_settings={
                "application_name": "athlete-ally",
                "timezone": "UTC",
                "idle_in_transaction_session_timeout": f"{_IDLE_IN_TRANSACTION_S}s",
            },
        )
    except (ValueError, asyncpg.InterfaceError) as error:
        raise Misconfigured(f"DATABASE_URL can't be understood ({type(error).__name__})") from error


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
    with translated():
        version: str = await pool.fetchval("SHOW server_version")
        return version.split(maxsplit=1)[0]
