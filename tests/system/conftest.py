"""A site for each test: fresh streams and a fresh database, and services that end with the test."""

from collections.abc import AsyncGenerator, Callable, Generator
from pathlib import Path
from typing import Any

import pytest
from support.browser import Visitor, visiting
from support.here import Here
from support.otlp import Collector
from support.servers import Guard, Nats
from support.services import Site
from support.world import World, open_world

from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.core.broker.topology import Topology
from athlete_ally.core.ports import Log


@pytest.fixture
def site(nats_server: Nats, database_url: str, connection: Connection, pool: Any, tmp_path: Path) -> Generator[Site]:
    """Give the test a site on the servers of its process."""
    site = Site(nats_server.url, database_url, connection, pool, tmp_path)
    yield site
    site.close()


@pytest.fixture
async def world(guard: Guard, topology: Topology, log: Log, tmp_path: Path) -> AsyncGenerator[World]:
    """Give the test servers that nobody else uses."""
    async with open_world(guard, topology, log, tmp_path) as world:
        yield world


@pytest.fixture
async def here(site: Site, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Here]:
    """Give services of the test's site that run in its own process."""
    here = Here(site.environment, monkeypatch)
    yield here
    await here.close()


@pytest.fixture
async def visitor(require_tool: Callable[[str], str], request: pytest.FixtureRequest) -> AsyncGenerator[Visitor]:
    """Give a visitor, and check at the end that no page did what it must not do."""
    async with visiting(require_tool("chromium"), request.config.getoption("--pictures")) as visitor:
        yield visitor
        assert visitor.complaints == []


@pytest.fixture
def collector() -> Generator[Collector]:
    """Give the test a collector of traces."""
    collector = Collector()
    yield collector
    collector.close()
