"""The `WebhookStore` and `Accounts` ports on PostgreSQL."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple
from typing import Any

import asyncpg

from athlete_ally.adapters.postgres.errors import is_text, translated
from athlete_ally.adapters.postgres.pool import writing
from athlete_ally.adapters.postgres.sql import load_sql
from athlete_ally.core.vendor.grant import GrantState
from athlete_ally.core.vendor.webhook import Renamed
from athlete_ally.core.vendor.webhook_store import Account, FetchReceipt, Place, WebhookReceipt

_KNOWN = load_sql("known_webhooks")
_REMEMBER = load_sql("insert_webhook_receipt")
_REMEMBER_FETCH = load_sql("insert_fetch_receipt")
_START_ALONE = load_sql("start_alone")
_FORGET_STARTS = load_sql("forget_lone_starts")
# The person who connected an account determines whose it is; a link by an operator takes precedence.
_PEOPLE = """
SELECT account, user_id FROM vendor_account WHERE vendor = $1 AND account = ANY ($2::text[])
UNION ALL
SELECT account, user_id FROM vendor_grant AS given WHERE vendor = $1 AND account = ANY ($2::text[]) AND NOT EXISTS (
    SELECT FROM vendor_account AS linked WHERE linked.vendor = given.vendor AND linked.account = given.account
)
"""
_OWNER = "SELECT vendor, account, user_id FROM vendor_grant WHERE vendor = $1 AND id = $2"
_PERMISSIONS = "SELECT account, state FROM vendor_grant WHERE vendor = $1 AND account = ANY ($2::text[])"
_ON_RECORD = "SELECT DISTINCT message_id FROM receipt WHERE message_id = ANY ($1::text[])"
_WITHDRAW = (
    "UPDATE vendor_account SET withdrawn_at = clock_timestamp() "
    "WHERE vendor = $1 AND account = ANY ($2::text[]) AND withdrawn_at IS NULL"
)
_RENAME = (
    "INSERT INTO vendor_account (vendor, account, user_id) SELECT vendor, renamed.new, user_id FROM vendor_account "
    "JOIN unnest($2::text[], $3::text[]) AS renamed (old, new) ON account = renamed.old WHERE vendor = $1 "
    "ON CONFLICT (vendor, account) DO NOTHING"
)
_LINK = (
    "INSERT INTO vendor_account (vendor, account, user_id) SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) "
    "ON CONFLICT (vendor, account) DO UPDATE SET user_id = excluded.user_id, withdrawn_at = NULL"
)
_LIST = "SELECT vendor, account, user_id FROM vendor_account WHERE $1::text IS NULL OR vendor = $1 ORDER BY 1, 2"
_UNLINK = "DELETE FROM vendor_account WHERE vendor = $1 AND account = $2 RETURNING 1"


class PostgresWebhookStore:
    """Keeps accounts, and a receipt for each webhook."""

    def __init__(self, pool: "asyncpg.Pool[Any]") -> None:
        """Use connections of this pool."""
        self._pool = pool

    async def people(self, vendor: str, accounts: Sequence[str]) -> Mapping[str, str]:
        """See the port."""
        async with translated(self._pool):
            rows = await self._pool.fetch(_PEOPLE, vendor, [*filter(is_text, accounts)])
        return {row["account"]: row["user_id"] for row in rows}

    async def owner(self, vendor: str, grant: int) -> Account | None:
        """See the port."""
        async with translated(self._pool):
            row = await self._pool.fetchrow(_OWNER, vendor, grant)
        return Account(row["vendor"], row["account"], row["user_id"]) if row else None

    async def permissions(self, vendor: str, accounts: Sequence[str]) -> Mapping[str, GrantState]:
        """Return the state of the grants of these accounts, for those that connected. Raises as the port."""
        async with translated(self._pool):
            rows = await self._pool.fetch(_PERMISSIONS, vendor, [*filter(is_text, accounts)])
        return {row["account"]: row["state"] for row in rows}

    async def on_record(self, message_ids: Sequence[str]) -> frozenset[str]:
        """Return which of these messages of readings were dealt with before. Raises as the port."""
        async with translated(self._pool):
            rows = await self._pool.fetch(_ON_RECORD, list(message_ids))
        return frozenset(row["message_id"] for row in rows)

    async def withdraw(self, vendor: str, accounts: Sequence[str]) -> None:
        """See the port."""
        async with writing(self._pool) as connection:
            await connection.execute(_WITHDRAW, vendor, [*filter(is_text, accounts)])

    async def rename(self, vendor: str, accounts: Sequence[Renamed]) -> None:
        """See the port."""
        pairs = [(each.old, each.new) for each in accounts if is_text(each.old) and is_text(each.new)]
        async with writing(self._pool) as connection:
            await connection.execute(_RENAME, vendor, [old for old, _ in pairs], [new for _, new in pairs])

    async def known(self, asked: Sequence[Place]) -> frozenset[Place]:
        """See the port."""
        columns = [list(column) for column in zip(*asked, strict=True)]
        async with translated(self._pool):
            rows = await self._pool.fetch(_KNOWN, *columns) if asked else []
        return frozenset((row["message_id"], row["stream"], row["sequence"], row["stored_at"]) for row in rows)

    async def remember(self, receipt: WebhookReceipt) -> None:
        """See the port."""
        async with writing(self._pool) as connection, connection.transaction():
            await connection.execute(
                _REMEMBER,
                receipt.message_id,
                receipt.stream,
                receipt.sequence,
                receipt.vendor,
                receipt.result,
                receipt.readings,
                receipt.resources,
                receipt.dead_lettered,
                receipt.received_at,
                receipt.trace_id,
                receipt.parent and receipt.parent.message_id,
                receipt.parent and receipt.parent.sequence,
                receipt.replay_of,
                json.dumps([asdict(each) for each in receipt.rejected]),
                receipt.stored_at,
            )
            await connection.execute(_FORGET_STARTS, [receipt.message_id])

    async def remember_fetch(self, receipt: FetchReceipt) -> None:
        """See `fetch.worker.WebhookStore`."""
        async with writing(self._pool) as connection:
            await connection.execute(_REMEMBER_FETCH, *astuple(receipt))

    async def start_alone(self, message_id: str, stream: str, sequence: int) -> int:
        """See the port."""
        async with writing(self._pool) as connection:
            return await connection.fetchval(_START_ALONE, message_id, stream, sequence) - 1

    async def end_alone(self, message_id: str) -> None:
        """See the port."""
        async with writing(self._pool) as connection:
            await connection.execute(_FORGET_STARTS, [message_id])

    async def link(self, accounts: Sequence[Account]) -> None:
        """Say whose these accounts are; one that is known is given to the person named here."""
        columns = [
            [each.vendor for each in accounts],
            [each.account for each in accounts],
            [each.user_id for each in accounts],
        ]
        async with writing(self._pool) as connection:
            await connection.execute(_LINK, *columns)

    async def linked(self, vendor: str | None) -> list[Account]:
        """Return all accounts, or those at one vendor."""
        async with translated(self._pool):
            rows = await self._pool.fetch(_LIST, vendor)
        return [Account(row["vendor"], row["account"], row["user_id"]) for row in rows]

    async def unlink(self, vendor: str, account: str) -> bool:
        """Forget an account; tell whether it was there."""
        async with writing(self._pool) as connection:
            return await connection.fetchval(_UNLINK, vendor, account) is not None
