"""Connections for short commands: open within seconds, or an error that says what to check."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from athlete_ally.adapters.logs import build_log
from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.adapters.postgres.pool import close_pool, open_pool
from athlete_ally.config.settings import Settings
from athlete_ally.core.errors import Unavailable
from athlete_ally.wiring.builders import nats_connection

_CONNECT_WITHIN_S = 5.0


@asynccontextmanager
async def nats_session(settings: Settings, service: str = "operator") -> AsyncGenerator[Connection]:
    """Yield a connection to NATS whose replies use the inbox prefix of this user.

    Raises:
        Unavailable: there is no connection to the server at NATS_URL.
    """
    log = build_log("command", level="error", form=settings.log_format)
    connection = nats_connection(settings, service, log)
    try:
        async with asyncio.timeout(_CONNECT_WITHIN_S):
            await connection.open()
    except TimeoutError as error:
        reason = f" ({connection.last_error})" if connection.last_error else ""
        remedy = "start the server, or set NATS_URL and the credentials"
        raise Unavailable(f"cannot connect to NATS at {connection.address}{reason}: {remedy}") from error
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def postgres_session(settings: Settings) -> AsyncGenerator["asyncpg.Pool[Any]"]:
    """Yield a pool of connections to PostgreSQL; the first use fails if the server can't be reached."""
    pool = await open_pool(settings.database_url.get_secret_value(), size=2)
    try:
        yield pool
    finally:
        await close_pool(pool, within_s=2.0)
