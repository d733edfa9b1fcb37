"""The journal of dead letters, the history of their replays, and the lock that admits one person at a time."""

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from athlete_ally.adapters.postgres.errors import translated
from athlete_ally.adapters.postgres.pool import writing
from athlete_ally.adapters.postgres.sql import load_sql
from athlete_ally.core.audit_log import Attempt, AuditEntry, AuditNote
from athlete_ally.core.errors import Refused
from athlete_ally.core.receipts import Rejected

_WRITE = load_sql("write_journal")
_READ = load_sql("read_journal")
_ATTEMPTS = load_sql("replay_receipts")
_IS_BUSY = load_sql("journal_is_busy")
# Any constant will do, as long as nobody else in the database uses it: a few digits of a hash.
_LOCK_KEY = 0x6D1A77C2


class PostgresAuditLog:
    """Writes and reads the journal."""

    def __init__(self, pool: "asyncpg.Pool[Any]") -> None:
        """Use connections of this pool."""
        self._pool = pool

    async def write(self, notes: Sequence[AuditNote]) -> None:
        """Note these; they are on disk when this returns.

        Raises:
            Unavailable: the database can't be reached, or can't write.
        """
        rows = [
            (note.run, note.actor, note.act, note.step, note.letter, note.sequence, json.dumps(note.details))
            for note in notes
        ]
        if rows:
            async with writing(self._pool) as connection:
                await connection.execute(_WRITE, *map(list, zip(*rows, strict=True)))

    async def read(
        self, *, run: str | None = None, letter: str | None = None, acts_only: bool = False, limit: int = 100
    ) -> Sequence[AuditEntry]:
        """Return the latest entries, newest first, of one run or letter if wanted.

        `acts_only` leaves out what a replay notes of each letter.

        Raises:
            Unavailable: the database can't be reached.
        """
        async with translated(self._pool):
            rows = await self._pool.fetch(_READ, run, letter, acts_only, limit)
        return [_entry(row) for row in rows]

    async def entries_of(self, run: str) -> Sequence[AuditEntry]:
        """Return everything that one run noted, in order.

        Raises:
            Unavailable: the database can't be reached.
        """
        async with translated(self._pool):
            rows = await self._pool.fetch("SELECT * FROM dead_letter_journal WHERE run = $1 ORDER BY entry", run)
        return [_entry(row) for row in rows]

    async def unfinished(self) -> Sequence[str]:
        """Return the runs of replays that began and were not finished, the latest first.

        Raises:
            Unavailable: the database can't be reached.
        """
        async with translated(self._pool):
            rows = await self._pool.fetch(
                "SELECT run FROM dead_letter_journal WHERE act = 'replay' GROUP BY run "
                "HAVING bool_or(step = 'started') AND NOT bool_or(step = 'finished') ORDER BY max(entry) DESC"
            )
        return [row["run"] for row in rows]

    async def is_busy(self) -> bool:
        """Tell whether somebody changes dead letters now: see `alone`.

        Raises:
            Unavailable: the database can't be reached.
        """
        async with translated(self._pool):
            return bool(await self._pool.fetchval(_IS_BUSY, _LOCK_KEY))

    async def attempts(self, letters: Sequence[str]) -> Mapping[str, tuple[Attempt, ...]]:
        """Return for each of these letters the replays that came to an end, in order; those without any are left out.

        Raises:
            Unavailable: the database can't be reached.
        """
        async with translated(self._pool):
            rows = await self._pool.fetch(_ATTEMPTS, list(letters))
        attempts: dict[str, tuple[Attempt, ...]] = {}
        for row in rows:
            rejected = tuple(Rejected(**each) for each in json.loads(row["rejected"]))
            attempt = Attempt(
                row["message_id"], row["settled_at"], row["readings"], row["stored"], row["superseded"], rejected
            )
            attempts[row["replay_of"]] = (*attempts.get(row["replay_of"], ()), attempt)
        return attempts

    @asynccontextmanager
    async def alone(self) -> AsyncGenerator[None]:
        """Let nobody else change dead letters meanwhile; a process that dies releases the lock.

        Raises:
            Refused: somebody else is at it.
            Unavailable: the database can't be reached.
        """
        async with translated(self._pool):
            connection = await self._pool.acquire()
        try:
            async with translated(self._pool):
                if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK_KEY):
                    raise Refused("somebody else is changing dead letters: wait, or look at `athlete-ally dlq journal`")
            try:
                yield
            finally:
                async with translated(self._pool):
                    await connection.execute("SELECT pg_advisory_unlock($1)", _LOCK_KEY)
        finally:
            await self._pool.release(connection)


def _entry(row: Any) -> AuditEntry:
    note = AuditNote(
        run=row["run"],
        actor=row["actor"],
        act=row["act"],
        step=row["step"],
        letter=row["letter"],
        sequence=row["sequence"],
        details=json.loads(row["details"]),
    )
    return AuditEntry(row["entry"], row["at"], note)
