"""PostgreSQL behind pgbouncer: the documented configuration works, and all others are named with what to set."""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from support.commands import Commands
from support.pooler import start_pooler
from support.servers import Guard, Nats
from support.services import Service
from support.wait import eventually

from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.adapters.postgres.errors import POOLER_REMEDY

GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "use-own-nats-and-postgresql.md"
Pooled = Callable[[str], Awaitable[Commands]]


@pytest.fixture
def documented() -> str:
    """Return the lines of pgbouncer.ini that the guide has."""
    (block,) = re.findall(r"```ini\n(.+?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    return block


@pytest.fixture
def pooled(
    guard: Guard, require_tool: Callable[[str], str], database_url: str, nats_server: Nats, connection: Connection
) -> Pooled:
    """Give a function that starts a pooler with these lines, and returns commands whose database is behind it."""
    del connection  # the streams

    async def start(lines: str) -> Commands:
        url = start_pooler(guard, require_tool("pgbouncer"), database_url, lines)

        async def answers() -> bool:
            try:
                connection: Any = await asyncpg.connect(url, timeout=2)
            except OSError:
                return False
            await connection.close()
            return True

        await eventually(answers)
        return Commands({"DATABASE_URL": url, "NATS_URL": nats_server.url})

    return start


async def _failures(run: Commands) -> list[tuple[str, str]]:
    outcome = await run("doctor", "--json")
    return [
        (check["detail"], check["remedy"])
        for check in outcome.document["checks"]
        if check["name"] == "sessions of PostgreSQL"
    ]


async def test_the_documented_pooler_works(pooled: Pooled, documented: str, pool: Any) -> None:
    """
    With the guide's lines, `migrate` makes all tables in an empty database, and `doctor` sees them.
    """
    await pool.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    run = await pooled(documented)
    migrated = await run("migrate", "--json")
    checks = {check["name"]: check["status"] for check in (await run("doctor", "--json")).document["checks"]}

    assert (migrated.code, migrated.document["applied"][0]["name"]) == (0, "receipts"), migrated
    assert (checks["schema"], checks["PostgreSQL"]) == ("ok", "ok")


@pytest.mark.parametrize("mode", ["transaction", "statement"])
async def test_a_pooler_that_shares_sessions_is_named(pooled: Pooled, documented: str, mode: str) -> None:
    """
    In another mode `migrate` changes nothing, and both it and `doctor` say what to set.
    """
    run = await pooled(documented.replace("pool_mode = session", f"pool_mode = {mode}"))
    migrated = await run("migrate")
    ((detail, remedy),) = await _failures(run)

    assert (migrated.code, remedy) == (1, POOLER_REMEDY), (migrated, detail)
    assert "pool_mode = session" in migrated.err


async def test_a_pooler_that_refuses_our_settings_is_named(pooled: Pooled) -> None:
    """
    Without the second line of the guide pgbouncer refuses the connection: the remedy has that line.
    """
    run = await pooled("pool_mode = session")
    migrated = await run("migrate")

    assert await _failures(run) == [("a pooler at DATABASE_URL refuses it (SQLSTATE 08P01)", POOLER_REMEDY)]
    assert (migrated.code, POOLER_REMEDY in migrated.err) == (1, True), migrated


async def test_a_worker_does_not_start_on_shared_sessions(pooled: Pooled, documented: str, tmp_path: Path) -> None:
    """
    Normalize ends with the remedy, before it takes a message.
    """
    run = await pooled(documented.replace("pool_mode = session", "pool_mode = transaction"))
    normalize = Service("normalize", run.environment, tmp_path).start()
    code = await normalize.exit_code()
    normalize.close()

    assert (code, POOLER_REMEDY in normalize.log) == (1, True)
