"""The roles that the docs grant: each can do its work, and under the operator's the journal only grows."""

import re
import secrets
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from support.commands import Commands
from support.missing_field import send
from support.samples import hrv_reading
from support.services import Site
from support.wait import eventually

GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "use-own-nats-and-postgresql.md"
ROLES = ("aa_worker", "aa_operator")


@pytest.fixture
async def as_role(pool: Any, database_url: str) -> AsyncGenerator[dict[str, str]]:
    """Make the roles as the guide does, under names of this test's; give the database's address for each."""
    names = {role: f"{role}_{secrets.token_hex(4)}" for role in ROLES}
    (grants,) = [
        block for block in re.findall(r"```sql\n(.+?)```", GUIDE.read_text("utf-8"), re.DOTALL) if "GRANT" in block
    ]
    for role, name in names.items():
        await pool.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'of-a-test'")
        grants = grants.replace(role, name)
    await pool.execute(grants)
    server = re.sub("//.*@", "//{}:of-a-test@", database_url)
    yield {role: server.format(name) for role, name in names.items()}
    for name in names.values():
        await pool.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")


async def test_normalize_works_as_the_role_that_the_guide_makes(site: Site, as_role: dict[str, str]) -> None:
    """
    A good and a bad reading are dealt with, and the ledger is read.
    """
    normalize = await site.service("normalize", DATABASE_URL=as_role["aa_worker"]).start().ready()
    await send(site, hrv_reading("a"), hrv_reading("b", 900))
    await eventually(site.letters)
    await site.balance(2, normalize)

    assert await site.stored() == {"a": 42.0}


async def test_an_operators_role_adds_to_the_journal_and_changes_nothing_of_it(
    site: Site, as_role: dict[str, str]
) -> None:
    """
    Predicting, revealing, replaying and putting aside work; what was noted can't be changed, deleted or emptied, and
    neither records nor receipts can: the privilege is missing, whatever triggers there are.
    """
    await site.service("normalize").start().ready()
    await send(site, hrv_reading("b", 900))
    await eventually(site.letters)
    operator = Commands({**site.run.environment, "DATABASE_URL": as_role["aa_operator"]})
    ran = [
        await operator("dlq", "test", "--all"),
        await operator("dlq", "show", "1", "--reveal"),
        await operator("dlq", "replay", "--all", "--yes"),
        await operator("dlq", "resolve", "1", "--reason", "a broken sensor"),
    ]
    assert [each.code for each in ran] == [2, 0, 2, 0], ran
    acts = {entry["act"] for entry in (await operator("dlq", "journal", "--json")).document["entries"]}
    assert acts == {"reveal", "replay", "resolve"}

    connection = await asyncpg.connect(as_role["aa_operator"])
    for statement in (
        "UPDATE dead_letter_journal SET actor = 'nobody'",
        "DELETE FROM dead_letter_journal",
        "TRUNCATE dead_letter_journal",
        "DROP TABLE dead_letter_journal",
        "ALTER TABLE dead_letter_journal DISABLE TRIGGER ALL",
        "DELETE FROM receipt",
        "UPDATE hrv_data SET rmssd_ms = 1",
        "SELECT sealed FROM vendor_grant",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    await connection.close()
