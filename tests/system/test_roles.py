"""The guide's SQL, executed as it stands: each role can do its work, and what is not granted is denied."""

import re
import secrets
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from support.commands import Commands
from support.missing_field import send
from support.samples import hrv_reading
from support.servers import Postgres
from support.services import Site
from support.wait import eventually

from athlete_ally.adapters.encryption.tokens import TokenCipher, new_token_key
from athlete_ally.adapters.postgres.backfill_store import PostgresBackfillStore
from athlete_ally.adapters.postgres.pool import close_pool, open_pool
from athlete_ally.adapters.postgres.request_budget import PostgresRequestBudget
from athlete_ally.adapters.postgres.roles import Right, Role, build_roles
from athlete_ally.adapters.postgres.token_store import PostgresTokenStore
from athlete_ally.adapters.postgres.webhook_store import PostgresWebhookStore
from athlete_ally.core.vendor.api import Rate
from athlete_ally.core.vendor.call import Call
from athlete_ally.core.vendor.grant import Granted, Tokens
from athlete_ally.core.vendor.history import Listing, Portion, Window
from athlete_ally.core.vendor.webhook_store import FetchReceipt, WebhookReceipt
from athlete_ally.measurements import MEASUREMENTS

DOCS = Path(__file__).parents[2] / "docs"
GUIDE = DOCS / "how-to" / "use-own-nats-and-postgresql.md"
ROLES = build_roles([each.table for each in MEASUREMENTS])


def sql_of(page: Path) -> list[str]:
    """Return every block of SQL of a page."""
    return re.findall(r"^ *```sql\n(.+?)^ *```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)


@dataclass
class Database:
    """A database as the guide makes it, under names of its own; `executed` are the guide's blocks."""

    suffix: str
    server: Postgres
    executed: list[str] = field(default_factory=list[str])

    def renamed(self, text: str) -> str:
        """Return a text with the names of this database and its roles."""
        return re.sub(r"\b(aa_[a-z]+|athlete_ally)\b", rf"\1_{self.suffix}", text).replace("'...'", "'of-a-test'")

    def url(self, role: str) -> str:
        """Return the address for a role."""
        user, name = self.renamed(role), self.renamed("athlete_ally")
        return re.sub("//.*@", f"//{user}:of-a-test@", self.server.database_url(name))

    async def execute(self, url: str, block: str) -> None:
        """Execute a block; a statement at a time, since a database is not made in a transaction."""
        self.executed.append(block)
        session: Any = await asyncpg.connect(url)
        for statement in filter(str.strip, self.renamed(block).split(";")):
            await session.execute(statement)
        await session.close()


@pytest.fixture
async def database(postgres_server: Postgres) -> AsyncGenerator[Database]:
    """Follow the guide: roles and database, the timeout behind a pooler, `migrate` as the owner, the grants."""
    made = Database(secrets.token_hex(4), postgres_server)
    blocks = sql_of(GUIDE)
    await made.execute(postgres_server.url, next(block for block in blocks if "CREATE DATABASE" in block))
    await made.execute(postgres_server.url, next(block for block in blocks if "ALTER ROLE" in block))
    migrated = await Commands({"DATABASE_URL": made.url("aa_owner")})("migrate")
    assert migrated.code == 0, migrated
    await made.execute(made.url("aa_owner"), next(block for block in blocks if "GRANT" in block))
    yield made
    admin: Any = await asyncpg.connect(postgres_server.url)
    await admin.execute(f"DROP DATABASE {made.renamed('athlete_ally')} WITH (FORCE)")
    for name in ("aa_owner", *(role.name for role in ROLES)):
        await admin.execute(f"DROP ROLE {made.renamed(name)}")
    await admin.close()


@pytest.fixture
def as_documented(site: Site, database: Database) -> Callable[[str], dict[str, str]]:
    """Give the settings of a program that connects as one of the guide's roles."""
    return lambda role: {**site.run.environment, "DATABASE_URL": database.url(role)}


async def test_every_block_of_sql_in_the_docs_is_executed(database: Database, pool: Any) -> None:
    """
    The guide's blocks that end a session, as its owner, and those of all other pages work; there is no other SQL.
    """
    (ends,) = [block for block in sql_of(GUIDE) if "pg_terminate_backend" in block]
    # A process that is not there: PostgreSQL warns and goes on.
    await database.execute(database.url("aa_owner"), ends.replace("4711", "2147483647"))
    assert database.executed[-1].replace("2147483647", "4711") == ends
    assert len(sql_of(GUIDE)) == len(database.executed)

    others = [block for page in sorted(DOCS.rglob("*.md")) if page != GUIDE for block in sql_of(page)]
    assert len(others) >= 2
    for block in others:
        await pool.execute(block)


async def test_a_role_may_do_what_the_table_says_and_nothing_else(database: Database) -> None:
    """
    Every column of every table is read and changed, every table added to, deleted from and emptied, as every role: the
    database allows what the reference's table grants.
    """
    for role in ROLES:
        session: Any = await asyncpg.connect(database.url(role.name))
        columns = await session.fetch(
            "SELECT relname, attname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid "
            "WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') "
            "AND NOT relispartition AND attnum > 0"
        )
        tried = {(row["relname"], row["attname"]) for row in columns}
        allowed = {right for right in _rights_to_try(tried) if await _is_allowed(session, right)}
        await session.close()

        assert _granted(role, tried) == allowed, role.name


def _rights_to_try(columns: set[tuple[str, str]]) -> list[Right]:
    tables = sorted({table for table, _ in columns})
    return [
        *(Right(verb, table, column) for verb in ("SELECT", "UPDATE") for table, column in sorted(columns)),
        *(Right(verb, table) for verb in ("INSERT", "DELETE", "TRUNCATE") for table in tables),
    ]


def _granted(role: Role, columns: set[tuple[str, str]]) -> set[Right]:
    """Return the rights of a role, those to a whole table as rights to each of its columns."""
    found: set[Right] = set()
    for right in role.rights():
        if right.verb in {"SELECT", "UPDATE"} and not right.column:
            found |= {Right(right.verb, right.table, column) for table, column in columns if table == right.table}
        else:
            found.add(right)
    return found


async def _is_allowed(session: Any, right: Right) -> bool:
    """Tell whether PostgreSQL prepares the statement, for which it checks the rights; none is carried out."""
    statement = {
        "SELECT": f"EXPLAIN SELECT {right.column} FROM {right.table}",  # noqa: S608  # ours
        "UPDATE": f"EXPLAIN UPDATE {right.table} SET {right.column} = DEFAULT",  # noqa: S608  # ours
        "INSERT": f"EXPLAIN INSERT INTO {right.table} DEFAULT VALUES",
        "DELETE": f"EXPLAIN DELETE FROM {right.table}",  # noqa: S608  # ours
        "TRUNCATE": f"TRUNCATE {right.table}",
    }[right.verb]
    try:
        await session.execute(statement)
    except asyncpg.InsufficientPrivilegeError:
        return False
    return True


@pytest.mark.parametrize("role", ["aa_owner", *(role.name for role in ROLES)])
async def test_the_doctor_knows_each_role(as_documented: Callable[[str], dict[str, str]], role: str) -> None:
    """
    As each documented role, `doctor` finds the schema current and the rights sufficient.
    """
    checks = (await Commands(as_documented(role))("doctor", "--json")).document["checks"]
    found = {check["name"]: (check["status"], check["detail"]) for check in checks}

    assert found["schema"] == ("ok", "up to date")
    assert found["privileges"][0] == "ok"
    assert role == "aa_owner" or f"has all rights of {role}, and not all of" in found["privileges"][1]


async def test_a_right_that_is_missing_is_named_with_its_grant(
    as_documented: Callable[[str], dict[str, str]], database: Database
) -> None:
    """
    A table that a new kind brought, and nobody granted: the doctor's remedy, executed by the owner, is the cure, and
    opens nothing else.
    """
    worker = Commands(as_documented("aa_worker"))
    owner: Any = await asyncpg.connect(database.url("aa_owner"))
    user = database.renamed("aa_worker")
    await owner.execute(f"REVOKE ALL ON hrv_data FROM {user}; REVOKE INSERT ON receipt FROM {user}")
    found = {check["name"]: check for check in (await worker("doctor", "--json")).document["checks"]}["privileges"]
    remedy = f"GRANT DELETE, INSERT, SELECT, UPDATE ON hrv_data TO {user}; GRANT INSERT ON receipt TO {user};"
    assert (found["status"], found["remedy"]) == ("failure", f"as the owner: {remedy}")

    await owner.execute(found["remedy"].partition(": ")[2])
    await owner.close()
    found = {check["name"]: check for check in (await worker("doctor", "--json")).document["checks"]}["privileges"]
    assert found["status"] == "ok"


async def test_erase_works_as_its_role_and_asks_first(
    site: Site, as_documented: Callable[[str], dict[str, str]], database: Database
) -> None:
    """
    As the operator's role it is refused before a message is touched, with the rights that it lacks; as its own role it
    erases messages and rows.
    """
    normalize = await site.service("normalize", DATABASE_URL=database.url("aa_worker")).start().ready()
    await send(site, hrv_reading("ada"))
    await eventually(site.is_settled)
    normalize.close()
    denied = await Commands(as_documented("aa_operator"))("erase", "ada", "--apply", "--confirm", "ada")
    assert (denied.code, "lacks rights that `erase` needs; nothing was changed" in denied.err) == (1, True), denied
    needed = "DELETE, UPDATE (changed_position, created_position)"
    assert f"GRANT {needed} ON hrv_data TO {database.renamed('aa_operator')};" in denied.err

    erased = await Commands(as_documented("aa_eraser"))("erase", "ada", "--apply", "--confirm", "ada", "--json")
    assert (erased.code, erased.document["erased"]["rows"]) == (0, 1), erased


async def test_normalize_works_as_the_role_that_the_guide_makes(site: Site, database: Database) -> None:
    """
    A good and a bad reading are dealt with, and the ledger is read.
    """
    normalize = await site.service("normalize", DATABASE_URL=database.url("aa_worker")).start().ready()
    await send(site, hrv_reading("a"), hrv_reading("b", 900))
    await eventually(site.letters)
    await eventually(site.is_settled)

    async def ledger_is_zero() -> bool:
        text = await normalize.metrics()
        return "aa_watch_success 1.0" in text and "ledger_hrv_unaccounted_messages 0.0" in text

    await eventually(ledger_is_zero)
    reader: Any = await asyncpg.connect(database.url("aa_operator"))
    rows = await reader.fetch("SELECT user_id, rmssd_ms FROM hrv_data")
    await reader.close()
    assert [tuple(row) for row in rows] == [("a", 42.0)]


async def test_fetch_works_as_its_role(database: Database) -> None:
    """
    Tokens are kept and refreshed, budgets used, windows of a person's past and what became of webhooks put on record.
    """
    pool = await open_pool(database.url("aa_fetch"), size=2)
    token_store, receipts = PostgresTokenStore(pool, TokenCipher(new_token_key())), PostgresWebhookStore(pool)
    old, new = (Tokens(name, name, datetime(2026, 11, day, tzinfo=UTC)) for day, name in ((24, "old"), (25, "new")))
    grant = await token_store.keep(Granted("oura", "person-1", "ada", old, ("daily",)))

    async def exchange(_: Tokens) -> Tokens:
        return new

    refreshed = await token_store.refresh("oura", "person-1", stale="old", exchange=exchange)
    await PostgresRequestBudget(pool).rest("oura", datetime(2026, 11, 24, tzinfo=UTC))
    waits_s = await PostgresRequestBudget(pool).take("oura", (Rate(5, 60),))
    window = Window(date(2026, 11, 1), date(2026, 11, 2))
    portion = Portion(Listing("sleep", lambda _: Call("/"), 30, docs=""), window)
    await PostgresBackfillStore(pool).remember(grant.id, portion, 1)
    had = await PostgresBackfillStore(pool).had(grant.id)
    await receipts.remember_fetch(FetchReceipt("m", "S", 1, "oura", 1, 0, datetime.now(UTC)))
    await receipts.remember(
        WebhookReceipt("m", "S", 1, "oura", "unpacked", 0, 1, 0, old.expires_at, old.expires_at, None)
    )
    await token_store.withdraw("oura", "person-1")
    await close_pool(pool, within_s=1)

    assert (refreshed.granted.tokens, waits_s, [each.window for each in had]) == (new, 0, [window])


async def test_an_operators_role_adds_to_the_journal_and_changes_nothing_of_it(
    site: Site, as_documented: Callable[[str], dict[str, str]], database: Database
) -> None:
    """
    Predicting, revealing, replaying and putting aside work; what was noted can't be changed, deleted or emptied, also
    not by the owner while the trigger is on.
    """
    await site.service("normalize", DATABASE_URL=database.url("aa_worker")).start().ready()
    await send(site, hrv_reading("b", 900))
    await eventually(site.letters)
    operator = Commands(as_documented("aa_operator"))
    ran = [
        await operator("dlq", "test", "--all"),
        await operator("dlq", "show", "1", "--reveal"),
        await operator("dlq", "replay", "--all", "--yes"),
        await operator("dlq", "resolve", "1", "--reason", "a broken sensor"),
    ]
    assert [each.code for each in ran] == [2, 0, 2, 0], ran
    acts = {entry["act"] for entry in (await operator("dlq", "journal", "--json")).document["entries"]}
    assert acts == {"reveal", "replay", "resolve"}

    for role, statement in (
        ("aa_operator", "DROP TABLE dead_letter_journal"),
        ("aa_operator", "ALTER TABLE dead_letter_journal DISABLE TRIGGER ALL"),
        ("aa_owner", "UPDATE dead_letter_journal SET actor = 'nobody'"),
        ("aa_owner", "DELETE FROM dead_letter_journal"),
        ("aa_owner", "TRUNCATE dead_letter_journal"),
    ):
        session: Any = await asyncpg.connect(database.url(role))
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await session.execute(statement)
        await session.close()
