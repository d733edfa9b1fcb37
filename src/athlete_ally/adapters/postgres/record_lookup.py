"""What is stored for the keys of records, looked at without changing it."""

from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg

from athlete_ally.adapters.postgres.errors import translated
from athlete_ally.adapters.postgres.tables import table_for
from athlete_ally.core.readings.measurement import Measurement
from athlete_ally.core.readings.record import Record, newest


class PostgresRecordLookup:
    """Reads the tables of all kinds."""

    def __init__(self, pool: "asyncpg.Pool[Any]", measurements: Sequence[Measurement]) -> None:
        """Use connections of this pool."""
        self._pool = pool
        self._measurements: Mapping[str, Measurement] = {each.kind: each for each in measurements}

    async def superseded(self, kind: str, records: Sequence[Record]) -> int:
        """Return how many of these records are older than, or the same as, what is stored or among them.

        Raises:
            Unavailable: the database can't be reached.
        """
        best = newest(records)
        async with translated(self._pool):
            older = await table_for(self._measurements[kind]).superseded(self._pool, best)
        return len(records) - len(best) + older
