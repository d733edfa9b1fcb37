"""A doctor's round: look at everything that a healthy system needs; change nothing."""

import shutil
import sys
from collections.abc import AsyncGenerator, Sequence
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx

from athlete_ally import __version__
from athlete_ally.adapters.nats.admin import NatsAdmin
from athlete_ally.adapters.nats.connection import ApiError, Connection
from athlete_ally.adapters.postgres.errors import translated
from athlete_ally.adapters.postgres.migrate import pending
from athlete_ally.adapters.postgres.pool import server_version
from athlete_ally.config.settings import Settings, unknown_variables
from athlete_ally.core.errors import Misconfigured, Unavailable
from athlete_ally.core.topology import Topology
from athlete_ally.measurements import MEASUREMENTS
from athlete_ally.ops.checkup import (
    MIN_NATS,
    MIN_POSTGRES,
    Check,
    judge_clock,
    judge_disk,
    judge_room,
    judge_sync,
    judge_version,
)
from athlete_ally.ops.provision import inspect
from athlete_ally.wiring.builders import desired_topology, now
from athlete_ally.wiring.session import nats_session, postgres_session


async def check_up(settings: Settings) -> AsyncGenerator[Check]:
    """Yield one check after the other; what can't be reached is `unknown`, and nothing behind it is asked."""
    for check in _configuration(settings):
        yield check
    try:
        async with nats_session(settings) as connection:
            async for check in _nats(connection, settings):
                yield check
    except (Unavailable, Misconfigured) as error:
        yield Check("NATS", "unknown", str(error), "start the server, or set NATS_URL")
    try:
        async with postgres_session(settings) as pool:
            async for check in _postgres(pool):
                yield check
    except Unavailable as error:
        where = urlsplit(settings.database_url.get_secret_value())
        detail = f"{error} ({where.hostname}:{where.port or 5432})"
        yield Check("PostgreSQL", "unknown", detail, "start the server, or set DATABASE_URL")


def _configuration(settings: Settings) -> list[Check]:
    python = ".".join(map(str, sys.version_info[:3]))
    checks = [
        Check("athlete-ally", "ok", f"{__version__} on Python {python}"),
        Check("environment", "ok", settings.environment),
    ]
    if settings.ingest_keys_file is None:
        # Outside dev the settings would not have loaded.
        checks.append(Check("API keys", "ok", "none needed in dev: anybody who reaches ingest may send"))
    elif not settings.ingest_keys_file.exists():
        checks.append(
            Check("API keys", "failure", f"{settings.ingest_keys_file} is missing", "`athlete-ally keys create`")
        )
    else:
        checks.append(Check("API keys", "ok", str(settings.ingest_keys_file)))
    unknown = (
        Check("settings", "warning", warning, "correct its name, or unset it") for warning in unknown_variables()
    )
    return [*checks, *unknown]


async def _nats(connection: Connection, settings: Settings) -> AsyncGenerator[Check]:
    yield judge_version("NATS", connection.server_version, MIN_NATS)
    try:
        await connection.api("INFO")
    except ApiError as error:
        yield Check("JetStream", "failure", str(error), "enable JetStream in the server's configuration")
        return
    yield await _sync(settings.nats_monitor_url)
    topology = desired_topology(settings)
    admin = NatsAdmin(connection)
    findings = await inspect(admin, topology)
    for finding in findings:
        remedy = "" if finding.is_missing else "change it, or bring the server in line"
        yield Check("streams", "failure" if finding.is_vital else "warning", str(finding), remedy)
    if not findings:
        yield Check("streams", "ok", f"{len(topology.streams)} streams, {len(topology.durables)} durables as desired")
    for check in await _room(admin, topology, settings):
        yield check


async def _room(admin: NatsAdmin, topology: Topology, settings: Settings) -> Sequence[Check]:
    live = {stream.name: await admin.stream(stream.name) for stream in topology.streams}
    checks = [judge_room(name, stream.bytes, stream.max_bytes) for name, stream in live.items() if stream is not None]
    if (settings.data_dir / "nats").is_dir():
        growth = sum(max(0, stream.max_bytes - stream.bytes) for stream in live.values() if stream is not None)
        checks.append(judge_disk(shutil.disk_usage(settings.data_dir).free, growth))
    return checks


async def _sync(monitor_url: str | None) -> Check:
    remedy = "set AA_NATS_MONITOR_URL to the server's monitoring address"
    if monitor_url is None:
        return Check("sync to disk", "unknown", "the server's settings can't be read", remedy)
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
            answer: dict[str, Any] = (await client.get(f"{monitor_url.rstrip('/')}/varz")).raise_for_status().json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        return Check("sync to disk", "unknown", f"{monitor_url}: {type(error).__name__}", remedy)
    return judge_sync(answer.get("jetstream", {}).get("config", {}))


async def _postgres(pool: "asyncpg.Pool[Any]") -> AsyncGenerator[Check]:
    yield judge_version("PostgreSQL", await server_version(pool), MIN_POSTGRES)
    with translated():
        there = await pool.fetchval("SELECT clock_timestamp()")
    yield judge_clock(now(), there)
    try:
        missing = await pending(pool)
    except Misconfigured as error:
        yield Check("schema", "failure", str(error), "run the version of athlete-ally that made this schema, or newer")
        return
    if missing:
        yield Check("schema", "failure", f"{len(missing)} migrations are missing", "`athlete-ally migrate`")
        return
    yield Check("schema", "ok", "up to date")
    yield await _privileges(pool)


async def _privileges(pool: "asyncpg.Pool[Any]") -> Check:
    tables = [
        "receipt",
        "lone_start",
        "sample_series",
        "vendor_grant",
        "vendor_budget",
        "vendor_rest",
        *(measurement.table for measurement in MEASUREMENTS),
    ]
    with translated():
        lacking = await pool.fetch(
            "SELECT name FROM unnest($1::text[]) AS name "
            "WHERE NOT (has_table_privilege(name, 'SELECT') AND has_table_privilege(name, 'INSERT'))",
            tables,
        )
    if lacking:
        names = ", ".join(row["name"] for row in lacking)
        return Check("privileges", "failure", f"may not read and write {names}", "GRANT SELECT, INSERT, UPDATE, DELETE")
    return Check("privileges", "ok", "may read and write all tables")
