"""A database that is read-only for a while: said without a flood in its log, and forgotten when it is over."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from support.samples import hrv_record, request
from support.servers import Postgres
from support.wait import eventually

from athlete_ally.adapters.encryption.tokens import TokenCipher, new_token_key
from athlete_ally.adapters.postgres.audit_log import PostgresAuditLog
from athlete_ally.adapters.postgres.backfill_store import PostgresBackfillStore
from athlete_ally.adapters.postgres.person_data import PostgresPersonData
from athlete_ally.adapters.postgres.pool import require_writable, server_version
from athlete_ally.adapters.postgres.receipts import PostgresReceipts
from athlete_ally.adapters.postgres.records import PostgresRecords
from athlete_ally.adapters.postgres.request_budget import PostgresRequestBudget
from athlete_ally.adapters.postgres.store import PostgresStore
from athlete_ally.adapters.postgres.token_store import PostgresTokenStore
from athlete_ally.adapters.postgres.webhook_store import PostgresWebhookStore
from athlete_ally.core.audit_log import AuditNote
from athlete_ally.core.errors import Unavailable
from athlete_ally.core.vendor.api import Rate
from athlete_ally.core.vendor.grant import Granted, Tokens
from athlete_ally.core.vendor.history import Listing, Portion, Window
from athlete_ally.core.vendor.webhook_store import Account, FetchReceipt, WebhookReceipt
from athlete_ally.measurements import MEASUREMENTS
from athlete_ally.measurements.hrv import HRV

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TOKENS = Tokens("access", "refresh", NOW)
CIPHER = TokenCipher(new_token_key())
RECEIPT = WebhookReceipt("w1", "AA_VENDOR_HOT", 1, "oura", "unpacked", 1, 0, 0, NOW, NOW, None)
WINDOW = Window(date(2026, 11, 1), date(2026, 11, 2))
NOTE = AuditNote("run-1", "ada", "purge", "planned")


async def _refresh(pool: Any) -> None:
    async def exchange(_: Tokens) -> Tokens:
        return TOKENS

    await PostgresTokenStore(pool, CIPHER).refresh("oura", "acc", stale="access", exchange=exchange)


async def _back_fill(pool: Any) -> None:
    grant = await PostgresTokenStore(pool, CIPHER).find("oura", "acc")
    assert grant is not None
    await PostgresBackfillStore(pool).remember(grant.id, Portion(Listing("sleep", _call, 30, docs=""), WINDOW), 1)


WRITES: dict[str, Callable[[Any], Awaitable[Any]]] = {
    "store": lambda pool: PostgresStore(pool).store(HRV, [request(hrv_record())]),
    "start alone": lambda pool: PostgresStore(pool).start_alone("m2", "AA_CORE_HOT", 2),
    "webhook receipt": lambda pool: PostgresWebhookStore(pool).remember(RECEIPT),
    "fetch receipt": lambda pool: PostgresWebhookStore(pool).remember_fetch(
        FetchReceipt("w1", "AA_VENDOR_HOT", 1, "oura", 1, 0, NOW)
    ),
    "start of a webhook alone": lambda pool: PostgresWebhookStore(pool).start_alone("w2", "AA_VENDOR_HOT", 2),
    "end of a webhook alone": lambda pool: PostgresWebhookStore(pool).end_alone("w2"),
    "withdrawal of a link": lambda pool: PostgresWebhookStore(pool).withdraw("oura", ["acc"]),
    "link": lambda pool: PostgresWebhookStore(pool).link([Account("oura", "acc", "ada")]),
    "unlink": lambda pool: PostgresWebhookStore(pool).unlink("oura", "acc"),
    "tokens": lambda pool: PostgresTokenStore(pool, CIPHER).keep(Granted("oura", "acc", "ada", TOKENS, ())),
    "refresh": _refresh,
    "new key": lambda pool: PostgresTokenStore(pool, CIPHER).renew_all(),
    "withdrawal": lambda pool: PostgresTokenStore(pool, CIPHER).withdraw("oura", "acc"),
    "journal": lambda pool: PostgresAuditLog(pool).write([NOTE]),
    "back-fill": _back_fill,
    "budget": lambda pool: PostgresRequestBudget(pool).take("oura", (Rate(10, 60),)),
    "rest": lambda pool: PostgresRequestBudget(pool).rest("oura", NOW),
    "end of grants": lambda pool: PostgresPersonData(pool, MEASUREMENTS).close("ada"),
    "erasure": lambda pool: PostgresPersonData(pool, MEASUREMENTS).erase("ada", _quiet),
    "readiness": require_writable,
}
READS: dict[str, Callable[[Any], Awaitable[Any]]] = {
    "version": server_version,
    "records": lambda pool: PostgresRecords(pool).receipts("m1"),
    "journal": lambda pool: PostgresAuditLog(pool).read(),
    "receipts": lambda pool: PostgresReceipts(pool).totals(),
    "webhooks": lambda pool: PostgresWebhookStore(pool).known([("w1", "AA_VENDOR_HOT", 1, NOW)]),
    "people": lambda pool: PostgresTokenStore(pool, CIPHER).people("oura"),
}


def _quiet(*_: object) -> None:
    """Hear how far an erasure is."""


def _call(*_: Any) -> Any:
    raise AssertionError("nothing is asked of a vendor here")


@dataclass
class Database:
    """The test's own database, whose sessions to come can be made read-only."""

    url: str
    name: str
    log_file: Path

    async def say(self, statement: str) -> None:
        """Execute a statement in a session of its own."""
        connection = await asyncpg.connect(self.url, server_settings={"default_transaction_read_only": "off"})
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    @asynccontextmanager
    async def read_only(self) -> AsyncGenerator[None]:
        """Let sessions that begin meanwhile be read-only, as a failover or a full disk's guard does."""
        await self.say(f"ALTER DATABASE {self.name} SET default_transaction_read_only = on")
        try:
            yield
        finally:
            await self.say(f"ALTER DATABASE {self.name} RESET default_transaction_read_only")

    def refusals(self) -> int:
        """Return how many statements the server's log says it refused as read-only."""
        return self.log_file.read_text(encoding="utf-8", errors="replace").count("in a read-only transaction")


@pytest.fixture
def database(database_url: str, postgres_server: Postgres) -> Database:
    """Give the test its database."""
    return Database(database_url, database_url.rpartition("/")[2], Path(postgres_server.server.command().log or ""))


@pytest.mark.parametrize("write", WRITES)
async def test_a_write_waits_and_then_works(database: Database, pool: Any, write: str) -> None:
    """
    Each write of a session that began read-only is `Unavailable` without a line in the server's log, and works with
    the same pool as soon as the database takes writes again.
    """
    await PostgresTokenStore(pool, CIPHER).keep(Granted("oura", "acc", "ada", TOKENS, ()))
    await pool.expire_connections()
    before = database.refusals()
    async with database.read_only():
        for _ in range(5):
            with pytest.raises(Unavailable, match="read-only"):
                await WRITES[write](pool)
    await WRITES[write](pool)

    assert before == database.refusals()


@pytest.mark.parametrize("read", READS)
async def test_reading_goes_on_and_binds_nobody(database: Database, pool: Any, read: str) -> None:
    """
    A read works in a read-only database, and the sessions that it leaves in the pool keep no later write from working.
    """
    await pool.expire_connections()
    async with database.read_only():
        await READS[read](pool)
    await PostgresAuditLog(pool).write([NOTE])

    assert len(await PostgresAuditLog(pool).read()) == 1


async def test_a_session_that_answers_read_only_is_replaced(
    database: Database, pool: Any, postgres_server: Postgres
) -> None:
    """
    A server that turns read-only under a session refuses one statement, says so in one line, and is believed; when it
    turns back, the next write works.
    """
    admin = await asyncpg.connect(postgres_server.url)
    journal = PostgresAuditLog(pool)
    await journal.write([NOTE])
    before = database.refusals()

    async def turn(setting: str) -> None:
        await admin.execute("SET default_transaction_read_only = off")
        await admin.execute(f"ALTER SYSTEM SET default_transaction_read_only = {setting}")
        await admin.execute("SELECT pg_reload_conf()")

        async def is_read_only() -> bool:
            connection = await asyncpg.connect(database.url)
            try:
                return await connection.fetchval("SHOW default_transaction_read_only") == setting
            finally:
                await connection.close()

        await eventually(is_read_only)

    try:
        await turn("on")
        for _ in range(20):
            with pytest.raises(Unavailable):
                await journal.write([NOTE])
    finally:
        await turn("off")
        await admin.execute("ALTER SYSTEM RESET default_transaction_read_only")
        await admin.execute("SELECT pg_reload_conf()")
        await admin.close()
    await journal.write([NOTE])

    assert (len(await journal.read()), database.refusals() - before <= 1) == (2, True)


async def test_a_terminated_session_is_replaced(database: Database, pool: Any) -> None:
    """
    57P01 costs the call that meets it, and no other.
    """
    journal = PostgresAuditLog(pool)
    await journal.write([NOTE])
    await database.say(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    outcomes: list[bool] = []
    for _ in range(3):
        try:
            await journal.write([NOTE])
        except Unavailable:
            outcomes.append(False)
        else:
            outcomes.append(True)

    assert outcomes[1:] == [True, True]


async def test_what_a_session_took_over_ends_with_it(
    database: Database, pool: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A default of the database that changes reaches a busy pool, for no session is kept for ever.
    """
    before = await pool.fetchval("SHOW statement_timeout")
    await database.say(f"ALTER DATABASE {database.name} SET statement_timeout = '7s'")
    kept = await pool.fetchval("SHOW statement_timeout")
    monkeypatch.setattr("athlete_ally.adapters.postgres.pool._LONGEST_SESSION_S", 0.0)
    await pool.fetchval("SHOW statement_timeout")
    renewed = await pool.fetchval("SHOW statement_timeout")

    assert (before, kept, renewed) == ("0", "0", "7s")
