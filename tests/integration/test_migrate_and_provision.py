"""Bringing a database and a broker into their desired state."""

import asyncio
import secrets
from collections.abc import AsyncGenerator
from typing import Any

import asyncpg
import pytest
from support.servers import Postgres
from support.streams import make_streams

from athlete_ally.adapters.nats.admin import NatsAdmin
from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.adapters.postgres import migrate as module
from athlete_ally.adapters.postgres.migrate import Migration, all_migrations, migrate, pending, require_current_schema
from athlete_ally.adapters.postgres.pool import close_pool, open_pool
from athlete_ally.core.broker.topology import CORE_HOT, DLQ, Topology
from athlete_ally.core.errors import Misconfigured, Refused
from athlete_ally.ops.streams.provision import inspect


@pytest.fixture
async def empty(postgres_server: Postgres) -> AsyncGenerator[Any]:
    """Give the test a database without any table."""
    name = f"empty_{secrets.token_hex(6)}"
    admin = await asyncpg.connect(postgres_server.url)
    await admin.execute(f"CREATE DATABASE {name}")
    pool = await open_pool(postgres_server.database_url(name), size=4)
    yield pool
    await close_pool(pool, within_s=1)
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


async def test_an_empty_database_gets_everything_once(empty: Any) -> None:
    """
    Before, a worker is told to migrate; all steps are applied in order; a second run finds nothing to do.
    """
    with pytest.raises(Misconfigured, match="athlete-ally migrate"):
        await require_current_schema(empty)
    first, second = await migrate(empty), await migrate(empty)
    await require_current_schema(empty)

    assert (list(all_migrations()), [], ()) == (list(first), list(second), await pending(empty))


async def test_two_migrators_do_not_meet(empty: Any) -> None:
    """
    Started together, one applies every step, and the other waits and finds nothing to do.
    """
    applied = await asyncio.gather(migrate(empty), migrate(empty))

    assert [0, len(all_migrations())] == sorted(map(len, applied))


async def test_a_newer_schema_is_left_alone(pool: Any) -> None:
    """
    A worker that does not know the schema refuses to start, and says to upgrade.
    """
    await pool.execute("INSERT INTO schema_migration (version, name, sha256) VALUES (9999, 'future', 'x')")
    with pytest.raises(Misconfigured, match="upgrade athlete-ally"):
        await require_current_schema(pool)


async def test_an_edited_migration_is_noticed(pool: Any) -> None:
    """
    Forward only: what was applied may not change afterwards.
    """
    await pool.execute("UPDATE schema_migration SET sha256 = 'other' WHERE version = 1")
    with pytest.raises(Misconfigured, match="edited"):
        await pending(pool)


async def test_a_migration_that_fails_leaves_nothing(empty: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Each step is one transaction: the good first step stays, the broken second leaves no trace and names itself.
    """
    steps = (
        Migration(1, "good", "CREATE TABLE one ()"),
        Migration(2, "broken", "CREATE TABLE two (); SELECT nonsense"),
    )
    monkeypatch.setattr(module, "all_migrations", lambda: steps)
    with pytest.raises(Misconfigured, match=r"migration 2 \(broken\)"):
        await migrate(empty)

    assert (
        bool(await empty.fetchval("SELECT to_regclass('one')")),
        await empty.fetchval("SELECT to_regclass('two')"),
    ) == (True, None)


async def test_what_exists_is_as_desired(connection: Connection, topology: Topology) -> None:
    """
    What we create is, read back from the server, exactly what we want; a second run creates nothing.
    """
    admin = NatsAdmin(connection)
    findings = await inspect(admin, topology)

    assert (findings, await make_streams(connection, topology)) == ([], [])


async def test_a_drift_is_named_and_not_touched(connection: Connection, topology: Topology) -> None:
    """
    A changed limit and a changed promise are both found by field; only the second keeps a service from working.
    """
    admin = NatsAdmin(connection)
    live = await admin.stream(CORE_HOT)
    assert live is not None
    await connection.api(f"STREAM.UPDATE.{CORE_HOT}", {**live.config, "max_bytes": 12345678, "discard": "old"})
    findings = await inspect(admin, topology)
    await make_streams(connection, topology)
    after = await admin.stream(CORE_HOT)

    assert {("discard", True), ("max_bytes", False)} == {(each.field, each.is_vital) for each in findings}
    assert after is not None
    assert (after.config["discard"], after.max_bytes) == ("old", 12345678)


async def test_what_is_missing_is_created(connection: Connection, topology: Topology) -> None:
    """
    A durable deleted by mistake is named with its remedy, and made again.
    """
    admin = NatsAdmin(connection)
    await connection.api(f"CONSUMER.DELETE.{CORE_HOT}.normalize-hrv-durable")
    findings = await inspect(admin, topology)

    assert list(map(str, findings)) == ["durable normalize-hrv-durable is missing: run `athlete-ally streams apply`"]
    assert await make_streams(connection, topology) == ["normalize-hrv-durable"]
    assert await inspect(admin, topology) == []


async def test_what_cannot_be_created_is_said_before_anything_is(connection: Connection, topology: Topology) -> None:
    """
    Somebody else's stream has our subjects: it is named, and nothing was made.
    """
    for name in (CORE_HOT, DLQ):
        await connection.api(f"STREAM.DELETE.{name}")
    await connection.api("STREAM.CREATE.THEIRS", {"name": "THEIRS", "subjects": ["athlete-ally.theirs"]})
    try:
        with pytest.raises(Refused, match=f"stream {CORE_HOT}: the subjects overlap with those of THEIRS"):
            await make_streams(connection, topology)
    finally:
        await connection.api("STREAM.DELETE.THEIRS")

    assert await NatsAdmin(connection).stream(DLQ) is None
