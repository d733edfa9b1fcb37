"""The checks of `athlete-ally doctor`; read-only."""

import shutil
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg

from athlete_ally import __version__
from athlete_ally.adapters.files.message_journal.reader import look_at_folder
from athlete_ally.adapters.nats.admin import NatsAdmin
from athlete_ally.adapters.nats.broker import NatsBroker
from athlete_ally.adapters.nats.connection import ApiError, Connection
from athlete_ally.adapters.nats.monitor import ask_cluster
from athlete_ally.adapters.postgres.database_state import database_state
from athlete_ally.adapters.postgres.errors import POOLER_REMEDY, translated
from athlete_ally.adapters.postgres.migrate import pending
from athlete_ally.adapters.postgres.pool import server_version
from athlete_ally.adapters.postgres.pooler import require_own_sessions
from athlete_ally.adapters.postgres.roles import Grant, Right, Role, build_roles, lacking, statements
from athlete_ally.adapters.postgres.stream_lives import PostgresLives
from athlete_ally.adapters.servers.nats_server import serves_from
from athlete_ally.config.environment_file import environment_of
from athlete_ally.config.settings import Settings, unknown_variables
from athlete_ally.config.vendor_secrets import load_secrets
from athlete_ally.config.vendor_variables import secrets_variable
from athlete_ally.core.broker.permissions import build_users
from athlete_ally.core.errors import Misconfigured, PermissionDenied, Unavailable
from athlete_ally.measurements import KINDS, MEASUREMENTS
from athlete_ally.ops.doctor.broker import examine
from athlete_ally.ops.doctor.database import check_database
from athlete_ally.ops.doctor.finding import (
    MIN_NATS,
    MIN_POSTGRES,
    Check,
    check_clock,
    check_version,
)
from athlete_ally.ops.doctor.message_journal import check_message_journal
from athlete_ally.ops.doctor.restores import TOLD_FOR, check_restore
from athlete_ally.ops.doctor.servers import check_servers
from athlete_ally.ops.doctor.services import check_service
from athlete_ally.ops.doctor.webhooks import check_secrets, check_unpackers
from athlete_ally.ops.streams.provision import inspect
from athlete_ally.vendors import VENDORS
from athlete_ally.wiring.builders import desired_topology, known_vendors, now
from athlete_ally.wiring.commands.doctor_services import service_states
from athlete_ally.wiring.commands.session import nats_session, postgres_session


async def check_up(settings: Settings, env_file: Path | None = None) -> AsyncGenerator[Check]:
    """Yield the checks; a server that can't be reached is `unknown`, and checks that depend on it are skipped.

    `env_file` holds vendors' secrets, in addition to the environment.
    """
    for check in _configuration(settings):
        yield check
    checks, opened = _webhooks(settings, env_file)
    for check in checks:
        yield check
    found = look_at_folder(settings.journal_folder) if settings.journal_mode != "off" else None
    yield check_message_journal(settings.journal_mode, settings.environment, found)
    services = await service_states(settings)
    for check in (each for state in services for each in check_service(state)):
        yield check
    oldest_s = next(state.oldest_s for state in services if state.name == "normalize")
    try:
        async with nats_session(settings) as connection:
            async for check in _nats(connection, settings, opened, oldest_s):
                yield check
    except PermissionDenied as error:
        yield Check(
            "permissions", "failure", str(error), "connect as monitor, planner or operator, which have read access"
        )
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
    except Misconfigured as error:
        yield Check("sessions of PostgreSQL", "failure", str(error).partition(": ")[0], POOLER_REMEDY)


def _webhooks(settings: Settings, env_file: Path | None) -> tuple[list[Check], list[str]]:
    """Return the checks, and the vendors whose webhooks are accepted."""
    vendors = known_vendors(settings)
    try:
        secrets = load_secrets(vendors, env_file)
    except Misconfigured as error:
        return [Check("webhooks", "failure", str(error), "fix it: ingest does not start until it is valid")], []
    variables = {vendor.name: secrets_variable(vendor.name) for vendor in vendors}
    opened = [name for name, each in secrets.items() if each.signing]
    return check_secrets(secrets, settings.senders, variables), opened


def _configuration(settings: Settings) -> list[Check]:
    python = ".".join(map(str, sys.version_info[:3]))
    checks = [
        Check("athlete-ally", "ok", f"{__version__} on Python {python}"),
        Check("environment", "ok", settings.environment),
    ]
    if settings.ingest_keys_file is None:
        where = "not required in dev: anyone who can reach ingest may send data"
        elsewhere = "not set here: AA_INGEST_KEYS_FILE is for ingest, which does not start without it"
        checks.append(Check("API keys", "ok", where if settings.environment == "dev" else elsewhere))
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


async def _nats(
    connection: Connection, settings: Settings, opened: Sequence[str], oldest_s: Mapping[str, float] | None
) -> AsyncGenerator[Check]:
    yield check_version("NATS", connection.server_version, MIN_NATS)
    try:
        await connection.api("INFO")
    except ApiError as error:
        yield Check("JetStream", "failure", str(error), "enable JetStream in the server's configuration")
        return
    topology = desired_topology(settings)
    cluster = await ask_cluster(settings.nats_monitor_urls, connection.server_id)
    promised_bytes = sum(stream.limits.max_bytes for stream in topology.streams)
    for check in check_servers(cluster, connection.client.max_payload, promised_bytes):
        yield check
    findings = await inspect(NatsAdmin(connection), topology)
    for finding in findings:
        remedy = "`athlete-ally streams apply`" if finding.is_missing else "`athlete-ally streams plan`"
        yield Check("streams", "failure" if finding.is_vital else "warning", str(finding), remedy)
    if not findings:
        yield Check("streams", "ok", f"{len(topology.streams)} streams, {len(topology.durables)} durables as desired")
    for check in check_unpackers(opened, {each.name for each in findings if each.is_missing}):
        yield check
    users = build_users(topology, KINDS, (*VENDORS, *settings.senders))
    is_here = serves_from(settings.data_dir / "nats", connection.address)
    free_bytes = shutil.disk_usage(settings.data_dir).free if is_here else None
    thresholds = environment_of(settings).thresholds
    broker = NatsBroker(connection)
    async for check in examine(broker, topology, users, free_bytes, oldest_s=oldest_s, thresholds=thresholds):
        yield check


async def _postgres(pool: "asyncpg.Pool[Any]") -> AsyncGenerator[Check]:
    await require_own_sessions(pool)
    yield check_version("PostgreSQL", await server_version(pool), MIN_POSTGRES)
    async with translated(pool):
        there = await pool.fetchval("SELECT clock_timestamp()")
    yield check_clock(now(), there)
    for check in check_database(await database_state(pool)):
        yield check
    try:
        missing = await pending(pool)
    except Misconfigured as error:
        yield Check(
            "schema", "failure", str(error), "run the version of athlete-ally that created this schema, or a newer one"
        )
        return
    if missing:
        yield Check("schema", "failure", f"{len(missing)} migrations are missing", "`athlete-ally migrate`")
        return
    yield Check("schema", "ok", "up to date")
    yield await _privileges(pool)
    if await lacking(pool, _SEES_LOSSES):
        return
    for lost in await PostgresLives(pool).lost(now() - TOLD_FOR):
        yield check_restore(lost)


_SEES_LOSSES = Role("", "", (Grant(("SELECT",), ("stream_life", "receipt", "webhook_receipt")),))


async def _privileges(pool: "asyncpg.Pool[Any]") -> Check:
    async with translated(pool):
        user: str = await pool.fetchval("SELECT current_user")
    roles = build_roles([each.table for each in MEASUREMENTS])
    return check_privileges(user, {role: (await lacking(pool, role)) for role in roles})


def check_privileges(user: str, lacked: Mapping[Role, Sequence[Right]]) -> Check:
    """Check that our user can do the work of one of the roles, from the rights of each that it lacks."""
    able = [role.name for role, rights in lacked.items() if not rights]
    unable = [role.name for role, rights in lacked.items() if rights]
    if not unable:
        return Check("privileges", "ok", f"{user} has all rights that a program needs")
    if able:
        detail = f"{user} has all rights of {', '.join(able)}, and not all of {', '.join(unable)}"
        return Check("privileges", "ok", detail)
    nearest = min(lacked, key=lambda role: len(lacked[role]) / len(set(role.rights())))
    tables = ", ".join(sorted({right.table for right in lacked[nearest]}))
    detail = f"{user} can do the work of no role; nearest is {nearest.name}, for which it lacks rights on {tables}"
    return Check("privileges", "failure", detail, f"as the owner: {statements(lacked[nearest], user)}")
