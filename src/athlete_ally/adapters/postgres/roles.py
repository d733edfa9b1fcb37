"""Rights in PostgreSQL: one role for each kind of work, with the least that it needs.

The statements in the docs and their table are made from this, and the doctor compares it with what the database grants.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from athlete_ally.adapters.postgres.errors import translated
from athlete_ally.core.errors import Misconfigured

ERASER = "aa_eraser"
# Which messages of which life of a stream were seen, for the ledger.
_LIVES = ("stream_cursor", "stream_life")
_NO_TOKENS = "SELECT (id, vendor, account, user_id, state)"
_LACKING = """
SELECT asked.* FROM unnest($1::text[], $2::text[], $3::text[]) AS asked (verb, table_name, column_name)
WHERE NOT CASE column_name WHEN '' THEN has_table_privilege(table_name, verb)
               ELSE has_column_privilege(table_name, column_name, verb) END
"""


@dataclass(frozen=True, slots=True, order=True)
class Right:
    """What may be done with a table, or with one of its columns."""

    verb: str
    table: str
    column: str = ""


@dataclass(frozen=True, slots=True)
class Grant:
    """Verbs on tables, as one statement grants them; a verb for some columns only has them in brackets."""

    verbs: tuple[str, ...]
    tables: tuple[str, ...]

    def rights(self) -> Iterator[Right]:
        """Return each right by itself."""
        for table in self.tables:
            for verb in self.verbs:
                name, _, columns = verb.rstrip(")").partition(" (")
                yield from (Right(name, table, column) for column in columns.split(", "))


@dataclass(frozen=True, slots=True)
class Role:
    """A role, and whose it is."""

    name: str
    purpose: str
    grants: tuple[Grant, ...]

    def rights(self) -> Iterator[Right]:
        """Return all its rights."""
        for grant in self.grants:
            yield from grant.rights()


def build_roles(kind_tables: Sequence[str]) -> tuple[Role, ...]:
    """Return the roles; `kind_tables` are those of the kinds."""
    kinds = (*kind_tables, "sample_series")
    rows = tuple(table for table in kind_tables if table != "samples_data")
    schema = Grant(("SELECT",), ("schema_migration",))
    write, read = ("SELECT", "INSERT", "UPDATE", "DELETE"), ("SELECT",)
    return (
        Role(
            "aa_worker",
            "normalize",
            (
                schema,
                Grant(write, ("receipt", "webhook_receipt", "lone_start", "replaced_session", "sample_day", *_LIVES)),
                Grant(("SELECT", "INSERT"), ("feed_life",)),
                Grant(("SELECT", "INSERT", "UPDATE"), ("vendor_account",)),
                Grant(read, ("fetch_receipt",)),
                Grant((_NO_TOKENS,), ("vendor_grant",)),
                Grant(write, kinds),
            ),
        ),
        Role(
            "aa_fetch",
            "fetch and `backfill`: the only one that reads people's tokens",
            (
                schema,
                Grant(
                    ("SELECT", "INSERT", "UPDATE"), ("vendor_grant", "vendor_budget", "vendor_rest", "backfill_window")
                ),
                Grant(("SELECT", "INSERT", "UPDATE"), ("fetch_receipt", "webhook_receipt")),
                Grant(("SELECT", "DELETE"), ("lone_start",)),
            ),
        ),
        Role(
            "aa_operator",
            "`dlq`, `ingest replay` and the console",
            (
                schema,
                Grant(("SELECT", "INSERT"), ("dead_letter_journal",)),
                Grant(read, ("receipt", "webhook_receipt", "fetch_receipt", "vendor_account", "stream_life")),
                Grant((_NO_TOKENS,), ("vendor_grant",)),
                Grant(read, kinds),
            ),
        ),
        Role(
            "aa_reader",
            "the API and analysts: may only read",
            (
                schema,
                Grant(read, ("replaced_session", "sample_day", "erased_person", "feed_life", "api_secret")),
                Grant(("SELECT (vendor, account, user_id)",), ("vendor_account",)),
                Grant(("SELECT (vendor, account, user_id, state)",), ("vendor_grant",)),
                Grant(read, kinds),
            ),
        ),
        Role(
            ERASER,
            "`erase`",
            (
                schema,
                Grant(("SELECT", "INSERT"), ("dead_letter_journal",)),
                # Which messages of several people in the message journal have all their receipts.
                Grant(read, ("receipt", "webhook_receipt", "fetch_receipt")),
                Grant(("SELECT", "DELETE"), (*kinds, "replaced_session", "vendor_account")),
                Grant(("UPDATE (created_position, changed_position)",), rows),
                Grant(("SELECT", "UPDATE", "DELETE"), ("sample_day",)),
                Grant(write, ("erased_person",)),
                Grant(("SELECT", "INSERT"), ("feed_life",)),
                Grant(
                    ("SELECT (id, vendor, account, user_id)", "UPDATE (state, refreshing_since)", "DELETE"),
                    ("vendor_grant",),
                ),
            ),
        ),
    )


def grant_statement(verbs: Sequence[str], tables: Sequence[str], role: str) -> str:
    """Return the statement that grants."""
    return f"GRANT {', '.join(verbs)} ON {', '.join(tables)} TO {role};"


async def lacking(pool: "asyncpg.Pool[Any]", role: Role) -> list[Right]:
    """Return the rights of a role that our user does not have.

    Raises:
        Unavailable: the database can't be reached, or lacks a table.
    """
    rights = sorted(set(role.rights()))
    columns = [[getattr(right, name) for right in rights] for name in ("verb", "table", "column")]
    async with translated(pool):
        rows = await pool.fetch(_LACKING, *columns)
    return sorted(Right(*row) for row in rows)


def statements(rights: Sequence[Right], user: str) -> str:
    """Return what grants these rights, a statement for each table."""
    found: list[str] = []
    for table in sorted({right.table for right in rights}):
        whole = [right.verb for right in rights if right.table == table and not right.column]
        verbs = sorted({right.verb for right in rights if right.table == table and right.column})
        parts = [
            f"{verb} ({', '.join(each.column for each in rights if (each.verb, each.table) == (verb, table))})"
            for verb in verbs
        ]
        found.append(grant_statement([*whole, *parts], [table], user))
    return " ".join(found)


async def require_rights(pool: "asyncpg.Pool[Any]", role: Role) -> None:
    """Return if our user has all rights of a role.

    Raises:
        Misconfigured: it lacks some.
        Unavailable: the database can't be reached.
    """
    rights = await lacking(pool, role)
    if rights:
        async with translated(pool):
            user: str = await pool.fetchval("SELECT current_user")
        raise Misconfigured(
            f"DATABASE_URL: user {user} lacks rights that {role.purpose} needs; nothing was changed. Connect as "
            f"{role.name} or the owner of the tables, or grant as the owner: {statements(rights, user)}"
        )
