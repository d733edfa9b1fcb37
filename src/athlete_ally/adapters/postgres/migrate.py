"""Forward-only migrations: numbered SQL files, each in a transaction of its own, one migrator at a time."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import asyncpg

from athlete_ally.adapters.postgres.errors import RowRefused, translated
from athlete_ally.core.errors import Misconfigured, Unavailable

_PACKAGE = __name__.rpartition(".")[0]
# Any constant will do, as long as nobody else in the database uses it: a few digits of a hash.
_LOCK_KEY = 0x1E5B9E37
# For the driver None means the pool's own limit, which is meant for a worker's writes: a big table takes longer.
_TIMEOUT_S = 24 * 3600.0
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
            raise Misconfigured(f"migration {migration.version} ({migration.name}) was edited after it was applied")
    return tuple(migration for migration in known if migration.version not in applied)


async def migrate(pool: "asyncpg.Pool[Any]") -> Sequence[Migration]:
    """Bring the schema up to date and return what was applied; a second migrator waits, then finds nothing to do.

    Raises:
        Misconfigured: as `pending`, or a migration fails.
        Unavailable: the database can't be reached.
    """
    async with translated(pool), pool.acquire() as connection:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK_KEY, timeout=_TIMEOUT_S)
        try:
            return await _apply(connection)
        finally:
            await connection.execute("SELECT pg_advisory_unlock($1)", _LOCK_KEY)


async def _apply(connection: Any) -> list[Migration]:
    await connection.execute(_CREATE_LIST)
    rows = await connection.fetch("SELECT version, sha256 FROM schema_migration")
    todo = list(_missing({row["version"]: row["sha256"] for row in rows}))
    for migration in todo:
        try:
            async with connection.transaction():
                await connection.execute(migration.sql, timeout=_TIMEOUT_S)
                await connection.execute(
                    "INSERT INTO schema_migration (version, name, sha256) VALUES ($1, $2, $3)",
                    migration.version,
                    migration.name,
                    migration.sha256,
                )
        except asyncpg.PostgresError as error:
            raise Misconfigured(f"migration {migration.version} ({migration.name}) failed: {error}") from error
    return todo


async def require_current_schema(pool: "asyncpg.Pool[Any]") -> None:
    """Return when the schema is exactly the one that this version knows.

    Raises:
        Misconfigured: it is older or newer.
        Unavailable: the database can't be reached.
    """
    try:
        missing = await pending(pool)
    except RowRefused as error:
        raise Unavailable(str(error)) from error
    if missing:
        raise Misconfigured(
            f"the schema lacks {len(missing)} migration(s), from {missing[0].version} ({missing[0].name}) on: "
            "run `athlete-ally migrate`"
        )
