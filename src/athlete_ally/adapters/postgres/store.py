"""The `Store` port on PostgreSQL."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import asyncpg

from athlete_ally.adapters.postgres.errors import RowRefused, row_refusals
from athlete_ally.adapters.postgres.pool import writing
from athlete_ally.adapters.postgres.sessions import Cause, Sessions
from athlete_ally.adapters.postgres.sql import load_sql
from athlete_ally.adapters.postgres.tables import Connection, Key, table_for
from athlete_ally.core.errors import Unavailable
from athlete_ally.core.messages.trace import trace_id
from athlete_ally.core.readings.measurement import Measurement
from athlete_ally.core.readings.record import Record, newest
from athlete_ally.core.readings.sample_batch import SampleBatch
from athlete_ally.core.readings.sessions import Overlap, is_session, latest_versions
from athlete_ally.core.receipts import Receipt, Rejected, StoreRequest

_ALREADY_THERE = "23505"

_KNOWN = load_sql("known_receipts")
_REMEMBER = load_sql("insert_receipts")
_START_ALONE = load_sql("start_alone")
_FORGET_STARTS = load_sql("forget_lone_starts")
_MOVE = load_sql("move_receipts")


class PostgresStore:
    """Keeps records and receipts; every call is one transaction."""

    def __init__(self, pool: "asyncpg.Pool[Any]") -> None:
        """Use connections of this pool."""
        self._pool = pool

    async def store(self, measurement: Measurement, requests: Sequence[StoreRequest]) -> Sequence[Receipt]:
        """See the port."""
        for _ in requests:
            try:
                return await self._store(measurement, requests)
            except RowRefused as refusal:
                # Another worker put at least one more of these messages on record; next time it is known.
                if refusal.sqlstate != _ALREADY_THERE:
                    raise Unavailable(f"a receipt can't be written: {refusal}") from refusal
        return await self._store(measurement, requests)

    async def _store(self, measurement: Measurement, requests: Sequence[StoreRequest]) -> Sequence[Receipt]:
        async with writing(self._pool) as connection, connection.transaction():
            return await _Batch(connection, measurement, requests).store()

    async def start_alone(self, message_id: str, stream: str, sequence: int) -> int:
        """See the port."""
        async with writing(self._pool) as connection:
            return await connection.fetchval(_START_ALONE, message_id, stream, sequence) - 1


@dataclass(slots=True)
class _Written:
    """The outcome of the rows of a batch: by key the record that is current now, and the refused rows."""

    current: dict[Key, Record] = field(default_factory=dict[Key, Record])
    refused: list[tuple[Record, str]] = field(default_factory=list[tuple[Record, str]])


@dataclass(frozen=True, slots=True)
class _Known:
    """What is on record of a message: how many of its records were stored, what was rejected, and its time."""

    stored: int
    rejected: tuple[Rejected, ...]
    stored_at: datetime | None


class _Batch:
    """One batch of lots on its way into the database, inside one transaction."""

    def __init__(self, connection: Connection, measurement: Measurement, requests: Sequence[StoreRequest]) -> None:
        self._connection = connection
        self._kind = measurement.kind
        self._overlap: Overlap = measurement.overlap
        self._has_sessions = False
        self._sessions = None if issubclass(measurement.record_type, SampleBatch) else Sessions(measurement)
        self._table = table_for(measurement)
        self._requests = requests

    async def store(self) -> list[Receipt]:
        known = await self._known()
        fresh = _first_of_each(self._requests, known)
        written = await self._settle(fresh)
        fresh_receipts = {id(request): _receipt(request, written) for request in fresh}
        receipts = [
            fresh_receipts.get(id(request)) or await self._repeated(request, known) for request in self._requests
        ]
        await self._remember(receipts)
        await self._move(known)
        return await self._with_removed(receipts)

    async def _settle(self, fresh: Sequence[StoreRequest]) -> _Written:
        """Write what is newest of each key and of each session, and take away what it replaces."""
        records = [record for request in fresh for record in request.records]
        removals = [(each, request) for request in fresh for each in request.removals]
        linked = [record for record in records if is_session(record, self._overlap)]
        if self._sessions is None or not (linked or removals):
            return await self._write(records)
        self._has_sessions = True
        await self._sessions.lock(self._connection, {each.user_id for each in (*linked, *(it for it, _ in removals))})
        if removals:
            causes = [Cause(each, request.message_id, request.sequence) for each, request in removals]
            await self._sessions.delete(self._connection, causes)
        latest, older = latest_versions(records, self._overlap)
        barred = await self._sessions.barred(self._connection, linked) if linked else set[tuple[Any, ...]]()
        older += [record for record in latest if (*record.key, *record.order) in barred]
        written = await self._write([record for record in latest if (*record.key, *record.order) not in barred])
        bringer = {id(record): request for request in fresh for record in request.records}
        await self._sessions.replace(
            self._connection,
            [_cause(each, bringer) for each in written.current.values() if is_session(each, self._overlap)],
            [_cause(each, bringer) for each in older],
        )
        return written

    async def _with_removed(self, receipts: Sequence[Receipt]) -> list[Receipt]:
        """Return the receipts with the rows that went because of their messages: a second attempt tells them again."""
        if self._sessions is None or not (self._has_sessions or any(each.is_redelivery for each in receipts)):
            return list(receipts)
        removed = await self._sessions.removed(self._connection, self._requests)
        return [
            replace(receipt, removed=removed.get((request.message_id, request.sequence), ()))
            for request, receipt in zip(self._requests, receipts, strict=True)
        ]

    async def _known(self) -> dict[str, dict[tuple[str, int], _Known]]:
        """Return what is on record for these messages: by id, then by stream and sequence."""
        rows = await self._connection.fetch(_KNOWN, [request.message_id for request in self._requests])
        known: dict[str, dict[tuple[str, int], _Known]] = {}
        for row in rows:
            rejected = tuple(Rejected(**each) for each in json.loads(row["rejected"]))
            known.setdefault(row["message_id"], {})[row["stream"], row["sequence"]] = _Known(
                row["stored"], rejected, row["stored_at"]
            )
        return known

    async def _write(self, records: Sequence[Record]) -> _Written:
        """Write the newest record of each key; if the database refuses it, the next newest gets its chance."""
        written = _Written()
        remaining: list[Record] = list(records)
        while remaining:
            refused_before = len(written.refused)
            await self._upsert(newest(remaining), written)
            refused = [record for record, _ in written.refused[refused_before:]]
            keys = {record.key for record in refused}
            remaining = [record for record in remaining if record.key in keys and record not in refused]
        return written

    async def _upsert(self, records: Sequence[Record], written: _Written) -> None:
        """Write rows; where the database refuses some, find them by halving, and write the others."""
        try:
            async with self._connection.transaction():
                with row_refusals():
                    keys = await self._table.write(self._connection, records)
        except RowRefused as refusal:
            if len(records) == 1:
                written.refused.append((records[0], refusal.sqlstate))
                return
            middle = len(records) // 2
            await self._upsert(records[:middle], written)
            await self._upsert(records[middle:], written)
            return
        written.current |= {record.key: record for record in records if record.key in keys}

    async def _repeated(self, request: StoreRequest, known: dict[str, dict[tuple[str, int], _Known]]) -> Receipt:
        """Return the receipt of a request that was stored before, or whose content was."""
        before = known.get(request.message_id, {}).get((request.stream, request.sequence))
        if before is None:
            return Receipt(is_redelivery=False, is_duplicate=True, stored=(), superseded=0, rejected=())
        # What the database refused once it would refuse as a question too.
        dead = {each.index for each in before.rejected}
        candidates = [record for record in request.records if record.reading_index not in dead]
        stored = await self._current(candidates) if before.stored else ()
        return Receipt(
            is_redelivery=True,
            is_duplicate=False,
            stored=stored,
            superseded=max(0, request.readings - len(stored) - len(before.rejected)),
            rejected=before.rejected,
        )

    async def _current(self, candidates: Sequence[Record]) -> tuple[Record, ...]:
        records = newest(candidates)
        current = await self._table.current(self._connection, records)
        return tuple(record for record in records if record.key in current)

    async def _remember(self, receipts: Sequence[Receipt]) -> None:
        # Sorted, so that two workers with the same messages wait for each other in one order and never deadlock.
        rows = sorted(
            (
                _row(self._kind, request, receipt)
                for request, receipt in zip(self._requests, receipts, strict=True)
                if not receipt.is_redelivery
            ),
            key=lambda row: row[:3],
        )
        if rows:
            await self._connection.execute(_REMEMBER, *map(list, zip(*rows, strict=True)))
        await self._connection.execute(_FORGET_STARTS, [request.message_id for request in self._requests])

    async def _move(self, known: dict[str, dict[tuple[str, int], _Known]]) -> None:
        """Let receipts of an earlier life of the stream be about the messages that are there now."""
        moved = [
            (request.message_id, request.stream, request.sequence, request.stored_at)
            for request in self._requests
            if (before := known.get(request.message_id, {}).get((request.stream, request.sequence))) is not None
            and before.stored_at != request.stored_at
        ]
        if moved:
            await self._connection.execute(_MOVE, *map(list, zip(*sorted(moved), strict=True)))


def _cause(record: Record, bringer: dict[int, StoreRequest]) -> Cause:
    request = bringer[id(record)]
    return Cause(record, request.message_id, request.sequence)


def _first_of_each(requests: Sequence[StoreRequest], known: dict[str, Any]) -> list[StoreRequest]:
    """Return the lots whose content is new; of several with one id in this batch, the first."""
    seen = set(known)
    fresh: list[StoreRequest] = []
    for request in requests:
        if request.message_id not in seen:
            seen.add(request.message_id)
            fresh.append(request)
    return fresh


def _receipt(request: StoreRequest, written: _Written) -> Receipt:
    stored = tuple(record for record in request.records if written.current.get(record.key) is record)
    rejected = tuple(
        Rejected(record.reading_index, "non-retryable", f"the database refuses the row (SQLSTATE {sqlstate})")
        for record, sqlstate in written.refused
        if any(record is own for own in request.records)
    )
    superseded = len(request.records) + len(request.removals) - len(stored) - len(rejected)
    return Receipt(
        is_redelivery=False,
        is_duplicate=False,
        stored=stored,
        superseded=superseded,
        rejected=request.rejected + rejected,
    )


def _row(kind: str, request: StoreRequest, receipt: Receipt) -> tuple[Any, ...]:
    dead = len(receipt.rejected)
    duplicate = request.readings if receipt.is_duplicate else 0
    rejected = json.dumps(
        [{"index": each.index, "reason": each.reason, "error": each.error} for each in receipt.rejected]
    )
    return (
        request.message_id,
        request.stream,
        request.sequence,
        kind,
        request.readings,
        len(receipt.stored),
        receipt.superseded,
        duplicate,
        dead,
        rejected,
        request.received_at,
        request.replay_of,
        trace_id(request.traceparent),
        request.parent and request.parent.message_id,
        request.parent and request.parent.sequence,
        request.sender,
        request.stored_at,
    )
