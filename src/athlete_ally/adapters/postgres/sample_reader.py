"""The `SampleReader` port: points as they are, or in buckets that PostgreSQL works out."""

from typing import Any

import asyncpg
import msgspec

from athlete_ally.adapters.postgres.bind import bind
from athlete_ally.adapters.postgres.errors import translated
from athlete_ally.core.sample_queries import SamplePage, SamplePlace, SampleQuery

_SERIES = """
    SELECT series, source, context, nullif(device, '') AS device FROM sample_series
    WHERE user_id = :user_id AND code = :code
    AND (:sources::text[] IS NULL OR source = ANY (:sources))
    AND (:devices::text[] IS NULL OR device = ANY (:devices))"""
# Of each series no more than a page: an index has its points in order.
_POINTS = """
SELECT at, series, row_to_json(point)::text FROM (
    SELECT at, value, lasts_s, is_plausible, source, context, device, series
    FROM ({series}) AS named CROSS JOIN LATERAL (
        SELECT at, value, lasts_s, is_plausible FROM samples_data AS held
        WHERE held.series = named.series AND at >= :begin AND at < :to_instant AND {beyond}
        ORDER BY at LIMIT :limit
    ) AS found
    ORDER BY at, series LIMIT :limit
) AS point"""
# Local time runs backwards once a year: a bucket is told by the instant of its first local minute, so that the two
# hours of that name are one bucket.
_BUCKETS = """
SELECT at, series, row_to_json(bucket)::text FROM (
    SELECT date_bin(:width, at AT TIME ZONE :time_zone, TIMESTAMP '2000-01-03') AT TIME ZONE :time_zone AS at, {values},
        count(*) AS point_count, count(*) FILTER (WHERE NOT is_plausible) AS implausible_count,
        source, context, device, series
    FROM samples_data JOIN ({series}) AS named USING (series)
    WHERE at >= :begin AND at < :to_instant
    GROUP BY 1, source, context, device, series
) AS bucket WHERE {beyond} ORDER BY at, series LIMIT :limit"""
_VALUES = {
    "sum": "sum(value) FILTER (WHERE is_plausible) AS sum",
    "mean": ", ".join(
        f"{call}(value) FILTER (WHERE is_plausible) AS {name}"
        for call, name in (("avg", "mean"), ("min", "min"), ("max", "max"))
    ),
}
_WIDTHS = {"1m": "1 minute", "5m": "5 minutes", "15m": "15 minutes", "1h": "1 hour", "1d": "1 day"}


class PostgresSampleReader:
    """Reads the points of time series."""

    def __init__(self, pool: "asyncpg.Pool[Any]") -> None:
        """Use connections of this pool, which may lead to a standby."""
        self._pool = pool

    async def page(self, query: SampleQuery, after: SamplePlace | None, limit: int) -> SamplePage:
        """See the port."""
        beyond = "true" if after is None else "(at, series) > (:after_at, :after_series)"
        if query.resolution == "raw":
            statement = _POINTS.format(series=_SERIES, beyond=beyond)
        else:
            width = f"INTERVAL '{_WIDTHS[query.resolution]}'"
            statement = _BUCKETS.format(series=_SERIES, beyond=beyond, values=_VALUES[query.aggregate])
            statement = statement.replace(":width", width)
        sql, values = bind(
            statement,
            user_id=query.user_id,
            code=query.code,
            sources=list(query.sources) or None,
            devices=list(query.devices) or None,
            begin=query.from_instant if after is None else max(query.from_instant, after.at),
            to_instant=query.to_instant,
            time_zone=query.time_zone,
            after_at=after and after.at,
            after_series=after and after.series,
            limit=limit + 1,
        )
        async with translated(self._pool):
            rows = await self._pool.fetch(sql, *values)
        shown = rows[:limit]
        place = SamplePlace(shown[-1]["at"], shown[-1]["series"]) if len(rows) > limit else None
        return SamplePage([msgspec.Raw(row[2].encode()) for row in shown], place)
