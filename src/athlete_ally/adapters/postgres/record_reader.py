"""The `RecordReader` port: pages by key, and streams by COPY."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg
import msgspec

from athlete_ally.adapters.postgres.bind import bind
from athlete_ally.adapters.postgres.errors import translated
from athlete_ally.adapters.postgres.record_json import columns_of, json_of, row_of
from athlete_ally.core.readings.measurement import Measurement
from athlete_ally.core.readings.record import KEY_COLUMNS
from athlete_ally.core.record_queries import RecordPage, RecordPlace, RecordQuery, StreamForm

# Both orders are those of an index, which is read from either end: (user_id, day), and the key of the table.
_OF_PERSON, _OF_ALL = ("day", "period", "source", "context"), KEY_COLUMNS
_PLACE = RecordPlace.__struct_fields__
# JSON has neither control character, so that COPY writes it as it is.
# https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS
_COPY_JSON = {"format": "csv", "delimiter": "\x02", "quote": "\x01", "escape": "\x01"}
_ESTIMATE = re.compile(r"rows=(\d+)")
# Chunks that wait for a slow reader; the server writes no more than that ahead.
_MOST_CHUNKS = 16
# For a connection, where others read all streams that there may be.
_WAIT_S = 2.0
# The server's own limit ends a stream.
_NO_LIMIT_S = 24 * 3600.0


class PostgresRecordReader:
    """Reads the tables of kinds that have a row for each record."""

    def __init__(self, pool: "asyncpg.Pool[Any]", streams: "asyncpg.Pool[Any]") -> None:
        """Use connections of these pools, which may lead to a standby: one for pages, and one for streams.

        A stream has a connection for as long as its reader takes to read it.
        """
        self._pool, self._streams = pool, streams

    async def page(
        self, measurement: Measurement, query: RecordQuery, after: RecordPlace | None, limit: int
    ) -> RecordPage:
        """See the port."""
        columns = columns_of(measurement, lineage=query.lineage, include=query.include)
        chosen = f"{', '.join(_PLACE)}, {json_of(columns, query.prefix)}"
        statement = f"SELECT {chosen} FROM {_rows(measurement, query, after)} LIMIT :limit"  # noqa: S608  # names come from our own record types
        sql, values = bind(statement, **_values(query, after), limit=limit + 1)
        async with translated(self._pool):
            rows = await self._pool.fetch(sql, *values)
        shown = rows[:limit]
        place = RecordPlace(*tuple(shown[-1])[: len(_PLACE)]) if len(rows) > limit else None
        return RecordPage([msgspec.Raw(row[-1].encode()) for row in shown], place)

    async def estimate(self, measurement: Measurement, query: RecordQuery) -> int:
        """See the port."""
        sql, values = bind(f"EXPLAIN SELECT 1 FROM {_rows(measurement, query, None)}", **_values(query, None))  # noqa: S608  # as above
        async with translated(self._pool):
            plan: Sequence[Any] = await self._pool.fetch(sql, *values)
        found = _ESTIMATE.search(plan[0][0])
        return int(found[1]) if found else 0

    async def stream(self, measurement: Measurement, query: RecordQuery, form: StreamForm) -> AsyncIterator[bytes]:
        """See the port."""
        columns = columns_of(measurement, lineage=query.lineage, include=query.include)
        chosen = json_of(columns, query.prefix) if form == "ndjson" else row_of(columns, query.prefix)
        statement = f"SELECT {chosen} FROM {_rows(measurement, query, None)}"  # noqa: S608  # as above
        sql, values = bind(statement, **_values(query, None))
        options: dict[str, Any] = dict(_COPY_JSON) if form == "ndjson" else {"format": "csv", "header": True}
        # The driver lends a buffer that it goes on to use.
        chunks: asyncio.Queue[bytes | None] = asyncio.Queue(_MOST_CHUNKS)

        async def put(chunk: bytes) -> None:
            await chunks.put(bytes(chunk))

        async def copy() -> None:
            try:
                async with translated(self._streams), self._streams.acquire(timeout=_WAIT_S) as connection:
                    await connection.copy_from_query(sql, *values, output=put, timeout=_NO_LIMIT_S, **options)
            finally:
                await chunks.put(None)

        copying = asyncio.create_task(copy())
        try:
            while (chunk := await chunks.get()) is not None:
                yield chunk
            await copying
        finally:
            copying.cancel()


def _rows(measurement: Measurement, query: RecordQuery, after: RecordPlace | None) -> str:
    """Return the table with its conditions and its order."""
    names = _OF_ALL if query.user_id is None else _OF_PERSON
    sign, direction = ("<", " DESC") if query.newest_first else (">", "")
    beyond = f"({', '.join(names)}) {sign} ({', '.join(f':after_{name}' for name in names)})"
    begins = "coalesce(starts_at, captured_at)"
    conditions = {
        "user_id = :user_id": query.user_id is not None,
        "starts_with(user_id, :prefix)": bool(query.prefix),
        "day >= :first_day": query.first_day is not None,
        "day <= :last_day": query.last_day is not None,
        f"{begins} >= :from_instant": query.from_instant is not None,
        f"{begins} < :to_instant": query.to_instant is not None,
        "source = ANY (:sources)": bool(query.sources),
        "context = ANY (:contexts)": bool(query.contexts),
        "device = ANY (:devices)": bool(query.devices),
        "quality_flags && :flags": bool(query.flags),
        beyond: after is not None,
    }
    chosen = " AND ".join(text for text, is_asked in conditions.items() if is_asked) or "true"
    order = ", ".join(f"{name}{direction}" for name in names)
    return f"{measurement.table} AS held WHERE {chosen} ORDER BY {order}"


def _values(query: RecordQuery, after: RecordPlace | None) -> dict[str, Any]:
    values: dict[str, Any] = {name: getattr(query, name) for name in query.__dataclass_fields__}
    if after is not None:
        values |= {f"after_{name}": getattr(after, name) for name in _PLACE}
    return values
