"""Build ingest from the settings and run it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Any

from athlete_ally import __version__
from athlete_ally.adapters.files.key_file import WatchedKeyFile
from athlete_ally.adapters.http.docs import docs_routes
from athlete_ally.adapters.http.health import health_routes
from athlete_ally.adapters.http.refusal_report import RefusalReport
from athlete_ally.adapters.http.server import HttpServer
from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.adapters.nats.publisher import NatsPublisher
from athlete_ally.adapters.prometheus import PrometheusObserver
from athlete_ally.config.settings import Settings, require_keys
from athlete_ally.config.vendor_secrets import load_secrets
from athlete_ally.core.broker.topology import CORE_HOT, VENDOR_HOT, Topology
from athlete_ally.core.ports import Log, MessageJournal, Publisher
from athlete_ally.core.series import every, http_series, ingest_series, webhook_series
from athlete_ally.core.vendor.plugin import Vendor
from athlete_ally.core.vendor.signature import headers_of
from athlete_ally.core.watched_publisher import WatchedPublisher
from athlete_ally.ingest.accept import Acceptor
from athlete_ally.ingest.admission import Admission, WebhookShares
from athlete_ally.ingest.app import PATHS, IngestService, build_app
from athlete_ally.ingest.keys import KeyRing
from athlete_ally.ingest.openapi import build_openapi
from athlete_ally.ingest.store_webhook import WebhookKeeper
from athlete_ally.ingest.webhooks import PATHS as WEBHOOK_PATHS
from athlete_ally.ingest.webhooks import WebhookService, webhook_routes
from athlete_ally.measurements import KINDS, MEASUREMENTS
from athlete_ally.wiring.builders import desired_topology, known_vendors, nats_connection, now, service_log
from athlete_ally.wiring.services.lifecycle import require_topology, serve, unless_stopped, until_available
from athlete_ally.wiring.services.message_journal import build_journal, unchanged, wanted_series
from athlete_ally.wiring.services.readiness import cached, ingest_reasons
from athlete_ally.wiring.services.traces import build_tracing

_TELL_EVERY_S = 5.0


def _as_it_is(publisher: Publisher) -> Publisher:
    return publisher


async def run_ingest(
    settings: Settings,
    stop: asyncio.Event,
    *,
    wrap_publisher: Callable[[Publisher], Publisher] = _as_it_is,
    wrap_journal: Callable[[MessageJournal], MessageJournal] = unchanged,
) -> None:
    """Serve until `stop` is set, then drain. The wrappers let a test make a real process die at a chosen moment.

    Raises:
        Misconfigured: the port is in use, a stream is missing or differs, or the broker refuses the connection.
    """
    require_keys(settings)
    log = service_log(settings, "ingest")
    vendors = known_vendors(settings)
    names = [vendor.name for vendor in vendors]
    secrets = load_secrets(vendors)
    series, of_webhooks = ingest_series(KINDS), webhook_series(names)
    observer = PrometheusObserver(every(series, of_webhooks, http_series(), *wanted_series(settings)))
    observer.set(series.build, "ingest", __version__, value=1)
    observer.set(series.most_in_flight, value=settings.ingest_max_in_flight)
    connection = nats_connection(
        settings, "ingest", log, on_denied=lambda action: observer.count(series.denied, action)
    )
    tracing = build_tracing("ingest", log)
    watched = WatchedPublisher(NatsPublisher(connection, timeout_s=settings.publish_timeout_s), time.monotonic)
    journal = build_journal(settings, "ingest", observer, log, wrap_journal)
    publisher = journal.around(tracing.publisher(wrap_publisher(watched)))
    webhooks = WebhookService(
        vendors={vendor.name: vendor for vendor in vendors},
        secrets=secrets,
        keeper=WebhookKeeper(publisher),
        shares=WebhookShares.build(
            sorted(secrets),
            max_requests=settings.ingest_max_in_flight,
            max_bytes=settings.ingest_max_webhook_bytes_in_flight,
        ),
        max_body_bytes=settings.ingest_max_body_bytes,
        observer=observer,
        series=of_webhooks,
        now=now,
        log=log,
    )
    service = IngestService(
        measurements={measurement.kind: measurement for measurement in MEASUREMENTS},
        acceptor=Acceptor(
            publisher, observer=observer, series=series, now=now, max_readings=settings.ingest_max_readings
        ),
        admission=Admission(settings.ingest_max_in_flight, settings.ingest_max_in_flight_bytes),
        keys=_key_source(settings, log),
        max_body_bytes=settings.ingest_max_body_bytes,
        observer=observer,
        series=series,
        now=now,
        log=log,
    )
    topology = _needed(desired_topology(settings))
    reasons = cached(lambda: ingest_reasons(connection, watched, topology))

    async def readiness() -> list[str]:
        found = [*await reasons(), *journal.problems()]
        observer.set(series.ready, value=float(not found))
        return found

    def about() -> dict[str, Any]:
        return {"service": "ingest", "version": __version__, "host": settings.ingest_host, "port": server.port}

    docs = docs_routes(build_openapi(MEASUREMENTS, names, __version__))
    routes = [*webhook_routes(webhooks), *health_routes(about, readiness, observer), *docs]
    app = tracing.app(build_app(service, routes), (*PATHS, *WEBHOOK_PATHS))
    server = HttpServer(
        app,
        host=settings.ingest_host,
        port=settings.ingest_port,
        drain_s=settings.shutdown_timeout_s,
        limits=settings.http_limits.with_single_headers(_single_headers(vendors)),
        report=RefusalReport(log, observer),
    )
    await server.open(option="--port or AA_INGEST_PORT")
    log.info("listening", host=settings.ingest_host, port=server.port, version=__version__)
    # Names only: a secret under a wrong name shows here as a closed route.
    log.info("webhooks", taken_from=sorted(secrets))

    async def work() -> None:
        await journal.open()
        async with asyncio.TaskGroup() as group:
            group.create_task(_stay_connected(connection, topology, stop, log))
            group.create_task(_keep_telling(readiness, stop))

    close = [server.close, journal.close, connection.close, tracing.close]
    await serve(stop, work(), close=close, within_s=settings.shutdown_timeout_s, log=log)


def _needed(topology: Topology) -> Topology:
    """Return the streams that ingest writes to, and no durable: it must accept readings while workers are down."""
    hot = tuple(stream for stream in topology.streams if stream.name in {CORE_HOT, VENDOR_HOT})
    return Topology(topology.environment, hot, ())


async def _stay_connected(connection: Connection, topology: Topology, stop: asyncio.Event, log: Log) -> None:
    """Connect and check the streams; requests need nothing more."""
    if await unless_stopped(stop, connection.open()):
        await unless_stopped(stop, until_available(lambda: require_topology(connection, topology), log))
    await stop.wait()


async def _keep_telling(readiness: Callable[[], Awaitable[object]], stop: asyncio.Event) -> None:
    """Update readiness regularly, so that the series is right even without probes."""
    while not stop.is_set():
        await readiness()
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _TELL_EVERY_S)


def _key_source(settings: Settings, log: Log) -> Callable[[], KeyRing | None]:
    if settings.ingest_keys_file is None:
        log.warning("open-to-all", remedy="anyone who can reach the port may send data; set AA_INGEST_KEYS_FILE")
        return lambda: None
    return WatchedKeyFile(settings.ingest_keys_file, KeyRing, log)


def _single_headers(vendors: Iterable[Vendor]) -> set[str]:
    """Return the headers by which vendors prove who they are, and which they are asked to send."""
    return {name for vendor in vendors for name in (*headers_of(vendor.signature), *vendor.kept_headers)}
