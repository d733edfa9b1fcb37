"""Build fetch from the settings and run it."""

import asyncio
import random
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import httpx

from athlete_ally import __version__
from athlete_ally.adapters.encryption.tickets import TicketCipher
from athlete_ally.adapters.encryption.tokens import TokenCipher
from athlete_ally.adapters.http.application import build_application
from athlete_ally.adapters.http.health import health_routes
from athlete_ally.adapters.http.refusal_report import RefusalReport
from athlete_ally.adapters.http.server import HttpServer
from athlete_ally.adapters.http.vendor_api import HttpVendorApi
from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.adapters.nats.inbox import NatsInbox
from athlete_ally.adapters.nats.publisher import NatsPublisher
from athlete_ally.adapters.postgres.migrate import require_current_schema
from athlete_ally.adapters.postgres.pool import close_pool, open_pool
from athlete_ally.adapters.postgres.request_budget import PostgresRequestBudget
from athlete_ally.adapters.postgres.token_store import PostgresTokenStore
from athlete_ally.adapters.postgres.webhook_store import PostgresWebhookStore
from athlete_ally.adapters.prometheus import PrometheusObserver
from athlete_ally.config.settings import Settings
from athlete_ally.config.vendor_clients import load_clients
from athlete_ally.core.broker.topology import VENDOR_HOT, Topology, fetch_durable
from athlete_ally.core.ports import Inbox, Log, Publisher, Tracing
from athlete_ally.core.series import FetchSeries, every, fetch_series, http_series
from athlete_ally.core.vendor.plugin import Vendor
from athlete_ally.core.verdict import RetryPolicy
from athlete_ally.core.watched_publisher import WatchedPublisher
from athlete_ally.fetch.connect import ConnectService, connect_routes
from athlete_ally.fetch.resource import Fetcher
from athlete_ally.fetch.worker import FetchTools, FetchWorker
from athlete_ally.normalize.retry import UnboundedRetry, shown_on
from athlete_ally.vendors import FETCHED, PLUGINS
from athlete_ally.wiring.builders import desired_topology, nats_connection, now, service_log, token_keys
from athlete_ally.wiring.services.lifecycle import require_topology, serve, unless_stopped, until_available
from athlete_ally.wiring.services.message_journal import JournalOfService, build_journal, wanted_series
from athlete_ally.wiring.services.readiness import cached, worker_reasons
from athlete_ally.wiring.services.traces import build_tracing
from athlete_ally.wiring.vendor_api import vendor_api

_CLOSE_POOL_S = 1.0


@dataclass(frozen=True, slots=True)
class FetchWrappers:
    """Lets a test wrap the adapters, so that a real process can be made to die at a chosen moment."""

    inbox: Callable[[Inbox], Inbox] = lambda inbox: inbox
    publisher: Callable[[Publisher], Publisher] = lambda publisher: publisher


@dataclass(frozen=True, slots=True)
class _Dependencies:
    """The adapters that all workers share."""

    settings: Settings
    connection: Connection
    pool: "asyncpg.Pool[Any]"
    token_store: PostgresTokenStore
    apis: dict[str, HttpVendorApi]
    observer: PrometheusObserver
    series: FetchSeries
    tracing: Tracing
    journal: JournalOfService
    log: Log
    wrappers: FetchWrappers
    publisher: WatchedPublisher
    retries: list[UnboundedRetry] = field(default_factory=list[UnboundedRetry])


async def run_fetch(settings: Settings, stop: asyncio.Event, *, wrappers: FetchWrappers = FetchWrappers()) -> None:
    """Fetch until `stop` is set, then finish the messages in progress.

    Raises:
        Misconfigured: the port is in use, the key is missing, or schema, a stream or a durable is not as required.
    """
    log = service_log(settings, "fetch")
    keys = token_keys(settings)
    clients = load_clients(PLUGINS)
    series = fetch_series(FETCHED)
    observer = PrometheusObserver(every(series, http_series(), *wanted_series(settings)))
    observer.set(series.build, "fetch", __version__, value=1)
    connection = nats_connection(settings, "fetch", log, on_denied=lambda action: observer.count(series.denied, action))
    pool = await open_pool(settings.database_url.get_secret_value(), size=settings.database_pool_size)
    http = httpx.AsyncClient(trust_env=False)
    apis = {
        vendor.name: vendor_api(vendor.api, client, http)
        for vendor in PLUGINS
        if vendor.api is not None and (client := clients.get(vendor.name)) is not None
    }
    token_store = PostgresTokenStore(pool, TokenCipher(keys))
    tracing = build_tracing("fetch", log)
    publisher = WatchedPublisher(NatsPublisher(connection, timeout_s=settings.publish_timeout_s), time.monotonic)
    journal = build_journal(settings, "fetch", observer, log)
    world = _Dependencies(
        settings, connection, pool, token_store, apis, observer, series, tracing, journal, log, wrappers, publisher
    )
    topology = _needed(settings, sorted(apis))
    connecting = ConnectService(
        apis=apis,
        token_store=token_store,
        cipher=TicketCipher(keys),
        base_url=settings.connect_url,
        nonce=lambda: secrets.token_urlsafe(32),
        observer=observer,
        series=series,
        log=log,
    )

    def about() -> dict[str, Any]:
        return {"service": "fetch", "version": __version__, "host": settings.fetch_host, "port": server.port}

    async def close() -> None:
        await http.aclose()
        await close_pool(pool, within_s=_CLOSE_POOL_S)

    reasons = cached(lambda: worker_reasons(connection, pool, topology, world.retries, publisher))

    async def readiness() -> list[str]:
        return [*await reasons(), *journal.problems()]

    app = build_application([*connect_routes(connecting), *health_routes(about, readiness, observer)])
    server = HttpServer(
        app,
        host=settings.fetch_host,
        port=settings.fetch_port,
        drain_s=settings.shutdown_timeout_s,
        limits=settings.http_limits,
        report=RefusalReport(log, observer),
    )
    await server.open(option="--port or AA_FETCH_PORT")
    log.info("listening", host=settings.fetch_host, port=server.port, version=__version__, vendors=sorted(apis))
    await serve(
        stop,
        _work(world, topology, stop),
        close=[server.close, journal.close, connection.close, close, tracing.close],
        within_s=settings.shutdown_timeout_s,
        log=log,
    )


def _needed(settings: Settings, vendors: list[str]) -> Topology:
    """Return the part of the topology that fetch uses."""
    whole = desired_topology(settings)
    durables = tuple(whole.durable(fetch_durable(vendor)) for vendor in vendors)
    return Topology(settings.environment, (whole.stream(VENDOR_HOT),), durables)


async def _work(world: _Dependencies, topology: Topology, stop: asyncio.Event) -> None:
    """Connect, check everything, then run one worker for each vendor."""
    await world.journal.open()

    async def until_all_is_there() -> None:
        await world.connection.open()
        await until_available(lambda: require_topology(world.connection, topology), world.log)
        await until_available(lambda: require_current_schema(world.pool), world.log)

    if not await unless_stopped(stop, until_all_is_there()):
        return
    async with asyncio.TaskGroup() as group:
        for vendor in PLUGINS:
            if vendor.name in world.apis:
                worker = await _worker(world, vendor, topology, stop)
                group.create_task(worker.run(stop))
        await stop.wait()


async def _worker(world: _Dependencies, vendor: Vendor, topology: Topology, stop: asyncio.Event) -> FetchWorker:
    assert vendor.api is not None  # noqa: S101  # it is among the APIs
    inbox = NatsInbox(world.connection, topology.durable(fetch_durable(vendor.name)))
    await inbox.open()

    on_hold = shown_on(world.observer, world.series.holding, vendor.name)
    fetcher = Fetcher(
        vendor=vendor.name,
        api=vendor.api,
        client=world.apis[vendor.name],
        token_store=world.token_store,
        budget=PostgresRequestBudget(world.pool),
        now=now,
        on_refresh=lambda: world.observer.count(world.series.refreshes, vendor.name),
    )
    retry = UnboundedRetry(fetch_durable(vendor.name), stop=stop, log=world.log, on_hold=on_hold, jitter=random.random)
    world.retries.append(retry)
    tools = FetchTools(
        inbox=world.tracing.inbox(world.wrappers.inbox(inbox)),
        publisher=world.journal.around(world.tracing.publisher(world.wrappers.publisher(world.publisher))),
        fetcher=fetcher,
        webhook_store=PostgresWebhookStore(world.pool),
        retry=retry,
        observer=world.observer,
        series=world.series,
        tracing=world.tracing,
        log=world.log,
        now=now,
        jitter=random.random,
    )
    return FetchWorker(vendor, tools, RetryPolicy(max_deliver=world.settings.normalize_max_deliver))
