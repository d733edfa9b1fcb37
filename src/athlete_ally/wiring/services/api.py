"""Build the API from the settings and run it."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import asyncpg

from athlete_ally import __version__
from athlete_ally.adapters.encryption.tickets import TicketCipher
from athlete_ally.adapters.files.key_file import WatchedKeyFile
from athlete_ally.adapters.http.docs import docs_routes
from athlete_ally.adapters.http.health import health_routes
from athlete_ally.adapters.http.refusal_report import RefusalReport
from athlete_ally.adapters.http.server import HttpServer
from athlete_ally.adapters.postgres.change_feed import PostgresChangeFeed
from athlete_ally.adapters.postgres.errors import translated
from athlete_ally.adapters.postgres.migrate import require_current_schema
from athlete_ally.adapters.postgres.people_reader import PostgresPeopleReader
from athlete_ally.adapters.postgres.pool import close_pool, open_pool
from athlete_ally.adapters.postgres.record_reader import PostgresRecordReader
from athlete_ally.adapters.postgres.sample_reader import PostgresSampleReader
from athlete_ally.adapters.prometheus import PrometheusObserver
from athlete_ally.api.access import Access, Keys
from athlete_ally.api.app import PATHS, build_app
from athlete_ally.api.changes_watch import ChangesWatch
from athlete_ally.api.limits import Limits
from athlete_ally.api.openapi import build_openapi
from athlete_ally.api.service import ReadService
from athlete_ally.config.settings import Settings
from athlete_ally.core.errors import Unavailable
from athlete_ally.core.ports import Log
from athlete_ally.core.series import api_series, every, http_series
from athlete_ally.measurements import MEASUREMENTS
from athlete_ally.wiring.builders import now, service_log
from athlete_ally.wiring.services.lifecycle import serve, unless_stopped, until_available
from athlete_ally.wiring.services.readiness import cached
from athlete_ally.wiring.services.traces import build_tracing

_CLOSE_POOL_S = 1.0


async def run_api(settings: Settings, stop: asyncio.Event) -> None:
    """Serve until `stop` is set, then let readers of the feed go.

    Raises:
        Misconfigured: the port is in use, or the schema is not the one that this version knows.
    """
    log = service_log(settings, "api")
    pool = await _pool(settings, settings.api_pool_size, settings.api_statement_timeout_s)
    streams = await _pool(settings, settings.api_max_streams, settings.api_stream_timeout_s)

    async def close() -> None:
        await close_pool(streams, within_s=_CLOSE_POOL_S)
        await close_pool(pool, within_s=_CLOSE_POOL_S)

    if not await unless_stopped(stop, until_available(lambda: require_current_schema(pool), log)):
        await close()
        return
    series = api_series()
    observer = PrometheusObserver(every(series, http_series()))
    observer.set(series.build, "api", __version__, value=1)
    tracing = build_tracing("api", log)
    cipher = TicketCipher(await _secret(pool))
    feed = PostgresChangeFeed(pool, MEASUREMENTS)
    watch = ChangesWatch(feed)
    service = ReadService(
        measurements=MEASUREMENTS,
        people=PostgresPeopleReader(pool, MEASUREMENTS),
        records=PostgresRecordReader(pool, streams),
        samples=PostgresSampleReader(pool),
        feed=feed,
        watch=watch,
        access=Access(_key_source(settings, log), cipher, now),
        cipher=cipher,
        limits=Limits(
            per_minute=settings.api_requests_per_minute,
            at_once=settings.api_max_in_flight,
            at_once_of_one=max(1, settings.api_max_in_flight // 2),
            clock=time.monotonic,
        ),
        observer=observer,
        series=series,
        now=now,
        log=log,
    )

    async def reasons() -> list[str]:
        try:
            await feed.newest()
        except Unavailable as error:
            return [str(error)]
        return []

    async def readiness() -> list[str]:
        found = await looked()
        observer.set(series.ready, value=float(not found))
        return found

    looked = cached(reasons)

    def about() -> dict[str, Any]:
        return {"service": "api", "version": __version__, "host": settings.api_host, "port": server.port}

    docs = docs_routes(build_openapi(MEASUREMENTS, __version__))
    app = tracing.app(build_app(service, [*health_routes(about, readiness, observer), *docs]), PATHS)
    server = HttpServer(
        app,
        host=settings.api_host,
        port=settings.api_port,
        drain_s=settings.shutdown_timeout_s,
        limits=settings.http_limits,
        report=RefusalReport(log, observer),
    )
    await server.open(option="--port or AA_API_PORT")
    log.info("listening", host=settings.api_host, port=server.port, version=__version__)
    close_all = [watch.close, server.close, close, tracing.close]
    await serve(stop, _until(stop), close=close_all, within_s=settings.shutdown_timeout_s, log=log)


async def _pool(settings: Settings, size: int, timeout_s: float) -> "asyncpg.Pool[Any]":
    url = settings.read_database_url or settings.database_url
    name = "AA_READ_DATABASE_URL" if settings.read_database_url else "DATABASE_URL"
    return await open_pool(url.get_secret_value(), size=size, name=name, statement_timeout_s=timeout_s)


async def _until(stop: asyncio.Event) -> None:
    await stop.wait()


async def _secret(pool: "asyncpg.Pool[Any]") -> str:
    """Return the key that encrypts cursors and tokens: one for all processes, as long as the database lives."""
    async with translated(pool):
        return str(await pool.fetchval("SELECT secret FROM api_secret"))


def _key_source(settings: Settings, log: Log) -> Callable[[], Keys | None]:
    if settings.ingest_keys_file is None:
        log.warning("open-to-all", remedy="anyone who can reach the port may read; set AA_INGEST_KEYS_FILE")
        return lambda: None
    return WatchedKeyFile(settings.ingest_keys_file, Keys, log)
