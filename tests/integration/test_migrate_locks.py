"""`migrate` beside people and programs that use the tables: nobody queues behind it, and it says whom it waits for."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import asyncpg
import pytest
from support.wait import eventually

from athlete_ally.adapters.postgres import migrate as module
from athlete_ally.adapters.postgres.migrate import Migration, all_migrations, migrate
from athlete_ally.core.errors import Unavailable

NEXT = Migration(9000, "next", "ALTER TABLE receipt ADD COLUMN next integer")


@pytest.fixture(autouse=True)
def _next_version(monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]  # a fixture
    """Have one more migration, and short pauses."""
    known = (*all_migrations(), NEXT)
    monkeypatch.setattr(module, "all_migrations", lambda: known)
    monkeypatch.setattr(module, "_PAUSE_S", 0.05)
    monkeypatch.setattr(module, "_LOCK_TIMEOUT_S", 0.5)
    monkeypatch.setattr(module, "_SAY_EVERY_S", 0.5)


@pytest.fixture
async def report(database_url: str) -> AsyncGenerator[Any]:
    """Give the session of another program, with a long report open on the table of receipts."""
    session: Any = await asyncpg.connect(database_url, server_settings={"application_name": "monthly report"})
    await session.execute("BEGIN; SELECT count(*) FROM receipt")
    yield session
    await session.close()


async def test_a_long_report_holds_up_only_the_migration(pool: Any, report: Any) -> None:
    """
    While the report is open, a worker's statement gets through, and the session of the report is named, without its
    query; when the report ends, the migration is applied.
    """
    heard: list[str] = []
    migrating = asyncio.create_task(migrate(pool, tell=heard.append))

    async def told() -> bool:
        return bool(heard)

    await eventually(told)
    # The lock that every worker needs; behind a request that waits for ever it would wait for the report, too.
    await pool.execute("DELETE FROM receipt", timeout=30)
    assert not migrating.done()
    await report.execute("COMMIT")

    assert list(await migrating) == [NEXT]
    pid = await report.fetchval("SELECT pg_backend_pid()")
    assert f"migration 9000 (next) waits for a lock on receipt, held by session {pid}" in heard[0]
    assert "application monthly report" in heard[0]
    assert "idle in transaction since" in heard[0]
    assert "count(" not in heard[0]


async def test_a_report_that_does_not_end_leaves_the_schema_as_it_was(pool: Any, report: Any) -> None:
    """
    After the last attempt the error says whom to end; nothing was done, and after the documented remedy it works.
    """
    pid = await report.fetchval("SELECT pg_backend_pid()")
    with pytest.raises(Unavailable, match=rf"session {pid}.+pg_terminate_backend"):
        await migrate(pool, attempts=2)
    assert await pool.fetchval("SELECT count(*) FROM schema_migration WHERE version = 9000") == 0

    await pool.execute(f"SELECT pg_terminate_backend({pid})")
    assert list(await migrate(pool)) == [NEXT]


async def test_a_second_migrator_says_whom_it_waits_for(pool: Any, database_url: str) -> None:
    """
    A migrator that was left hanging keeps the others waiting: they name its session.
    """
    heard: list[str] = []
    hanging: Any = await asyncpg.connect(database_url, server_settings={"application_name": "athlete-ally"})
    await hanging.execute("SELECT pg_advisory_lock($1)", module._LOCK_KEY)  # pyright: ignore[reportPrivateUsage]  # as it does itself
    migrating = asyncio.create_task(migrate(pool, tell=heard.append))

    async def told() -> bool:
        return bool(heard)

    await eventually(told)
    pid = await hanging.fetchval("SELECT pg_backend_pid()")
    await hanging.close()
    assert list(await migrating) == [NEXT]
    assert f"another `migrate` is at work: session {pid}" in heard[0]
