"""Build the console from the settings and run it."""

import asyncio
import secrets
import time
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx
from starlette.routing import BaseRoute

from athlete_ally import __version__
from athlete_ally.adapters.http.refusal_report import RefusalReport
from athlete_ally.adapters.http.server import HttpServer
from athlete_ally.adapters.nats.broker import NatsBroker
from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.adapters.nats.messages import NatsMessages
from athlete_ally.adapters.nats.monitor import NatsMonitor
from athlete_ally.adapters.postgres.audit_log import PostgresAuditLog
from athlete_ally.adapters.postgres.pool import close_pool, open_pool
from athlete_ally.adapters.postgres.records import PostgresRecords
from athlete_ally.config.environment_file import environment_of
from athlete_ally.config.settings import Settings
from athlete_ally.console.access import Attempts, Sessions
from athlete_ally.console.alarms import Situation
from athlete_ally.console.app import build_app
from athlete_ally.console.dead_letters import DeadLetterTools
from athlete_ally.console.flow import Flow, build_flow
from athlete_ally.console.layout import NavigationEntry, PageLayout, build_templates
from athlete_ally.console.letter_counts import Counting
from athlete_ally.console.pages.flow_page import flow_routes
from athlete_ally.console.pages.groups_page import GroupPages
from athlete_ally.console.pages.letters_page import letter_routes
from athlete_ally.console.pages.records_page import RecordPages
from athlete_ally.console.pages.replays_page import ReplayPages
from athlete_ally.console.pages.streams_page import stream_routes
from athlete_ally.console.pages.try_page import TryPages
from athlete_ally.console.poller import Poller
from athlete_ally.console.replays import Replays
from athlete_ally.console.sent_readings import Sent
from athlete_ally.core.broker.environment import EnvironmentSpec
from athlete_ally.core.broker.topology import Topology
from athlete_ally.core.errors import Unavailable
from athlete_ally.core.ports import Log
from athlete_ally.core.readings.sample_batch import SampleBatch
from athlete_ally.measurements import MEASUREMENTS
from athlete_ally.ops.streams.difference import wanted_of
from athlete_ally.ops.streams.overview import Overview, look
from athlete_ally.ops.streams.plan import Plan
from athlete_ally.ops.streams.planner import make_plan
from athlete_ally.wiring.builders import desired_topology, nats_connection, now, service_log
from athlete_ally.wiring.commands.dlq import build_letter_tools, new_run
from athlete_ally.wiring.services.console_auth import build_authentication, host_names
from athlete_ally.wiring.services.console_probes import broker_probe, database_probe, sender, service_probe
from athlete_ally.wiring.services.lifecycle import serve, unless_stopped

_CLOSE_POOL_S = 1.0
# A replay holds one for its lock; the pages need few.
_POOL_SIZE = 6
_END_REPLAYS_S = 5.0
# The first page shows figures instead of dashes; a source that hangs delays it no longer than this.
_FIRST_LOOK_WITHIN_S = 1.0
_SOURCES = ("broker", "database", "ingest", "normalize")
_NAVIGATION = (
    NavigationEntry("/", "Overview"),
    NavigationEntry("/letters", "Dead letters"),
    NavigationEntry("/streams", "Streams"),
    NavigationEntry("/records", "Records"),
    NavigationEntry("/try", "Try it"),
)
# The points of a time series are too many for a page; each other kind has a row for each reading.
_SHOWN = tuple(measurement for measurement in MEASUREMENTS if not issubclass(measurement.record_type, SampleBatch))


@dataclass(frozen=True, slots=True)
class _Dependencies:
    """The dependencies of the pages."""

    settings: Settings
    spec: EnvironmentSpec
    topology: Topology
    connection: Connection
    pool: "asyncpg.Pool[Any]"
    client: httpx.AsyncClient
    poller: Poller
    log: Log

    async def flow(self) -> Flow:
        await self.poller.looked(_FIRST_LOOK_WITHIN_S)
        world = Situation(*map(self.poller.source, _SOURCES))
        return build_flow(world, self.topology, self.spec.thresholds, self.poller.clock())

    def letter_tools(self) -> DeadLetterTools:
        self.require_broker()
        return build_letter_tools(self.settings, self.connection, self.pool, self.poller.source("database").problem)

    def journal(self) -> PostgresAuditLog:
        self.require_database()
        return PostgresAuditLog(self.pool)

    def records(self) -> PostgresRecords:
        self.require_database()
        return PostgresRecords(self.pool)

    async def overview(self) -> Overview:
        self.require_broker()
        return await look(NatsBroker(self.connection), wanted_of(self.topology))

    async def plan(self) -> Plan:
        wanted = wanted_of(self.topology)
        known = (each.name for each in wanted)
        return await make_plan(NatsBroker(self.connection), self.spec, wanted, now(), known)

    def require_database(self) -> None:
        """Raise at once instead of letting a page wait for a timeout."""
        if problem := self.poller.source("database").problem:
            raise Unavailable(f"PostgreSQL: {problem}")

    def require_broker(self) -> None:
        """Raise at once instead of letting a page wait for a timeout."""
        if not self.connection.is_usable:
            raise Unavailable(f"cannot connect to NATS at {self.connection.address}")


async def run_console(settings: Settings, stop: asyncio.Event) -> None:
    """Serve pages until `stop` is set. NATS and PostgreSQL may be unavailable; the pages say so.

    Raises:
        Misconfigured: the port is in use, or the console would be open to others.
    """
    log = service_log(settings, "console")
    authentication = build_authentication(settings, log)
    world = await _build_dependencies(settings, log)
    layout = PageLayout(
        authentication=authentication,
        sessions=Sessions(time.monotonic, lambda: secrets.token_urlsafe(32)),
        attempts=Attempts(time.monotonic),
        templates=build_templates(),
        navigation=_NAVIGATION,
        environment=settings.environment,
        log=log,
    )
    replays = Replays(world.letter_tools, new_run, log)
    app = build_app(layout, _pages(world, layout, replays), names=host_names(settings))
    server = HttpServer(
        app,
        host=settings.console_host,
        port=settings.console_port,
        drain_s=1,
        limits=settings.http_limits.with_single_headers(filter(None, [settings.console_proxy_header])),
        report=RefusalReport(log),
    )
    await server.open(option="--port or AA_CONSOLE_PORT")
    log.info("listening", host=settings.console_host, port=server.port, version=__version__)

    async def work() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(unless_stopped(stop, world.connection.open()))
            group.create_task(world.poller.run(stop))

    async def close() -> None:
        await replays.close(_END_REPLAYS_S)
        await world.connection.close()
        await world.client.aclose()
        await close_pool(world.pool, within_s=_CLOSE_POOL_S)

    await serve(stop, work(), close=[server.close, close], within_s=settings.shutdown_timeout_s, log=log)


async def _build_dependencies(settings: Settings, log: Log) -> _Dependencies:
    connection = nats_connection(settings, "console", log)
    pool = await open_pool(settings.database_url.get_secret_value(), size=_POOL_SIZE)
    client = httpx.AsyncClient(trust_env=False, limits=httpx.Limits(max_connections=8))
    monitor = NatsMonitor(settings.nats_monitor_urls, lambda: connection.server_id)
    topology = desired_topology(settings)
    probes = {
        "broker": broker_probe(connection, topology, monitor, log),
        "database": database_probe(pool),
        "ingest": service_probe(client, settings.ingest_url),
        "normalize": service_probe(client, settings.normalize_url),
    }
    return _Dependencies(
        settings, environment_of(settings), topology, connection, pool, client, Poller(probes, time.monotonic), log
    )


def _pages(world: _Dependencies, layout: PageLayout, replays: Replays) -> list[BaseRoute]:
    most_behind = world.spec.thresholds.consumer_lag_messages
    look_up = RecordPages(layout, world.records, NatsMessages(world.connection), _SHOWN, world.journal, now, new_run)
    send = sender(world.client, world.settings)
    return [
        *flow_routes(layout, world.flow),
        *GroupPages(layout, world.letter_tools, Counting(world.letter_tools, now), replays, now).routes(),
        *letter_routes(layout, world.letter_tools, world.journal, now, new_run),
        *ReplayPages(layout, replays, most_behind).routes(),
        *stream_routes(layout, world.overview, world.plan, lambda: world.poller.source("broker")),
        *look_up.routes(),
        *TryPages(layout, send, world.records, world.letter_tools, world.journal, now, new_run, Sent()).routes(),
    ]
