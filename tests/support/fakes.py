"""In-memory twins of the adapters, trusted because `tests/contract` runs the same suites over them.

`effects` may be one list that several fakes share: it then tells in which order things happened to the world.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from athlete_ally.core.broker.topology import Durable, Topology, build_topology
from athlete_ally.core.errors import MessageTooLarge, Misconfigured, StreamFull, Unavailable
from athlete_ally.core.messages import headers
from athlete_ally.core.messages.message import Acknowledgement, Delivery, OutgoingMessage
from athlete_ally.core.readings.measurement import Measurement
from athlete_ally.core.readings.record import Record, newest
from athlete_ally.core.readings.sessions import (
    Removal,
    RemovalReason,
    Removed,
    is_session,
    latest_versions,
    same_session,
)
from athlete_ally.core.receipts import Receipt, Rejected, StoreRequest
from athlete_ally.core.series import Series
from athlete_ally.measurements import KINDS
from athlete_ally.vendors import FETCHED, VENDORS

Effect = tuple[str, str | int]
"""What was done to the world, and to which subject or sequence."""
Key = tuple[str, ...]


def dev_topology() -> Topology:
    """Return the desired state of a developer's machine."""
    return build_topology(KINDS, VENDORS, fetched=FETCHED)


class FakePublisher:
    """The `Publisher` port over lists.

    `published` holds what the streams took, duplicates left out; `tried` every attempt. Set `unavailable`, name full
    streams in `full`, and take a stream out of `limits` (bytes of a message) to make it missing.
    """

    def __init__(self, topology: Topology | None = None, effects: list[Effect] | None = None) -> None:
        """Start with the empty streams of `topology`."""
        self._topology = topology or dev_topology()
        self.limits = {stream.name: stream.max_message_bytes for stream in self._topology.streams}
        self.effects = [] if effects is None else effects
        self.unavailable = False
        self.full: set[str] = set()
        self.published: list[OutgoingMessage] = []
        self.tried: list[OutgoingMessage] = []
        self._held: dict[tuple[str, str], int] = {}
        self._last = dict.fromkeys(self.limits, 0)

    async def publish(self, message: OutgoingMessage) -> Acknowledgement:
        """See the port."""
        self.tried.append(message)
        await asyncio.sleep(0)
        if self.unavailable:
            raise Unavailable("the fake broker is away")
        stream = self._stream_of(message.subject)
        if stream != message.stream:
            raise Misconfigured(f"subject {message.subject} belongs to another stream than {message.stream}")
        held = self._held.get((stream, message.message_id))
        if held is not None:
            return Acknowledgement(stream, held, duplicate=True)
        if _size(message) > self.limits[stream]:
            raise MessageTooLarge(f"message of {len(message.body)} bytes passes max_msg_size of {stream}")
        if stream in self.full:
            raise StreamFull(f"{stream} takes no more messages")
        return self._keep(stream, message)

    def on(self, subject: str) -> list[OutgoingMessage]:
        """Return what was published on this subject."""
        return [message for message in self.published if message.subject == subject]

    def _keep(self, stream: str, message: OutgoingMessage) -> Acknowledgement:
        self._last[stream] += 1
        self._held[stream, message.message_id] = self._last[stream]
        self.published.append(message)
        self.effects.append(("publish", message.subject))
        return Acknowledgement(stream, self._last[stream], duplicate=False)

    def _stream_of(self, subject: str) -> str:
        for stream in self._topology.streams:
            if stream.name in self.limits and any(_matches(subject, pattern) for pattern in stream.subjects):
                return stream.name
        raise Unavailable(f"no stream answers for {subject}")


def _size(message: OutgoingMessage) -> int:
    all_headers = {**message.headers, headers.MSG_ID: message.message_id, headers.EXPECTED_STREAM: message.stream}
    lines = sum(len(f"{name}: {value}\r\n".encode()) for name, value in all_headers.items())
    return len("NATS/1.0\r\n\r\n") + lines + len(message.body)


def _matches(subject: str, pattern: str) -> bool:
    """Tell whether a pattern, literal or ending in `.>`, covers a subject."""
    return subject.startswith(pattern[:-1]) if pattern.endswith(".>") else subject == pattern


@dataclass(slots=True)
class _Held:
    """A message of the fake durable; `due_at_s` on the loop's clock, None while in progress or settled."""

    sequence: int
    subject: str
    body: bytes
    headers: Mapping[str, str]
    stored_at: datetime
    due_at_s: float | None = 0.0
    attempts: int = 0
    is_settled: bool = False


class FakeInbox:
    """The `Inbox` port over a list of messages; nothing is delivered again before `redeliver` or a retry's delay.

    `acked`, `terminated`, `retried` and `kept` hold sequences, the latter two with the delay and repeatedly. `fetches`
    counts pulls. Set `unavailable` to cut the broker off, `missing` to take the durable away.
    """

    def __init__(self, durable: Durable, effects: list[Effect] | None = None) -> None:
        """Start with an empty stream."""
        self._durable = durable
        self.effects = [] if effects is None else effects
        self.unavailable = False
        self.missing = False
        self.fetches = 0
        self.acked: list[int] = []
        self.terminated: list[tuple[int, str]] = []
        self.retried: list[tuple[int, float]] = []
        self.kept: list[int] = []
        self._messages: dict[int, _Held] = {}
        self._changed = asyncio.Event()

    def put(
        self,
        body: bytes,
        *,
        message_id: str | None = None,
        headers: Mapping[str, str] | None = None,
        subject: str | None = None,
        stored_at: datetime | None = None,
        attempts: int = 0,
    ) -> int:
        """Add a message that was delivered `attempts` times already, and return its sequence."""
        subject = subject or self._durable.filter_subjects[0]
        assert any(_matches(subject, each) for each in self._durable.filter_subjects), f"{subject} is not for us"
        own = {} if message_id is None else {"Nats-Msg-Id": message_id}
        sequence = len(self._messages) + 1
        stored_at = stored_at or datetime.now(UTC)
        self._messages[sequence] = _Held(
            sequence, subject, body, {**(headers or {}), **own}, stored_at, attempts=attempts
        )
        self._changed.set()
        return sequence

    def redeliver(self, *sequences: int) -> None:
        """Make these messages due now, or all that are not settled, as when their time to be settled has passed."""
        for message in self._messages.values():
            if not message.is_settled and (not sequences or message.sequence in sequences):
                message.due_at_s = 0.0
        self._changed.set()

    @property
    def unacknowledged(self) -> list[int]:
        """Sequences of messages that are neither acknowledged nor terminated."""
        return [message.sequence for message in self._messages.values() if not message.is_settled]

    async def fetch(self, limit: int, wait_s: float) -> Sequence[Delivery]:
        """See the port."""
        self.fetches += 1
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + wait_s
        while True:
            await asyncio.sleep(0)
            self._require_broker()
            if due := self._due(loop.time()):
                return [self._deliver(message) for message in due[:limit]]
            if loop.time() >= deadline_s:
                return []
            await self._wait_until(min([deadline_s, *self._due_times()]))

    async def ack(self, delivery: Delivery) -> None:
        """See the port."""
        self._settle(delivery, "ack")
        self.acked.append(delivery.sequence)

    async def retry(self, delivery: Delivery, delay_s: float) -> None:
        """See the port."""
        self._require_broker()
        message = self._messages[delivery.sequence]
        if not message.is_settled:
            message.due_at_s = asyncio.get_running_loop().time() + delay_s
        self.effects.append(("retry", delivery.sequence))
        self.retried.append((delivery.sequence, delay_s))
        self._changed.set()

    async def terminate(self, delivery: Delivery, reason: str) -> None:
        """See the port."""
        self._settle(delivery, "terminate")
        self.terminated.append((delivery.sequence, reason))

    async def keep(self, delivery: Delivery) -> None:
        """See the port."""
        self._require_broker()
        self.kept.append(delivery.sequence)

    def _settle(self, delivery: Delivery, how: str) -> None:
        self._require_broker()
        message = self._messages[delivery.sequence]
        message.is_settled = True
        message.due_at_s = None
        self.effects.append((how, delivery.sequence))

    def _deliver(self, message: _Held) -> Delivery:
        message.due_at_s = None
        message.attempts += 1
        return Delivery(
            stream=self._durable.stream,
            sequence=message.sequence,
            subject=message.subject,
            consumer=self._durable.name,
            body=message.body,
            headers=message.headers,
            attempt=message.attempts,
            stored_at=message.stored_at,
            token=(message.sequence, message.attempts),
        )

    def _due(self, now_s: float) -> list[_Held]:
        return [each for each in self._messages.values() if each.due_at_s is not None and each.due_at_s <= now_s]

    def _due_times(self) -> list[float]:
        return [each.due_at_s for each in self._messages.values() if each.due_at_s is not None]

    async def _wait_until(self, moment_s: float) -> None:
        self._changed.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout_at(moment_s):
                await self._changed.wait()

    def _require_broker(self) -> None:
        if self.unavailable or self.missing:
            raise Unavailable(f"can't reach {self._durable.name}")


@dataclass(frozen=True, slots=True)
class ReceiptRow:
    """A receipt as it is on record: how many readings of a message ended where."""

    kind: str
    readings: int
    stored: int
    superseded: int
    duplicate: int
    dead_lettered: int
    rejected: tuple[Rejected, ...]
    received_at: datetime

    def __post_init__(self) -> None:
        """Insist, like the database, that every reading is accounted for."""
        assert self.readings == self.stored + self.superseded + self.duplicate + self.dead_lettered, self


class FakeStore:
    """The `Store` port over dictionaries.

    `refuse` returns the SQLSTATE with which a record is refused, or None. Set `unavailable` to take the database away.
    `rows` holds the current record of each key by kind, `receipts` a row by message id, stream and sequence.
    """

    def __init__(
        self, refuse: Callable[[Record], str | None] = lambda _: None, effects: list[Effect] | None = None
    ) -> None:
        """Start empty."""
        self.refuse: Callable[[Record], str | None] = refuse
        self.effects = [] if effects is None else effects
        self.unavailable = False
        self.rows: dict[str, dict[Key, Record]] = {}
        self.receipts: dict[tuple[str, str, int], ReceiptRow] = {}
        self.lone_starts: dict[tuple[str, str, int], int] = {}
        self.versions: dict[str, list[Record]] = {}
        self.removals: dict[str, list[Removal]] = {}
        self.removed: dict[tuple[str, int], tuple[Removed, ...]] = {}

    async def store(self, measurement: Measurement, requests: Sequence[StoreRequest]) -> Sequence[Receipt]:
        """See the port."""
        await self._require_database()
        table = self.rows.setdefault(measurement.kind, {})
        known = dict(self.receipts)
        known_ids = {message_id for message_id, _, _ in known}
        fresh = {request.message_id: request for request in reversed(requests) if request.message_id not in known_ids}
        removed = self._take_back(measurement.kind, table, fresh.values())
        written, refused, replaced = self._settle(measurement, table, fresh.values())
        for place, gone in (*removed, *replaced):
            self.removed[place] = (*self.removed.get(place, ()), gone)
        receipts = [
            _fresh_receipt(request, written, refused)
            if fresh.get(request.message_id) is request
            else _repeated(request, known, table)
            for request in requests
        ]
        self._remember(measurement.kind, requests, receipts)
        return [
            replace(receipt, removed=self.removed.get((request.message_id, request.sequence), ()))
            for request, receipt in zip(requests, receipts, strict=True)
        ]

    def _take_back(
        self, kind: str, table: dict[Key, Record], requests: Iterable[StoreRequest]
    ) -> list[tuple[tuple[str, int], Removed]]:
        gone: list[tuple[tuple[str, int], Removed]] = []
        for request in requests:
            for removal in request.removals:
                self.removals.setdefault(kind, []).append(removal)
                for key in [key for key, record in table.items() if removal.takes(record)]:
                    gone.append(((request.message_id, request.sequence), _removed(table[key], "deleted")))
                    self.versions.setdefault(kind, []).append(table.pop(key))
        return gone

    def _settle(
        self, measurement: Measurement, table: dict[Key, Record], requests: Iterable[StoreRequest]
    ) -> tuple[set[int], list[tuple[Record, str]], list[tuple[tuple[str, int], Removed]]]:
        """Write what is newest of each key and session; return also the rows that went for it, by their message."""
        overlap, kind = measurement.overlap, measurement.kind
        bringer = {id(each): (it.message_id, it.sequence) for it in requests for each in it.records}
        records = [record for request in requests for record in request.records]
        latest, older = latest_versions(records, overlap)
        held, taken = [*table.values(), *self.versions.get(kind, [])], self.removals.get(kind, [])
        barred = {
            id(each)
            for each in latest
            if is_session(each, overlap)
            and (
                any(same_session(each, other, overlap) and other.order > each.order for other in held)
                or any(removal.takes(each) for removal in taken)
            )
        }
        self.versions.setdefault(kind, []).extend([*older, *(each for each in latest if id(each) in barred)])
        written, refused = self._write(table, [each for each in latest if id(each) not in barred])
        gone: list[tuple[tuple[str, int], Removed]] = []
        seen = [each for each in records if id(each) in written or each in self.versions[kind]]
        for each in sorted(seen, key=lambda each: each.order, reverse=True):
            for other in [other for other in table.values() if other.order < each.order]:
                if is_session(each, overlap) and same_session(each, other, overlap):
                    gone.append((bringer[id(each)], _removed(other, "replaced")))
                    self.versions[kind].append(table.pop(other.key))
        return written, refused, gone

    async def start_alone(self, message_id: str, stream: str, sequence: int) -> int:
        """See the port."""
        await self._require_database()
        here = (message_id, stream, sequence)
        started = self.lone_starts.get(here, 0)
        self.lone_starts[here] = started + 1
        self.effects.append(("start-alone", sequence))
        return started

    def current(self, kind: str) -> list[Record]:
        """Return the records of a kind, sorted by key."""
        table = self.rows.get(kind, {})
        return [table[key] for key in sorted(table)]

    def _write(self, table: dict[Key, Record], records: Sequence[Record]) -> tuple[set[int], list[tuple[Record, str]]]:
        """Write the newest acceptable record of each key; return the ids of those written, and the refused."""
        written: set[int] = set()
        refused: list[tuple[Record, str]] = []
        remaining: list[Record] = list(records)
        while remaining:
            best = newest(remaining)
            states = {id(record): self.refuse(record) for record in best}
            again = {record.key for record in best if states[id(record)] is not None}
            refused += [(record, state) for record in best if (state := states[id(record)]) is not None]
            for record in best:
                held = table.get(record.key)
                if record.key not in again and (held is None or held.order < record.order):
                    table[record.key] = record
                    written.add(id(record))
            remaining = [record for record in remaining if record.key in again and id(record) not in states]
        return written, refused

    def _remember(self, kind: str, requests: Sequence[StoreRequest], receipts: Sequence[Receipt]) -> None:
        for request, receipt in zip(requests, receipts, strict=True):
            if not receipt.is_redelivery:
                here = (request.message_id, request.stream, request.sequence)
                assert here not in self.receipts, f"{here} twice in one batch"
                self.receipts[here] = _row(kind, request, receipt)
                self.effects.append(("store", request.sequence))
        ids = {request.message_id for request in requests}
        self.lone_starts = {here: starts for here, starts in self.lone_starts.items() if here[0] not in ids}

    async def _require_database(self) -> None:
        await asyncio.sleep(0)
        if self.unavailable:
            raise Unavailable("the fake database is away")


def _removed(record: Record, reason: RemovalReason) -> Removed:
    return Removed(record.user_id, record.period, record.source, record.context, record.session_id, reason)


def _fresh_receipt(request: StoreRequest, written: set[int], refused: Sequence[tuple[Record, str]]) -> Receipt:
    stored = tuple(record for record in request.records if id(record) in written)
    by_database = tuple(
        Rejected(record.reading_index, "non-retryable", f"the database refuses the row (SQLSTATE {state})")
        for record, state in refused
        if any(record is own for own in request.records)
    )
    return Receipt(
        is_redelivery=False,
        is_duplicate=False,
        stored=stored,
        superseded=len(request.records) + len(request.removals) - len(stored) - len(by_database),
        rejected=request.rejected + by_database,
    )


def _repeated(
    request: StoreRequest, known: Mapping[tuple[str, str, int], ReceiptRow], table: Mapping[Key, Record]
) -> Receipt:
    row = known.get((request.message_id, request.stream, request.sequence))
    if row is None:
        return Receipt(is_redelivery=False, is_duplicate=True, stored=(), superseded=0, rejected=())
    dead = {each.index for each in row.rejected}
    candidates = newest(record for record in request.records if record.reading_index not in dead)
    stored = tuple(record for record in candidates if _is_from_same_message(record, table.get(record.key)))
    return Receipt(
        is_redelivery=True,
        is_duplicate=False,
        stored=stored,
        superseded=max(0, request.readings - len(stored) - len(row.rejected)),
        rejected=row.rejected,
    )


def _is_from_same_message(record: Record, held: Record | None) -> bool:
    if held is None:
        return False
    return (held.message_id, held.stream_sequence) == (record.message_id, record.stream_sequence)


def _row(kind: str, request: StoreRequest, receipt: Receipt) -> ReceiptRow:
    return ReceiptRow(
        kind=kind,
        readings=request.readings,
        stored=len(receipt.stored),
        superseded=receipt.superseded,
        duplicate=request.readings if receipt.is_duplicate else 0,
        dead_lettered=len(receipt.rejected),
        rejected=receipt.rejected,
        received_at=request.received_at,
    )


@dataclass(slots=True)
class FakeObserver:
    """The `Observer` port over dictionaries; like the real one it refuses series that were not declared.

    It is stricter with labels: a label set has to be among those initialised at start.
    """

    declared: Iterable[Series]
    values: dict[tuple[str, ...], float] = field(default_factory=dict[tuple[str, ...], float])
    observations: dict[tuple[str, ...], list[float]] = field(default_factory=dict[tuple[str, ...], list[float]])
    examples: list[str] = field(default_factory=list[str])
    _by_name: dict[str, Series] = field(init=False)

    def __post_init__(self) -> None:
        """Initialise every label set of counters and gauges at 0."""
        self._by_name = {series.name: series for series in self.declared}
        for series in self._by_name.values():
            for labels in series.values or ((),) * (not series.labels):
                self.values[series.name, *labels] = 0.0

    def count(self, series: Series, *labels: str, by: float = 1) -> None:
        """See the port."""
        self._check(series, labels, "counter")
        self.values[series.name, *labels] = self.values.get((series.name, *labels), 0.0) + by

    def observe(self, series: Series, *labels: str, value: float, trace_id: str | None = None) -> None:
        """See the port."""
        self._check(series, labels, "histogram")
        if trace_id is not None:
            self.examples.append(trace_id)
        self.observations.setdefault((series.name, *labels), []).append(value)

    def set(self, series: Series, *labels: str, value: float) -> None:
        """See the port."""
        self._check(series, labels, "gauge")
        self.values[series.name, *labels] = value

    def value(self, series: Series, *labels: str) -> float:
        """Return the figure of one label set."""
        return self.values[series.name, *labels]

    def total(self, series: Series, first_label: str) -> float:
        """Return the sum over all label sets that begin with this label."""
        return sum(value for labels, value in self.values.items() if labels[:2] == (series.name, first_label))

    def _check(self, series: Series, labels: tuple[str, ...], wanted: str) -> None:
        if self._by_name[series.name].type != wanted:
            raise AttributeError(f"{series.name} is a {series.type}, not a {wanted}")
        if len(labels) != len(series.labels) or (series.values and labels not in series.values):
            raise ValueError(f"{series.name} has no label set {labels}")


@dataclass(frozen=True, slots=True)
class LogLine:
    """One logged event."""

    level: str
    event: str
    fields: Mapping[str, object]


class FakeLog:
    """The `Log` port over a list of lines."""

    def __init__(self) -> None:
        """Start with no lines."""
        self.lines: list[LogLine] = []

    def debug(self, event: str, **fields: object) -> object:
        """See the port."""
        return self._add("debug", event, fields)

    def info(self, event: str, **fields: object) -> object:
        """See the port."""
        return self._add("info", event, fields)

    def warning(self, event: str, **fields: object) -> object:
        """See the port."""
        return self._add("warning", event, fields)

    def error(self, event: str, **fields: object) -> object:
        """See the port."""
        return self._add("error", event, fields)

    def named(self, event: str) -> list[LogLine]:
        """Return the lines of one event."""
        return [line for line in self.lines if line.event == event]

    def _add(self, level: str, event: str, fields: dict[str, Any]) -> None:
        self.lines.append(LogLine(level, event, fields))
