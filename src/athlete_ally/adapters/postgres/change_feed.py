"""The `ChangeFeed` port: rows in the order of their transactions, as far as all of these have ended.

A row keeps the place of the transaction that wrote it last (migration 34). The numbers of transactions are handed out
before they commit, so that a reader stops at the oldest that is still in progress (`pg_snapshot_xmin`): what commits
later has its place behind that, and is told by a later page.
https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-SNAPSHOT
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import asyncpg
import msgspec

from athlete_ally.adapters.postgres.bind import bind
from athlete_ally.adapters.postgres.errors import translated
from athlete_ally.adapters.postgres.record_json import columns_of, json_of
from athlete_ally.core.changes import Change, ChangeFilter, ChangePage, ChangeType, Position
from athlete_ally.core.readings.measurement import Measurement
from athlete_ally.core.readings.record import KEY_COLUMNS
from athlete_ally.core.readings.sample_batch import SampleBatch

# Of erased people; no kind is called so. What is gone is told before a row of the same key and transaction.
_PERSON, _GONE = "person", -1
# Bytes decide, whatever the database's collation, so that the kinds come in one order everywhere.
_AFTER = ':kind COLLATE "C", :user_id::text, :period::text, :source::text, :context::text, :series::bigint'
_WANTED = "(:people::text[] IS NULL OR user_id = ANY (:people)) AND starts_with(user_id, :prefix)"
_ORDER = "place, kind, user_id, period, source, context, series"
# One part for each kind of change, all of the same columns. A place occurs in several tables: a transaction may write
# to all of them.
_PART = """
(SELECT changed_position AS place, {kind} AS kind, user_id, {period} AS period, {source} AS source,
    {context} AS context, {series} AS series, '{what}' AS what, {code} AS code, {device} AS device,
    {created} >= :place AND ({created}, {kind}, user_id, {period}, {source}, {context}, {series})
        > (:place, {after}) AS is_new
FROM {table}
WHERE changed_position > 0 AND changed_position >= :place AND changed_position < :horizon
AND (changed_position, {kind}, user_id, {period}, {source}, {context}, {series}) > (:place, {after})
AND {wanted} {only}
ORDER BY {order} LIMIT :limit)"""
# What was stored before places were kept comes by key, a kind after the other.
_ROWS_BEFORE = """
SELECT 0 AS place, {kind} AS kind, user_id, period, source, context, 0 AS series, 'row' AS what, true AS is_new
FROM {table} WHERE changed_position = 0
AND (user_id, period, source, context) > (:user_id, :period, :source, :context) AND {wanted}
ORDER BY user_id, period, source, context LIMIT :limit"""
_SERIES_BEFORE = """
SELECT 0 AS place, {kind} AS kind, user_id, day::text AS period, source, context, series, 'points' AS what,
    true AS is_new, code, nullif(device, '') AS device
FROM sample_day JOIN sample_series USING (series)
WHERE changed_position = 0 AND (series, day) > (:series, :day) AND {wanted}
ORDER BY series, day LIMIT :limit"""


class PostgresChangeFeed:
    """Reads the tables of these kinds; a page is one snapshot."""

    def __init__(self, pool: "asyncpg.Pool[Any]", measurements: Sequence[Measurement]) -> None:
        """Use connections of this pool, which may lead to a standby."""
        self._pool = pool
        self._kinds: Mapping[str, Measurement] = {each.kind: each for each in measurements}
        tables = [each.table for each in measurements if not _is_series(each)]
        newest = ", ".join(
            f"coalesce((SELECT max(changed_position) FROM {table} WHERE changed_position > 0), 0)"  # noqa: S608  # tables of ours
            for table in (*tables, "sample_day", "replaced_session", "erased_person")
        )
        self._newest = f"SELECT least(greatest({newest}), change_horizon() - 1)"

    async def newest(self) -> int:
        """See the port."""
        async with translated(self._pool):
            return int(await self._pool.fetchval(self._newest))

    async def horizon(self) -> Position:
        """See the port."""
        async with translated(self._pool):
            return Position(await self._pool.fetchval("SELECT change_horizon()"))

    async def read(self, after: Position, limit: int, wanted: ChangeFilter) -> ChangePage:
        """See the port."""
        kinds = sorted(self._kinds if wanted.kinds is None else set(self._kinds) & set(wanted.kinds))
        people = {"people": None if wanted.people is None else list(wanted.people), "prefix": wanted.prefix}
        async with (
            translated(self._pool),
            self._pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            horizon = int(await connection.fetchval("SELECT change_horizon()"))
            rows: list[Any] = []
            if after.place == 0:
                rows = await self._before(connection, kinds, after, limit, people)
            if len(rows) < limit:
                start = {**msgspec.structs.asdict(after), **people, "horizon": horizon, "limit": limit - len(rows)}
                statement, values = bind(self._since(kinds), **start)
                rows += await connection.fetch(statement, *values)
            changes = await self._changes(connection, rows, wanted.prefix)
        if len(rows) < limit:
            return ChangePage(changes, Position(max(horizon, after.place)), is_last=True)
        return ChangePage(changes, _position(rows[-1]), is_last=False)

    async def _before(
        self, connection: Any, kinds: Sequence[str], after: Position, limit: int, people: dict[str, Any]
    ) -> list[Any]:
        rows: list[Any] = []
        for kind in kinds:
            if kind < after.kind or len(rows) == limit:
                continue
            at = after if kind == after.kind else Position(kind=kind)
            template = _SERIES_BEFORE if _is_series(self._kinds[kind]) else _ROWS_BEFORE
            sql = template.format(kind=_text(kind), table=self._kinds[kind].table, wanted=_WANTED)
            start = {**msgspec.structs.asdict(at), **people, "limit": limit - len(rows), "day": _day(at.period)}
            statement, values = bind(sql, **start)
            rows += await connection.fetch(statement, *values)
        return rows

    def _since(self, kinds: Sequence[str]) -> str:
        """Return the statement for what changed behind a position and before the horizon, in order."""
        rows = [kind for kind in kinds if not _is_series(self._kinds[kind])]
        parts = [_part(self._kinds[kind].table, _text(kind)) for kind in rows]
        parts += [
            _part(
                "sample_day JOIN sample_series USING (series)",
                _text(kind),
                period="day::text",
                series="series",
                what="points",
                code="code",
                device="nullif(device, '')",
            )
            for kind in kinds
            if kind not in rows
        ]
        named = ", ".join(f"'{kind}'" for kind in kinds) or "NULL"
        parts.append(
            _part(
                "replaced_session",
                'kind COLLATE "C"',
                series=f"{_GONE}::bigint",
                what="gone",
                created="0",
                only=f"AND kind IN ({named})",
            )
        )
        nothing = "''::text"
        parts.append(
            _part(
                "erased_person",
                _text(_PERSON),
                period=nothing,
                source=nothing,
                context=nothing,
                series=f"{_GONE}::bigint",
                what="erased",
                created="0",
            )
        )
        return f"SELECT * FROM ({' UNION ALL '.join(parts)}) AS change ORDER BY {_ORDER} LIMIT :limit"  # noqa: S608  # as above

    async def _changes(self, connection: Any, rows: Sequence[Any], prefix: str) -> list[Change]:
        records = await self._records(connection, [row for row in rows if row["what"] in {"row", "gone"}], prefix)
        changes: list[Change] = []
        for row in rows:
            is_there = _key(row) in records
            # A key that is there again is told by its row.
            if row["what"] != "gone" or not is_there:
                changes.append(_change(row, records.get(_key(row))))
        return changes

    async def _records(self, connection: Any, rows: Sequence[Any], prefix: str) -> dict[tuple[str, ...], str]:
        """Return the rows of these keys as JSON, by kind and key."""
        found: dict[tuple[str, ...], str] = {}
        for kind in {row["kind"] for row in rows}:
            measurement = self._kinds[kind]
            keys = [[row[name] for row in rows if row["kind"] == kind] for name in KEY_COLUMNS]
            names, row = ", ".join(KEY_COLUMNS), json_of(columns_of(measurement), prefix)
            statement = (
                f"SELECT {names}, {row} AS record FROM {measurement.table} AS held "  # noqa: S608  # as above
                f"JOIN unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS asked ({names}) USING ({names})"
            )
            for *key, record in await connection.fetch(statement, *keys):
                found[kind, *key] = record
        return found


_OF_A_ROW = {
    "period": "period",
    "source": "source",
    "context": "context",
    "series": "0::bigint",
    "what": "row",
    "code": "NULL::text",
    "device": "NULL::text",
    "created": "created_position",
    "only": "",
    "after": _AFTER,
    "wanted": _WANTED,
    "order": _ORDER,
}


def _part(table: str, kind: str, **other: str) -> str:
    """Return the part for the changes of one table; `other` is what is not as in a table of rows."""
    return _PART.format(**_OF_A_ROW | other, table=table, kind=kind)


def _text(word: str) -> str:
    return f"'{word}'::text COLLATE \"C\""


def _key(row: Any) -> tuple[str, ...]:
    return (row["kind"], *(row[name] for name in KEY_COLUMNS))


def _position(row: Any) -> Position:
    return Position(**{name: row[name] for name in Position.__struct_fields__})


def _day(period: str) -> date:
    return date.fromisoformat(period) if period else date.min


def _change(row: Any, record: str | None) -> Change:
    if row["what"] == "erased":
        return Change(
            type="erased", user_id=row["user_id"], kind=None, period=None, source=None, context=None, record=None
        )
    told: ChangeType = "deleted" if row["what"] == "gone" else "created" if row["is_new"] else "updated"
    return Change(
        type=told,
        user_id=row["user_id"],
        kind=row["kind"],
        period=row["period"],
        source=row["source"],
        context=row["context"],
        code=row.get("code"),
        device=row.get("device"),
        record=None if record is None else msgspec.Raw(record.encode()),
    )


def _is_series(measurement: Measurement) -> bool:
    return issubclass(measurement.record_type, SampleBatch)
