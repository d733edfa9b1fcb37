"""Servers of a test's own, and a site on them: what an outage is made with."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.adapters.postgres.migrate import migrate
from athlete_ally.adapters.postgres.pool import close_pool, open_pool
from athlete_ally.core.broker.topology import Topology
from athlete_ally.core.ports import Log
from support.servers import Guard, Nats, Postgres, new_nats, new_postgres
from support.services import Service, Site
from support.streams import make_streams


@dataclass(frozen=True, slots=True)
class World:
    """Servers that a test may stop or change, and a site that uses them."""

    nats: Nats
    postgres: Postgres
    topology: Topology
    site: Site

    async def services(self) -> tuple[Service, Service]:
        """Start ingest and normalize."""
        return await self.site.service("ingest").start().ready(), await self.site.service("normalize").start().ready()


@asynccontextmanager
async def open_world(guard: Guard, topology: Topology, log: Log, folder: Path) -> AsyncGenerator[World]:
    """Give new servers with streams and schema, and end them."""
    nats_server = await asyncio.to_thread(new_nats, guard)
    postgres = await asyncio.to_thread(new_postgres, guard)
    connection = Connection(nats_server.url, name="test", log=log)
    await connection.open()
    await make_streams(connection, topology)
    pool = await open_pool(postgres.url, size=2)
    await migrate(pool)
    site = Site(nats_server.url, postgres.url, connection, pool, folder)
    yield World(nats_server, postgres, topology, site)
    site.close()
    await connection.close()
    await close_pool(pool, within_s=1)
    for pid in (nats_server.pid, postgres.pid):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
