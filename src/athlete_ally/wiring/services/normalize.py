"""Build normalize from the settings and run it."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

import asyncpg

from athlete_ally import __version__
from athlete_ally.adapters.http.application import build_application
from athlete_ally.adapters.http.health import health_routes
from athlete_ally.adapters.http.refusal_report import RefusalReport
from athlete_ally.adapters.http.server import HttpServer
from athlete_ally.adapters.nats.admin import NatsAdmin
from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.adapters.nats.inbox import NatsInbox
from athlete_ally.adapters.nats.messages import NatsMessages
from athlete_ally.adapters.nats.monitor import NatsMonitor
from athlete_ally.adapters.nats.publisher import NatsPublisher
from athlete_ally.adapters.postgres.migrate import require_current_schema
from athlete_ally.adapters.postgres.pool import close_pool, open_pool
from athlete_ally.adapters.postgres.receipts import PostgresReceipts
from athlete_ally.adapters.postgres.store import PostgresStore
from athlete_ally.adapters.postgres.stream_lives import PostgresLives
from athlete_ally.adapters.postgres.webhook_store import PostgresWebhookStore
from athlete_ally.adapters.prometheus import PrometheusObserver
from athlete_ally.config.settings import Settings
from athlete_ally.core.broker.topology import (
    CORE_HOT,
    REAP_ADVISORIES_DURABLE,
    VENDOR_HOT,
    Topology,
    fetch_durable,
    normalize_durable,
    unpack_durable,
)
from athlete_ally.core.circuit_breaker import BreakerLimits, CircuitBreaker
from athlete_ally.core.ports import Inbox, Log, Publisher, Store, Tracing
from athlete_ally.core.readings.measurement import Measurement, Rules
from athlete_ally.core.series import (
    BrokerSeries,
    NormalizeSeries,
    UnpackSeries,
    broker_series,
    every,
    http_series,
    normalize_series,
    unpack_series,
)
from athlete_ally.core.vendor.plugin import Vendor
from athlete_ally.core.verdict import RetryPolicy
from athlete_ally.core.watched_publisher import WatchedPublisher
from athlete_ally.measurements import KINDS, MEASUREMENTS
from athlete_ally.normalize.advisory_worker import AdvisoryWorker
from athlete_ally.normalize.lane_breaker import Lane, LaneBreaker, stored_lane, unpacked_lane
from athlete_ally.normalize.ledger import LedgerLine, ReceiptLedger
from athlete_ally.normalize.metrics_poller import MetricsPoller
from athlete_ally.normalize.report import Reporter
from athlete_ally.normalize.retry import UnboundedRetry, shown_on
from athlete_ally.normalize.stream_lives import StreamLives
from athlete_ally.normalize.unpack_worker import Unpacker, UnpackTools
from athlete_ally.normalize.worker import Tools, Work, Worker
from athlete_ally.ops.streams.provision import inspect
from athlete_ally.vendors import FETCHED
from athlete_ally.wiring.builders import desired_topology, known_vendors, nats_connection, now, service_log
from athlete_ally.wiring.services.lifecycle import require_topology, serve, unless_stopped, until_available
from athlete_ally.wiring.services.readiness import cached, worker_reasons
from athlete_ally.wiring.services.traces import build_tracing

_WATCH_EVERY_S = 2.0
_CLOSE_POOL_S = 1.0
# Devices that synchronise once a day, and the site of a single client, are known after any restart.
_PROVEN_WITHIN = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Wrappers:
    """Lets a test wrap the adapters, so that a real process can be made to die at a chosen moment."""

    inbox: Callable[[Inbox], Inbox] = lambda inbox: inbox
    store: Callable[[Store], Store] = lambda store: store
    publisher: Callable[[Publisher], Publisher] = lambda publisher: publisher
    measurement: Callable[[Measurement], Measurement] = lambda measurement: measurement


@dataclass(frozen=True, slots=True)
class _Dependencies:
    """The adapters that all workers share."""

    settings: Settings
    topology: Topology
    connection: Connection
    pool: "asyncpg.Pool[Any]"
    observer: PrometheusObserver
    series: NormalizeSeries
    broker_series: BrokerSeries
    unpack_series: UnpackSeries
    tracing: Tracing
    log: Log
    wrappers: Wrappers
    publisher: WatchedPublisher
    retries: list[UnboundedRetry] = field(default_factory=list[UnboundedRetry])


async def run_normalize(settings: Settings, stop: asyncio.Event, *, wrappers: Wrappers = Wrappers()) -> None:
    """Normalise until `stop` is set, then finish the messages in progress.

    Raises:
        Misconfigured: the port is in use, or the schema, a stream or a durable is not as required.
    """
    log = service_log(settings, "normalize")
    vendors = [vendor.name for vendor in known_vendors(settings)]
    series = normalize_series(KINDS, vendors)
    letters = [subject for *_, subject in series.dead_letters.values]
    # Read once: what a service is bound to and what it compares with the server are the same for as long as it runs.
    topology = desired_topology(settings)
    of_broker = broker_series(topology, letters)
    of_unpacking = unpack_series(vendors, FETCHED)
    observer = PrometheusObserver(every(series, of_broker, of_unpacking, http_series()))
    observer.set(series.build, "normalize", __version__, value=1)
    connection = nats_connection(
        settings, "normalize", log, on_denied=lambda action: observer.count(series.denied, action)
    )
    pool = await open_pool(settings.database_url.get_secret_value(), size=settings.database_pool_size)
    tracing = build_tracing("normalize", log)
    publisher = WatchedPublisher(NatsPublisher(connection, timeout_s=settings.publish_timeout_s), time.monotonic)
    world = _Dependencies(
        settings,
        topology,
        connection,
        pool,
        observer,
        series,
        of_broker,
        of_unpacking,
        tracing,
        log,
        wrappers,
        publisher,
    )
    workers: list[Worker | Unpacker] = []
    reasons = cached(lambda: worker_reasons(connection, pool, topology, world.retries, publisher))

    async def readiness() -> list[str]:
        return [*(worker.stopped for worker in workers if worker.stopped), *await reasons()]

    def about() -> dict[str, Any]:
        return {"service": "normalize", "version": __version__, "host": settings.normalize_host, "port": server.port}

    async def close() -> None:
        # The work has ended or used up its time: calls that wait for a silent database are cancelled.
        await close_pool(pool, within_s=_CLOSE_POOL_S)

    app = build_application(health_routes(about, readiness, observer))
    server = HttpServer(
        app,
        host=settings.normalize_host,
        port=settings.normalize_port,
        drain_s=1,
        limits=settings.http_limits,
        report=RefusalReport(log, observer),
    )
    await server.open(option="--port or AA_NORMALIZE_PORT")
    log.info("listening", host=settings.normalize_host, port=server.port, version=__version__)
    await serve(
        stop,
        _work(world, workers, stop),
        close=[server.close, connection.close, close, tracing.close],
        within_s=settings.shutdown_timeout_s,
        log=log,
    )


async def _work(world: _Dependencies, workers: list[Worker | Unpacker], stop: asyncio.Event) -> None:
    """Connect, check everything, then run one worker for each kind and the metrics poller."""
    if not await unless_stopped(stop, _until_all_is_there(world)):
        return
    async with asyncio.TaskGroup() as group:
        for measurement in MEASUREMENTS:
            worker = await _worker(world, measurement, stop)
            workers.append(worker)
            group.create_task(worker.run(stop))
        for vendor in known_vendors(world.settings):
            unpacker = await _unpacker(world, vendor, stop)
            workers.append(unpacker)
            group.create_task(unpacker.run(stop))
        group.create_task((await _advisory_worker(world, stop)).run(stop))
        group.create_task(_watch(world).run(stop))


async def _until_all_is_there(world: _Dependencies) -> None:
    await world.connection.open()
    topology = world.topology
    await until_available(lambda: require_topology(world.connection, topology), world.log)
    await until_available(lambda: require_current_schema(world.pool), world.log)


def _retry(world: _Dependencies, durable: str, stop: asyncio.Event) -> UnboundedRetry:
    on_hold = shown_on(world.observer, world.series.holding, durable)
    retry = UnboundedRetry(durable, stop=stop, log=world.log, on_hold=on_hold, jitter=random.random)
    world.retries.append(retry)
    return retry


def _publisher(world: _Dependencies) -> Publisher:
    return world.tracing.publisher(world.wrappers.publisher(world.publisher))


async def _proven_senders(world: _Dependencies, kind: str) -> frozenset[str]:
    """Return the senders whose readings of a kind were of use before this process started."""
    return await PostgresReceipts(world.pool).proven_senders(kind, CORE_HOT, now() - _PROVEN_WITHIN)


def _breaker(world: _Dependencies, lane: Lane, proven: frozenset[str] = frozenset()) -> LaneBreaker:
    settings = world.settings
    limits = BreakerLimits(
        settings.fuse_consecutive, settings.fuse_window, settings.fuse_share, settings.fuse_probe_after_s
    )
    breaker = CircuitBreaker(limits, proven)
    return LaneBreaker(lane, breaker, observer=world.observer, series=world.series, log=world.log, now=now)


async def _worker(world: _Dependencies, measurement: Measurement, stop: asyncio.Event) -> Worker:
    settings = world.settings
    inbox = NatsInbox(world.connection, world.topology.durable(normalize_durable(measurement.kind)))
    await inbox.open()
    proven = await until_available(lambda: _proven_senders(world, measurement.kind), world.log)
    reporter = Reporter(measurement.kind, world.series, world.observer, world.log)
    tools = Tools(
        inbox=world.tracing.inbox(world.wrappers.inbox(inbox)),
        store=world.tracing.store(world.wrappers.store(PostgresStore(world.pool))),
        publisher=_publisher(world),
        retry=_retry(world, normalize_durable(measurement.kind), stop),
        reporter=reporter,
        now=now,
    )
    work = Work(
        measurement=world.wrappers.measurement(measurement),
        rules=Rules(artefact_filter=settings.hrv_artefact_filter),
        policy=RetryPolicy(max_deliver=settings.normalize_max_deliver),
        batch=settings.normalize_batch,
    )
    return Worker(work, tools, _breaker(world, stored_lane(measurement.kind), proven))


async def _unpacker(world: _Dependencies, vendor: Vendor, stop: asyncio.Event) -> Unpacker:
    settings = world.settings
    inbox = NatsInbox(world.connection, world.topology.durable(unpack_durable(vendor.name)))
    await inbox.open()
    tools = UnpackTools(
        inbox=world.tracing.inbox(world.wrappers.inbox(inbox)),
        webhook_store=PostgresWebhookStore(world.pool),
        publisher=_publisher(world),
        retry=_retry(world, unpack_durable(vendor.name), stop),
        observer=world.observer,
        series=world.unpack_series,
        work_series=world.series,
        log=world.log,
        now=now,
    )
    kinds = {measurement.kind: measurement for measurement in MEASUREMENTS}
    breaker = _breaker(world, unpacked_lane(vendor.name))
    policy = RetryPolicy(max_deliver=settings.normalize_max_deliver)
    return Unpacker(vendor, kinds, tools, breaker, policy=policy, batch=settings.normalize_batch)


async def _advisory_worker(world: _Dependencies, stop: asyncio.Event) -> AdvisoryWorker:
    topology = world.topology
    inbox = NatsInbox(world.connection, topology.durable(REAP_ADVISORIES_DURABLE))
    await inbox.open()
    return AdvisoryWorker(
        topology=topology,
        inbox=inbox,
        messages=NatsMessages(world.connection),
        publisher=_publisher(world),
        retry=_retry(world, REAP_ADVISORIES_DURABLE, stop),
        observer=world.observer,
        series=world.series,
        log=world.log,
        now=now,
    )


def _ledger_lines(world: _Dependencies, desired: Topology) -> list[LedgerLine]:
    """Return a line for each durable whose worker writes receipts."""
    receipts = PostgresReceipts(world.pool)
    vendors = [vendor.name for vendor in known_vendors(world.settings)]
    shown = world.unpack_series.unaccounted
    return [
        *(
            LedgerLine(
                desired.durable(normalize_durable(kind)),
                partial(receipts.stored, kind, CORE_HOT),
                world.series.kinds[kind].unaccounted,
            )
            for kind in KINDS
        ),
        *(
            LedgerLine(desired.durable(name(vendor)), partial(count, vendor, VENDOR_HOT), shown, (name(vendor),))
            for vendors, name, count in (
                (vendors, unpack_durable, receipts.unpacked),
                (FETCHED, fetch_durable, receipts.fetched),
            )
            for vendor in vendors
        ),
    ]


def _watch(world: _Dependencies) -> MetricsPoller:
    desired = world.topology
    admin = NatsAdmin(world.connection)
    lives = StreamLives(PostgresLives(world.pool), admin, world.log)

    async def differences() -> Counter[str]:
        return Counter(finding.name for finding in await inspect(admin, desired))

    return MetricsPoller(
        desired,
        broker=admin,
        ledger=ReceiptLedger(_ledger_lines(world, desired), admin, lives, world.observer),
        differences=differences,
        syncs_always=NatsMonitor(world.settings.nats_monitor_urls, lambda: world.connection.server_id).syncs_always,
        observer=world.observer,
        series=world.broker_series,
        log=world.log,
        now=now,
        every_s=_WATCH_EVERY_S,
    )
