"""The `PeopleReader` port: looks into the index of each table, and reads no row of a list."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import asyncpg

from athlete_ally.adapters.postgres.bind import bind
from athlete_ally.adapters.postgres.errors import translated
from athlete_ally.core.people_queries import KindSpan, PeoplePage, PersonSummary, VendorConnection
from athlete_ally.core.readings.measurement import Measurement
from athlete_ally.core.readings.sample_batch import SampleBatch

# One look into the index for each person, however many rows each has.
_IDS = """
(WITH RECURSIVE found AS (
    (SELECT min(user_id) AS user_id FROM {table} WHERE user_id > :after AND starts_with(user_id, :prefix))
    UNION ALL
    SELECT (SELECT min(user_id) FROM {table} WHERE user_id > found.user_id AND starts_with(user_id, :prefix))
    FROM found WHERE found.user_id IS NOT NULL
) SELECT user_id FROM found WHERE user_id IS NOT NULL LIMIT :limit)"""
_SPAN = """
SELECT user_id, '{kind}' AS kind, first_day, last_day, NULL::text[] AS sources
FROM unnest(:people::text[]) AS asked (user_id)
CROSS JOIN LATERAL (SELECT
    (SELECT day FROM {table} AS held WHERE held.user_id = asked.user_id ORDER BY day LIMIT 1) AS first_day,
    (SELECT day FROM {table} AS held WHERE held.user_id = asked.user_id ORDER BY day DESC LIMIT 1) AS last_day
) AS span WHERE first_day IS NOT NULL"""
_SERIES_SPAN = """
SELECT user_id, '{kind}' AS kind, min(first_day) AS first_day, max(last_day) AS last_day, {sources} AS sources
FROM sample_series CROSS JOIN LATERAL (SELECT
    (SELECT day FROM sample_day AS held WHERE held.series = sample_series.series ORDER BY day LIMIT 1) AS first_day,
    (SELECT day FROM sample_day AS held WHERE held.series = sample_series.series ORDER BY day DESC LIMIT 1) AS last_day
) AS span WHERE user_id = ANY (:people::text[]) AND first_day IS NOT NULL GROUP BY user_id"""
_SPAN_OF_ONE = """
SELECT user_id, '{kind}' AS kind, min(day) AS first_day, max(day) AS last_day, array_agg(DISTINCT source) AS sources
FROM {table} WHERE user_id = ANY (:people::text[]) GROUP BY user_id"""
_CONNECTIONS = """
SELECT user_id, vendor, state FROM vendor_grant WHERE user_id = ANY (:people::text[])
UNION SELECT user_id, vendor, 'linked' FROM vendor_account AS linked WHERE user_id = ANY (:people::text[])
AND NOT EXISTS (SELECT FROM vendor_grant AS g WHERE (g.vendor, g.account) = (linked.vendor, linked.account))
ORDER BY user_id, vendor, state"""


class PostgresPeopleReader:
    """Reads the tables of these kinds, and the connections with vendors."""

    def __init__(self, pool: "asyncpg.Pool[Any]", measurements: Sequence[Measurement]) -> None:
        """Use connections of this pool, which may lead to a standby."""
        self._pool = pool
        rows = [each for each in measurements if not issubclass(each.record_type, SampleBatch)]
        series = [each for each in measurements if issubclass(each.record_type, SampleBatch)]
        tables = (*(each.table for each in rows), "sample_series", "vendor_account", "vendor_grant")
        ids = " UNION ".join(_IDS.format(table=table) for table in tables)
        self._ids = f"SELECT user_id FROM ({ids}) AS person ORDER BY user_id LIMIT :limit"  # noqa: S608  # tables of ours
        self._spans = _union(
            [_SPAN.format(kind=each.kind, table=each.table) for each in rows],
            [_SERIES_SPAN.format(kind=each.kind, sources="NULL::text[]") for each in series],
        )
        self._spans_of_one = _union(
            [_SPAN_OF_ONE.format(kind=each.kind, table=each.table) for each in rows],
            [_SERIES_SPAN.format(kind=each.kind, sources="array_agg(DISTINCT source)") for each in series],
        )

    async def page(self, prefix: str, after: str, limit: int) -> PeoplePage:
        """See the port."""
        sql, values = bind(self._ids, prefix=prefix, after=after, limit=limit + 1)
        async with translated(self._pool):
            ids = [row["user_id"] for row in await self._pool.fetch(sql, *values)]
        people = await self._summaries(ids[:limit], self._spans)
        return PeoplePage(people, ids[limit - 1] if len(ids) > limit else None)

    async def person(self, user_id: str) -> PersonSummary | None:
        """See the port."""
        (person,) = await self._summaries([user_id], self._spans_of_one)
        return person if person.kinds or person.connections else None

    async def _summaries(self, ids: Sequence[str], spans: str) -> list[PersonSummary]:
        kinds: defaultdict[str, list[KindSpan]] = defaultdict(list)
        connections: defaultdict[str, list[VendorConnection]] = defaultdict(list)
        sql, values = bind(spans, people=list(ids))
        of_vendors, people = bind(_CONNECTIONS, people=list(ids))
        async with translated(self._pool), self._pool.acquire() as connection:
            for row in await connection.fetch(sql, *values):
                sources = None if row["sources"] is None else tuple(row["sources"])
                span = KindSpan(kind=row["kind"], first_day=row["first_day"], last_day=row["last_day"], sources=sources)
                kinds[row["user_id"]].append(span)
            for row in await connection.fetch(of_vendors, *people):
                connections[row["user_id"]].append(VendorConnection(vendor=row["vendor"], state=row["state"]))
        return [PersonSummary(user_id=each, kinds=kinds[each], connections=connections[each]) for each in ids]


def _union(*parts: Sequence[str]) -> str:
    whole = " UNION ALL ".join(part for each in parts for part in each)
    return f"SELECT * FROM ({whole}) AS span ORDER BY user_id, kind"  # noqa: S608  # tables of ours
