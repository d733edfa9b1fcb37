"""Versions of sessions in PostgreSQL: `core.readings.sessions` says which records are versions of one session."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from athlete_ally.core.readings.measurement import Measurement
from athlete_ally.core.readings.record import Record
from athlete_ally.core.readings.sessions import SESSION_CONTEXTS, Overlap, Removal, Removed
from athlete_ally.core.receipts import StoreRequest

Connection = Any
_CONTEXTS = "{" + ",".join(SESSION_CONTEXTS) + "}"
# Of those who write one person's sessions of a kind one at a time; few enough that no batch runs out of locks.
_LOCKS = "SELECT pg_advisory_xact_lock($1, bucket) FROM unnest($2::integer[]) AS bucket ORDER BY bucket"
_LOCK_CLASS, _BUCKETS = 0x5E55, 128
_ASKED = """
unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::date[], $8::timestamptz[],
    $9::timestamptz[], $10::timestamptz[], $11::bigint[], $12::integer[], $13::text[], $14::bigint[]
) AS a (
    user_id, source, context, period, session_id, device, day, starts_at, ends_at, captured_at, stream_sequence,
    reading_index, by_message, by_sequence
)"""
_ORDER = "captured_at, {0}.stream_sequence, {0}.reading_index"
_IS_OLDER = f"({{0}}.{_ORDER.format('{0}')}) < ({{1}}.{_ORDER.format('{1}')})"
# Beyond the longest interval no two versions of a session are: the days of a person are in an index.
_OVERLAPS = """
h.context = a.context AND a.context = ANY ('{contexts}')
AND (h.device IS NULL OR a.device IS NULL OR h.device = a.device)
AND h.day BETWEEN a.day - 3 AND a.day + 3 AND (
    2 * (least(h.ends_at, a.ends_at) - greatest(h.starts_at, a.starts_at))
        > least(h.ends_at - h.starts_at, a.ends_at - a.starts_at)
    AND least(h.ends_at, a.ends_at) > greatest(h.starts_at, a.starts_at)
    AND h.starts_at IS NOT NULL AND a.starts_at IS NOT NULL
    OR a.context = 'overnight' AND h.day = a.day AND (h.starts_at IS NULL) <> (a.starts_at IS NULL)
)"""
_TAKEN_BACK = "h.session_id IS NULL AND h.starts_at <= a.starts_at AND a.ends_at <= h.ends_at"
_NOTED = """
INSERT INTO replaced_session AS known (
    kind, user_id, source, context, period, session_id, device, day, starts_at, ends_at, captured_at, stream_sequence,
    reading_index, reason, by_message, by_sequence, was_there, changed_position
)
SELECT DISTINCT ON (user_id, source, context, period, coalesce(session_id, ''))
    {kind}, user_id, source, context, period, session_id, device, day, starts_at, ends_at, captured_at,
    stream_sequence, reading_index, {reason}, by_message, by_sequence, {was_there}, {position}
FROM {rows}
ORDER BY user_id, source, context, period, coalesce(session_id, ''), captured_at DESC, stream_sequence DESC,
    reading_index DESC
ON CONFLICT (user_id, kind, source, context, period, (coalesce(session_id, ''))) DO UPDATE SET
    device = excluded.device, day = excluded.day, starts_at = excluded.starts_at, ends_at = excluded.ends_at,
    captured_at = excluded.captured_at, stream_sequence = excluded.stream_sequence,
    reading_index = excluded.reading_index, reason = excluded.reason, by_message = excluded.by_message,
    by_sequence = excluded.by_sequence, was_there = excluded.was_there, replaced_at = clock_timestamp(),
    changed_position = greatest(known.changed_position, excluded.changed_position)
WHERE (known.captured_at, known.stream_sequence, known.reading_index)
    < (excluded.captured_at, excluded.stream_sequence, excluded.reading_index)
OR (known.captured_at, known.stream_sequence, known.reading_index)
    = (excluded.captured_at, excluded.stream_sequence, excluded.reading_index) AND excluded.was_there"""
_GONE_BY = """
SELECT user_id, period, source, context, session_id, reason, by_message, by_sequence FROM replaced_session
JOIN unnest($2::text[], $3::bigint[]) AS asked (by_message, by_sequence) USING (by_message, by_sequence)
WHERE kind = $1 AND was_there ORDER BY user_id, period, context"""


@dataclass(frozen=True, slots=True)
class Cause:
    """A record or a deletion, with the message that brings it."""

    what: Record | Removal
    message_id: str
    sequence: int


class Sessions:
    """The versions of one kind's sessions. The caller holds the locks of the people concerned, see `lock`."""

    def __init__(self, measurement: Measurement) -> None:
        """Derive the statements."""
        self._kind = measurement.kind
        same = _same(measurement.overlap)
        table = measurement.table
        self._barred = (
            f"SELECT a.user_id, a.period, a.source, a.context, a.{_ORDER.format('a')} FROM {_ASKED} "  # noqa: S608  # names of our own kinds
            f"WHERE EXISTS (SELECT FROM {table} AS h WHERE {same} AND {_IS_OLDER.format('a', 'h')}) "
            f"OR EXISTS (SELECT FROM replaced_session AS h WHERE h.kind = $15 AND (({same}) OR "
            f"(h.user_id = a.user_id AND h.source = a.source AND h.reason = 'deleted' AND {_TAKEN_BACK})) "
            f"AND {_IS_OLDER.format('a', 'h')})"
        )
        own = "h.user_id, h.source, h.context, h.period, h.session_id, h.device, h.day, h.starts_at, h.ends_at"
        order = "h.captured_at, h.stream_sequence, h.reading_index, a.by_message, a.by_sequence"
        self._replace = self._removing(f"{own}, {order}", table, f"{same}", "replaced")
        within = "a.session_id IS NULL AND h.starts_at >= a.starts_at AND h.ends_at <= a.ends_at"
        taken = f"h.user_id = a.user_id AND h.source = a.source AND (h.session_id = a.session_id OR ({within}))"
        self._delete = self._removing(f"{own}, {order}", table, taken, "deleted")
        self._note = {
            reason: _NOTED.format(kind="$15", reason=f"'{reason}'", was_there="false", position="0", rows=_ASKED)
            for reason in ("replaced", "deleted")
        }

    def _removing(self, columns: str, table: str, which: str, reason: str) -> str:
        gone = (
            f"DELETE FROM {table} AS h USING {_ASKED} WHERE {which} AND {_IS_OLDER.format('h', 'a')} "  # noqa: S608  # as above
            f"RETURNING {columns}"
        )
        return f"WITH gone AS ({gone}) " + _NOTED.format(
            kind="$15::text",
            reason=f"'{reason}'",
            was_there="true",
            position="position",
            rows="gone, change_position() AS position",
        )

    async def lock(self, connection: Connection, users: set[str]) -> None:
        """Let nobody else write sessions of these people until the transaction ends."""
        buckets = sorted({crc32(f"{self._kind} {user}".encode()) % _BUCKETS for user in users})
        await connection.execute(_LOCKS, _LOCK_CLASS, buckets)

    async def barred(self, connection: Connection, records: Sequence[Record]) -> set[tuple[Any, ...]]:
        """Return keys and orders of those of which a newer version is on record, or that were taken back."""
        causes = [Cause(record, record.message_id, record.stream_sequence) for record in records]
        rows = await connection.fetch(self._barred, *_columns(causes), self._kind)
        return {tuple(row) for row in rows}

    async def replace(self, connection: Connection, causes: Sequence[Cause], older: Sequence[Cause]) -> None:
        """Take away the older versions of records, and note them.

        Those of `older` are no rows themselves, since a newer version was there before them: they are noted too, so
        that the order of arrival does not matter.
        """
        if older:
            await connection.execute(self._note["replaced"], *_columns(older), self._kind)
        if causes or older:
            await connection.execute(self._replace, *_columns([*causes, *older]), self._kind)

    async def delete(self, connection: Connection, causes: Sequence[Cause]) -> None:
        """Take away what was taken back, and note that it stays away."""
        await connection.execute(self._note["deleted"], *_columns(causes), self._kind)
        await connection.execute(self._delete, *_columns(causes), self._kind)

    async def removed(
        self, connection: Connection, requests: Sequence[StoreRequest]
    ) -> dict[tuple[str, int], tuple[Removed, ...]]:
        """Return the rows that went because of these messages, by id and sequence."""
        ids, sequences = [each.message_id for each in requests], [each.sequence for each in requests]
        gone: dict[tuple[str, int], tuple[Removed, ...]] = {}
        for row in await connection.fetch(_GONE_BY, self._kind, ids, sequences):
            *columns, message_id, sequence = tuple(row)
            place = (message_id, sequence)
            gone[place] = (*gone.get(place, ()), Removed(*columns))
        return gone


def _same(overlap: Overlap) -> str:
    linked = "(h.period, h.context) = (a.period, a.context) OR h.session_id = a.session_id"
    if overlap != "never":
        names = "(h.session_id IS NULL OR a.session_id IS NULL) AND " if overlap == "unnamed" else ""
        linked += f" OR {names}{_OVERLAPS.format(contexts=_CONTEXTS)}"
    return f"h.user_id = a.user_id AND h.source = a.source AND ({linked})"


def _columns(causes: Sequence[Cause]) -> list[list[Any]]:
    return [list(column) for column in zip(*map(_row, causes), strict=True)]


def _row(cause: Cause) -> tuple[Any, ...]:
    what = cause.what
    place = (what.starts_at, what.ends_at, *what.order, cause.message_id, cause.sequence)
    if isinstance(what, Removal):
        # An interval is a key of its own: two deletions of one source are two.
        period = "" if what.starts_at is None else f"{what.starts_at.isoformat()}/{what.ends_at}"
        return (what.user_id, what.source, "", period, what.session_id, None, None, *place)
    return (what.user_id, what.source, what.context, what.period, what.session_id, what.device, what.day, *place)
