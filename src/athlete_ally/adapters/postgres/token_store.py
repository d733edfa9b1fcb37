"""The token store in PostgreSQL.

A refresh is guarded by an advisory lock of the session and not by a row lock: what was begun is then on disk before
the vendor is asked, and no transaction is open while it answers.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import asyncpg

from athlete_ally.adapters.encryption.tokens import TokenCipher
from athlete_ally.adapters.postgres.errors import is_text, translated
from athlete_ally.adapters.postgres.pool import writing
from athlete_ally.core.errors import Refused, Unavailable, Withdrawn
from athlete_ally.core.vendor.grant import Exchange, Grant, Granted, Tokens

# The first half of the lock's key, ours alone in the database: any constant does.
_LOCK_SPACE = 0x2A7E61
_LINK_LOCK_SPACE = 0x2A7E62
# A database that restarts is back by then; the tokens that are lost otherwise cost a person a new consent.
_KEEP_TRIES = 60
_KEEP_AGAIN_S = 0.5
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_KEEP = """
INSERT INTO vendor_grant (vendor, account, user_id, sealed, expires_at, scopes)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (vendor, account) DO UPDATE SET
    sealed = excluded.sealed, expires_at = excluded.expires_at, scopes = excluded.scopes,
    state = 'active', granted_at = clock_timestamp(), refreshing_since = NULL
WHERE vendor_grant.user_id = excluded.user_id
RETURNING id, state, granted_at
"""
# By the database's clock, like granted_at: a link from a machine whose clock is ahead works when that time has come.
_LINK = """
SELECT $3 > clock_timestamp() AS is_early,
    EXISTS (SELECT FROM vendor_grant WHERE vendor = $1 AND user_id = $2 AND granted_at >= $3) AS is_used
"""
_PEOPLE = "SELECT DISTINCT user_id FROM vendor_grant WHERE vendor = $1 AND state = 'active' ORDER BY 1"
_STORE = """
UPDATE vendor_grant
SET sealed = $2, expires_at = $3, refreshed_at = clock_timestamp(), refreshing_since = NULL
WHERE id = $1
"""
_LOST = """
UPDATE vendor_grant SET state = CASE WHEN $2 THEN 'refresh-lost' ELSE 'withdrawn' END, refreshing_since = NULL
WHERE id = $1
"""


class PostgresTokenStore:
    """The `TokenStore` port."""

    def __init__(self, pool: "asyncpg.Pool[Any]", cipher: TokenCipher) -> None:
        """Use connections of this pool; every refresh in progress holds one."""
        self._pool = pool
        self._cipher = cipher

    async def keep(self, granted: Granted, *, link_made_at: datetime | None = None) -> Grant:
        """See the port."""
        tokens = granted.tokens
        encrypted = self._cipher.encrypt(granted.vendor, granted.account, tokens)
        owner = (granted.vendor, granted.account, granted.user_id)
        async with writing(self._pool) as connection, connection.transaction():
            if link_made_at is not None:
                await _use_link(connection, granted.vendor, granted.user_id, link_made_at)
            row = await connection.fetchrow(_KEEP, *owner, encrypted, tokens.expires_at, list(granted.scopes))
        if row is None:
            raise Refused(
                f"this account at {granted.vendor} is connected for another person: disconnect it there first"
            )
        return Grant(row["id"], granted, row["state"], row["granted_at"])

    async def find(self, vendor: str, account: str) -> Grant | None:
        """See the port."""
        if not is_text(account):
            return None
        async with translated(self._pool):
            row = await self._pool.fetchrow(
                "SELECT * FROM vendor_grant WHERE vendor = $1 AND account = $2", vendor, account
            )
        return self._grant(row) if row else None

    async def of_user(self, vendor: str, user_id: str) -> Grant | None:
        """See the port."""
        async with translated(self._pool):
            row = await self._pool.fetchrow(
                "SELECT * FROM vendor_grant WHERE vendor = $1 AND user_id = $2 ORDER BY granted_at DESC LIMIT 1",
                vendor,
                user_id,
            )
        return self._grant(row) if row else None

    async def people(self, vendor: str) -> Sequence[str]:
        """See the port."""
        async with translated(self._pool):
            rows = await self._pool.fetch(_PEOPLE, vendor)
        return [row["user_id"] for row in rows]

    async def refresh(self, vendor: str, account: str, *, stale: str, exchange: Exchange) -> Grant:
        """See the port."""
        async with self._alone(vendor, account) as connection:
            async with translated(self._pool):
                row = await connection.fetchrow(
                    "SELECT * FROM vendor_grant WHERE vendor = $1 AND account = $2", vendor, account
                )
            if row is None or row["state"] != "active":
                raise Withdrawn(f"there is no permission at {vendor}")
            grant = self._grant(row)
            if grant.granted.tokens.access != stale:
                return grant
            was_cut_off = row["refreshing_since"] is not None
            async with translated(self._pool):
                await connection.execute(
                    "UPDATE vendor_grant SET refreshing_since = clock_timestamp() WHERE id = $1", grant.id
                )
            try:
                tokens = await exchange(grant.granted.tokens)
            except Withdrawn:
                async with translated(self._pool):
                    await connection.execute(_LOST, grant.id, was_cut_off)
                raise
            await self._store(grant, tokens)
        renewed = Granted(vendor, account, grant.granted.user_id, tokens, grant.granted.scopes)
        return Grant(grant.id, renewed, "active", grant.granted_at)

    async def withdraw(self, vendor: str, account: str) -> bool:
        """See the port."""
        if not is_text(account):
            return False
        nothing = self._cipher.encrypt(vendor, account, Tokens("", None, _LONG_AGO))
        async with writing(self._pool) as connection:
            done = await connection.fetchval(
                "UPDATE vendor_grant SET state = 'withdrawn', sealed = $3, refreshing_since = NULL "
                "WHERE vendor = $1 AND account = $2 RETURNING id",
                vendor,
                account,
                nothing,
            )
        return done is not None

    async def renew_all(self) -> int:
        """Encrypt everything with the first key, and return how many grants there are.

        Raises:
            Misconfigured: no key opens one of them; nothing is changed.
            Unavailable: the database can't be reached.
        """
        async with writing(self._pool) as connection, connection.transaction():
            rows = await connection.fetch("SELECT id, sealed FROM vendor_grant FOR UPDATE")
            await connection.executemany(
                "UPDATE vendor_grant SET sealed = $2 WHERE id = $1",
                [(row["id"], self._cipher.renew(row["sealed"])) for row in rows],
            )
        return len(rows)

    async def _store(self, grant: Grant, tokens: Tokens) -> None:
        """Store what the vendor gave; from its answer on, the old refresh token may be worth nothing."""
        encrypted = self._cipher.encrypt(grant.granted.vendor, grant.granted.account, tokens)
        for _ in range(_KEEP_TRIES):
            try:
                async with writing(self._pool) as connection:
                    await connection.execute(_STORE, grant.id, encrypted, tokens.expires_at)
            except Unavailable:
                await asyncio.sleep(_KEEP_AGAIN_S)
            else:
                return
        raise Unavailable("PostgreSQL did not take the new tokens: the person may have to connect again")

    @asynccontextmanager
    async def _alone(self, vendor: str, account: str) -> AsyncGenerator[Any]:
        """Let one process at a time refresh an account; a process that dies releases the lock."""
        async with writing(self._pool) as connection:
            await connection.execute("SELECT pg_advisory_lock($1, hashtext($2))", _LOCK_SPACE, f"{vendor} {account}")
            # Giving a connection back unlocks what it holds; a broken one has let go already.
            yield connection

    def _grant(self, row: Any) -> Grant:
        tokens = self._cipher.decrypt(row["vendor"], row["account"], row["sealed"])
        granted = Granted(row["vendor"], row["account"], row["user_id"], tokens, tuple(row["scopes"]))
        return Grant(row["id"], granted, row["state"], row["granted_at"])


async def _use_link(connection: Any, vendor: str, user_id: str, made_at: datetime) -> None:
    """Let one transaction at a time use a person's links; raises `Refused` for one that was used."""
    await connection.execute("SELECT pg_advisory_xact_lock($1, hashtext($2))", _LINK_LOCK_SPACE, f"{vendor} {user_id}")
    link = await connection.fetchrow(_LINK, vendor, user_id, made_at)
    if link["is_used"]:
        raise Refused("this link was used already: ask for a new one")
    if link["is_early"]:
        raise Refused("this link is not valid yet: the clock of the machine that made it is ahead of the database's")
