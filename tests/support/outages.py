"""Servers that belong to one test, so that it may kill, freeze and fill them, and traffic that goes on meanwhile."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from athlete_ally.adapters.logs import build_log
from athlete_ally.adapters.nats.admin import NatsAdmin
from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.adapters.postgres.migrate import migrate
from athlete_ally.adapters.postgres.pool import close_pool, open_pool
from athlete_ally.core.topology import build_topology
from athlete_ally.measurements import KINDS
from athlete_ally.ops.provision import create_missing, inspect
from athlete_ally.vendors import VENDORS
from support.servers import Postgres
from support.services import Service, Site
from support.wait import eventually

# A postmaster that finds its old shared memory in use ends at once; one that starts well answers in less.
_TRY_AGAIN_S = 5.0


def kill_hard(pid: int) -> None:
    """End a process that a test started, at once, as `kill -9` does."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)


async def crash_postgres(postgres: Postgres) -> None:
    """Kill PostgreSQL with all its processes."""
    connection = await asyncpg.connect(postgres.url)
    rows = await connection.fetch("SELECT pid FROM pg_stat_activity")
    # The postmaster first: it would start again what it sees dying.
    for pid in (postgres.pid, *(row["pid"] for row in rows)):
        kill_hard(pid)
    connection.terminate()


async def bring_back_postgres(postgres: Postgres) -> None:
    """Start PostgreSQL again on its data; when this returns, it answers."""
    while True:
        postgres.pid = postgres.guard.start(postgres.server.command())
        with suppress(AssertionError):
            await eventually(lambda: _answers(postgres), within_s=_TRY_AGAIN_S)
            return


async def _answers(postgres: Postgres) -> bool:
    try:
        connection = await asyncpg.connect(postgres.url, timeout=1)
    except (OSError, TimeoutError, asyncpg.PostgresError):
        return False
    await connection.close()
    return True


@asynccontextmanager
async def site_on(nats_url: str, database_url: str, folder: Path) -> AsyncGenerator[Site]:
    """Give the test a site on these servers, with streams, durables and schema made; it ends with the block."""
    connection = Connection(nats_url, name="test", log=build_log("test", level="warning", form="json"))
    await connection.open()
    pool = await open_pool(database_url, size=4)
    admin, topology = NatsAdmin(connection), build_topology(KINDS, VENDORS, "dev")
    await create_missing(admin, topology, await inspect(admin, topology))
    await migrate(pool)
    site = Site(nats_url, database_url, connection, pool, folder)
    try:
        yield site
    finally:
        site.close()
        await connection.close()
        await close_pool(pool, within_s=1)


class Traffic:
    """Several clients that send one request after another until told to stop, each until it hears a 202.

    `answers` holds every answer that was heard; `accepted` counts readings by the id of their message, so that one
    whose answer was lost and that was sent again counts once.
    """

    def __init__(self, ingest: Service, make: Callable[[int], list[dict[str, Any]]], *, clients: int = 4) -> None:
        """Send what `make` makes of a running number to `ingest`."""
        self.answers: list[httpx.Response] = []
        self.by_id: dict[str, int] = {}
        self._url = f"{ingest.url}/api/v1/ingest/hrv"
        self._make = make
        self._clients = clients
        self._number = 0
        self._stop = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def accepted(self) -> int:
        """Return how many readings were acknowledged."""
        return sum(self.by_id.values())

    def statuses(self) -> set[int]:
        """Return the statuses that were heard."""
        return {answer.status_code for answer in self.answers}

    def refusals(self) -> list[httpx.Response]:
        """Return the 503 answers."""
        return [answer for answer in self.answers if answer.status_code == 503]

    async def __aenter__(self) -> "Traffic":
        """Begin to send."""
        self._tasks = [asyncio.create_task(self._send()) for _ in range(self._clients)]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Begin nothing new, and return once everything that was begun is acknowledged."""
        self._stop.set()
        await asyncio.wait_for(asyncio.gather(*self._tasks), 60)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return when the condition holds; fail as soon as a client has failed."""

        async def holds() -> bool:
            for task in self._tasks:
                if task.done():
                    task.result()
            return condition()

        await eventually(holds, within_s=30)

    async def some_more(self, readings: int = 20) -> None:
        """Return when so many more readings have been acknowledged."""
        goal = self.accepted + readings
        await self.until(lambda: self.accepted >= goal)

    async def _send(self) -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
            while not self._stop.is_set():
                self._number += 1
                readings = self._make(self._number)
                await eventually(lambda readings=readings: self._attempt(client, readings), within_s=60)

    async def _attempt(self, client: httpx.AsyncClient, readings: list[dict[str, Any]]) -> bool:
        try:
            answer = await client.post(self._url, json=readings)
        except httpx.TransportError:
            return False
        self.answers.append(answer)
        if answer.status_code == 202:
            self.by_id[answer.json()["id"]] = len(readings)
        return answer.status_code == 202


async def ask(service: Service, path: str) -> httpx.Response:
    """Return the answer to a GET."""
    async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
        return await client.get(service.url + path)


async def series_value(service: Service, series: str) -> float:
    """Return the value of one series, named as it is shown, labels included."""
    for line in (await ask(service, "/metrics")).text.splitlines():
        if line.startswith(f"{series} "):
            return float(line.rpartition(" ")[2])
    raise AssertionError(f"{series} is not there")
