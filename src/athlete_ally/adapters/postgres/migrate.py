"""Forward-only migrations: numbered SQL files, each in a transaction of its own, one migrator at a time."""

import asyncio
import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import asyncpg

from athlete_ally.adapters.postgres.errors import RowRefused, translated
from athlete_ally.adapters.postgres.locks import Blockers, watching
from athlete_ally.adapters.postgres.pooler import require_own_sessions
from athlete_ally.core.errors import Misconfigured, Unavailable

_PACKAGE = __name__.rpartition(".")[0]
# Any constant will do, as long as nobody else in the database uses it: a few digits of a hash.
_LOCK_KEY = 0x1E5B9E37
# For the driver None means the pool's own limit, which is meant for a worker's writes: a big table takes longer.
_TIMEOUT_S = 24 * 3600.0
# Everybody who wants a table after us waits behind our request: it is withdrawn after this time, and made again later.
_LOCK_TIMEOUT_S = 1.0
_PAUSE_S = 2.0
_ATTEMPTS = 20
_SAY_EVERY_S = 10.0
_FILE_NAME = re.compile(r"(\d{4})_(\w+)\.sql")
_CREATE_LIST = """
CREATE TABLE IF NOT EXISTS schema_migration (
    version    integer PRIMARY KEY,
    name       text NOT NULL,
    sha256     text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
)
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema; `sha256` of its text, so that an edited file is noticed."""

    version: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """Return the digest of the text, alike for every style of line ends."""
        return hashlib.sha256(self.sql.replace("\r\n", "\n").encode()).hexdigest()

    def __str__(self) -> str:
        return f"migration {self.version} ({self.name})"


def all_migrations() -> tuple[Migration, ...]:
    """Return every migration that this version knows, in order."""
    folder = files(_PACKAGE).joinpath("migrations")
    found = sorted((match, file) for file in folder.iterdir() if (match := _parse(file.name)))
    return tuple(Migration(version, name, file.read_text(encoding="utf-8")) for (version, name), file in found)


def _parse(file_name: str) -> tuple[int, str] | None:
    match = _FILE_NAME.fullmatch(file_name)
    return (int(match[1]), match[2]) if match else None


async def pending(pool: "asyncpg.Pool[Any]") -> tuple[Migration, ...]:
    """Return the migrations that the database lacks; read-only.

    Raises:
        Misconfigured: the schema is newer than this version, or an applied migration was edited.
        Unavailable: the database can't be reached.
    """
    async with translated(pool):
        exists = await pool.fetchval("SELECT to_regclass('schema_migration') IS NOT NULL")
        rows = await pool.fetch("SELECT version, sha256 FROM schema_migration ORDER BY version") if exists else []
    return _missing({row["version"]: row["sha256"] for row in rows})


def _missing(applied: dict[int, str]) -> tuple[Migration, ...]:
    known = all_migrations()
    newer = [version for version in applied if version > known[-1].version]
    if newer:
        raise Misconfigured(
            f"the schema is at version {max(newer)}, but this version of athlete-ally knows only {known[-1].version}: "
            "upgrade athlete-ally"
        )
    for migration in known:
        if applied.get(migration.version, migration.sha256) != migration.sha256:
            raise Misconfigured(f"{migration} was edited after it was applied")
    return tuple(migration for migration in known if migration.version not in applied)


async def migrate(
    pool: "asyncpg.Pool[Any]", *, tell: Callable[[str], None] = lambda _: None, attempts: int = _ATTEMPTS
) -> Sequence[Migration]:
    """Bring the schema up to date and return what was applied; a second migrator waits, then finds nothing to do.

    A lock on a table is waited for a second at a time, so that others get the table in between. `tell` hears who
    holds it.

    Raises:
        Misconfigured: as `pending`, or a migration fails.
        Unavailable: the database can't be reached, or a table stayed locked through all attempts.
    """
    await require_own_sessions(pool)
    async with translated(pool), pool.acquire() as connection:
        await _wait_for_turn(pool, connection, tell)
        try:
            return await _apply(pool, connection, tell, attempts)
        finally:
            await connection.execute("SELECT pg_advisory_unlock_all()")


async def _wait_for_turn(pool: "asyncpg.Pool[Any]", connection: Any, tell: Callable[[str], None]) -> None:
    while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK_KEY):
        async with watching(pool, await connection.fetchval("SELECT pg_backend_pid()")) as blockers:
            try:
                async with asyncio.timeout(_SAY_EVERY_S):
                    await connection.execute("SELECT pg_advisory_lock($1)", _LOCK_KEY, timeout=_TIMEOUT_S)
            except TimeoutError:
                tell(f"another `migrate` is at work: {blockers}")


async def _apply(
    pool: "asyncpg.Pool[Any]", connection: Any, tell: Callable[[str], None], attempts: int
) -> list[Migration]:
    await connection.execute(_CREATE_LIST)
    rows = await connection.fetch("SELECT version, sha256 FROM schema_migration")
    todo = list(_missing({row["version"]: row["sha256"] for row in rows}))
    for migration in todo:
        await _apply_one(pool, connection, migration, tell, attempts)
    return todo


async def _apply_one(
    pool: "asyncpg.Pool[Any]", connection: Any, migration: Migration, tell: Callable[[str], None], attempts: int
) -> None:
    for left in reversed(range(attempts)):
        blockers = await _attempt(pool, connection, migration)
        if blockers is None:
            return
        waits = f"{migration} waits for a lock on {blockers.wanted or 'a table'}, held by {blockers}"
        if not left:
            raise Unavailable(
                f"{waits}; nothing of it was done. Wait until that ends, or end it with `SELECT "
                "pg_terminate_backend(NUMBER)` and the session's number, and run `athlete-ally migrate` again"
            )
        tell(f"{waits}; trying again in {_PAUSE_S:g} s, {left} attempts left")
        await asyncio.sleep(_PAUSE_S)


async def _attempt(pool: "asyncpg.Pool[Any]", connection: Any, migration: Migration) -> Blockers | None:
    """Apply a migration; where a lock is not free soon, undo all of it and return who holds it."""
    async with watching(pool, await connection.fetchval("SELECT pg_backend_pid()")) as blockers:
        try:
            async with connection.transaction():
                await connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT_S:g}s'")
                await connection.execute(migration.sql, timeout=_TIMEOUT_S)
                await connection.execute(
                    "INSERT INTO schema_migration (version, name, sha256) VALUES ($1, $2, $3)",
                    migration.version,
                    migration.name,
                    migration.sha256,
                )
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
            return blockers
        except asyncpg.PostgresError as error:
            raise Misconfigured(f"{migration} failed: {error}") from error
    return None


async def require_current_schema(pool: "asyncpg.Pool[Any]") -> None:
    """Return when the schema is exactly the one that this version knows, and sessions are our own.

    Raises:
        Misconfigured: it is older or newer, or a pooler shares sessions.
        Unavailable: the database can't be reached.
    """
    try:
        await require_own_sessions(pool)
        missing = await pending(pool)
    except RowRefused as error:
        raise Unavailable(str(error)) from error
    if missing:
        raise Misconfigured(
            f"the schema lacks {len(missing)} migration(s), from {missing[0].version} ({missing[0].name}) on: "
            "run `athlete-ally migrate`"
        )
