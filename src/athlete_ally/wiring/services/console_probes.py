"""The console's probe of each source, and its sender of example readings."""

import time
from collections import Counter
from http import HTTPStatus
from typing import Any

import asyncpg
import httpx

from athlete_ally.adapters.nats.admin import NatsAdmin
from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.adapters.nats.monitor import NatsMonitor
from athlete_ally.adapters.postgres.migrate import require_current_schema
from athlete_ally.adapters.postgres.pool import estimated_rows, server_version
from athlete_ally.adapters.prometheus import read_exposition
from athlete_ally.config.settings import Settings
from athlete_ally.console.figures import Figures, Point
from athlete_ally.console.flow import ROWS
from athlete_ally.console.poller import Look, Polled
from athlete_ally.console.sent_readings import Answer, Send
from athlete_ally.core.broker.topology import Topology
from athlete_ally.core.errors import Misconfigured, Unavailable
from athlete_ally.core.ports import Log
from athlete_ally.core.series import Series, broker_series, normalize_series
from athlete_ally.measurements import KINDS
from athlete_ally.normalize.metrics_poller import MetricsPoller
from athlete_ally.ops.streams.provision import inspect
from athlete_ally.vendors import VENDORS
from athlete_ally.wiring.builders import now

_ANSWER_WITHIN_S = 3.0
# Ingest itself waits for the stream for AA_PUBLISH_TIMEOUT_S, 5 s by default.
_SEND_WITHIN_S = 10.0


class _Recorder:
    """An observer that keeps the figures for a page instead of a scrape."""

    def __init__(self) -> None:
        self._points: dict[tuple[str, tuple[str, ...]], Point] = {}

    def figures(self) -> Figures:
        return Figures(self._points.values())

    def set(self, series: Series, *labels: str, value: float) -> None:
        named = dict(zip(series.labels, labels, strict=True))
        self._points[series.name, labels] = Point(series.name, named, float(value))

    def count(self, series: Series, *labels: str, by: float = 1) -> None:
        del series, labels, by

    def observe(self, series: Series, *labels: str, value: float, trace_id: str | None = None) -> None:
        del series, labels, value, trace_id


class _NoLedger:
    """An empty ledger: normalize has the real one, and a second would make the database count twice."""

    async def balance(self) -> float:
        return 0.0


def broker_probe(connection: Connection, desired: Topology, monitor: NatsMonitor, log: Log) -> Look:
    """Return the probe of streams and durables; it runs the code that produces normalize's series."""
    recorder, admin = _Recorder(), NatsAdmin(connection)
    letters = normalize_series(KINDS, VENDORS).dead_letters
    series = broker_series(desired, [subject for *_, subject in letters.values])

    async def differences() -> Counter[str]:
        return Counter(finding.name for finding in await inspect(admin, desired))

    watch = MetricsPoller(
        desired,
        broker=admin,
        ledger=_NoLedger(),
        differences=differences,
        syncs_always=monitor.syncs_always,
        observer=recorder,
        series=series,
        log=log,
        now=now,
        every_s=0,
    )

    async def look() -> Polled:
        if not connection.is_usable:
            raise Unavailable(f"cannot connect to {connection.address}")
        await watch.look()
        figures = recorder.figures()
        if not figures.worst(series.watch_success.name):
            raise Unavailable("connected, but JetStream does not answer")
        return Polled(figures, {"version": connection.server_version})

    return look


def database_probe(pool: "asyncpg.Pool[Any]") -> Look:
    """Return the probe of the database."""

    async def look() -> Polled:
        started_s = time.monotonic()
        version = await server_version(pool)
        facts = {"version": version, "answers in": f"{(time.monotonic() - started_s) * 1000:.0f} ms"}
        try:
            await require_current_schema(pool)
        except Misconfigured as error:
            return Polled(facts=facts, problem=str(error))
        return Polled(Figures([Point(ROWS, {}, float(await estimated_rows(pool)))]), facts)

    return look


def service_probe(client: httpx.AsyncClient, url: str) -> Look:
    """Return the probe of a service: its health and its series."""

    async def look() -> Polled:
        try:
            about: dict[str, Any] = (await client.get(f"{url}/health", timeout=_ANSWER_WITHIN_S)).json()
            ready = await client.get(f"{url}/health/ready", timeout=_ANSWER_WITHIN_S)
            text = (await client.get(f"{url}/metrics", timeout=_ANSWER_WITHIN_S)).text
            figures = Figures(Point(*sample) for sample in read_exposition(text))
        except (httpx.HTTPError, ValueError, KeyError) as error:
            raise Unavailable(f"no answer at {url}") from error
        reasons: list[Any] = []
        if ready.status_code != HTTPStatus.OK:
            reasons = ready.json().get("reasons", ["not ready"])
        return Polled(figures, {"version": str(about.get("version", ""))}, "; ".join(map(str, reasons)))

    return look


def sender(client: httpx.AsyncClient, settings: Settings) -> Send:
    """Return the sender of readings to ingest over HTTP, with a key if the settings name its file."""

    async def send(kind: str, body: bytes) -> Answer:
        headers = {"Content-Type": "application/json", **_authorization(settings)}
        started_s = time.monotonic()
        try:
            url = f"{settings.ingest_url}/api/v1/ingest/{kind}"
            response = await client.post(url, content=body, headers=headers, timeout=_SEND_WITHIN_S)
            document: dict[str, Any] = response.json()
        except (httpx.HTTPError, ValueError) as error:
            return Answer(
                0, {"detail": f"cannot connect to ingest at {settings.ingest_url} ({type(error).__name__})"}, 0
            )
        return Answer(response.status_code, document, (time.monotonic() - started_s) * 1000)

    return send


def _authorization(settings: Settings) -> dict[str, str]:
    path = settings.console_ingest_key_file
    if path is None:
        return {}
    try:
        return {"Authorization": f"Bearer {path.read_text(encoding='utf-8').strip()}"}
    except (OSError, UnicodeDecodeError) as error:
        raise Unavailable(f"AA_CONSOLE_INGEST_KEY_FILE can't be read: {type(error).__name__}") from error
