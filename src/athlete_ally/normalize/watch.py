"""Looking at the broker and the ledger every few seconds, so that a scrape never has to."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from athlete_ally.core import topology
from athlete_ally.core.errors import Unavailable
from athlete_ally.core.ports import Log, Now, Observer
from athlete_ally.core.series import NormalizeSeries

# Counting receipts costs the database something: it may take at most a fiftieth of its time.
_SHARE_OF_TIME = 50


class StreamView(Protocol):
    """A stream as the broker has it; sizes in bytes, `by_subject` counts messages."""

    @property
    def created(self) -> datetime:
        """When it was created."""
        ...

    @property
    def messages(self) -> int:
        """Messages in it."""
        ...

    @property
    def bytes(self) -> int:
        """Its size in bytes."""
        ...

    @property
    def max_bytes(self) -> int:
        """Its limit in bytes; -1 is none."""
        ...

    @property
    def first_sequence(self) -> int:
        """Sequence of its oldest message."""
        ...

    @property
    def by_subject(self) -> dict[str, int]:
        """Messages by subject, where asked for."""
        ...


class ConsumerView(Protocol):
    """A durable as the broker has it."""

    @property
    def pending(self) -> int:
        """Not yet delivered."""
        ...

    @property
    def ack_pending(self) -> int:
        """Delivered and not settled."""
        ...

    @property
    def redelivered(self) -> int:
        """Delivered more than once."""
        ...

    @property
    def ack_floor(self) -> int:
        """Sequence up to which all is settled."""
        ...


class BrokerView(Protocol):
    """Reads the broker's figures."""

    async def stream(self, name: str, subjects: str | None = None) -> StreamView | None:
        """Return a stream, with counts of the `subjects` that match, or None."""
        ...

    async def consumer(self, stream: str, name: str) -> ConsumerView | None:
        """Return a durable, or None."""
        ...

    async def stored_at(self, stream: str, from_sequence: int, subject: str) -> datetime | None:
        """Return when the first message of `subject` at or after `from_sequence` was stored, or None."""
        ...


class Receipts(Protocol):
    """Counts receipts."""

    async def count(self, kind: str, stream: str, from_sequence: int, since: datetime) -> int:
        """Return how many messages of a kind, from a sequence on, in a stream created `since`, have a receipt."""
        ...


@dataclass(frozen=True, slots=True)
class Watch:
    """Turns what the broker and the database say into series."""

    kinds: Sequence[str]
    broker: BrokerView
    receipts: Receipts
    observer: Observer
    series: NormalizeSeries
    log: Log
    now: Now
    every_s: float

    async def run(self, stop: asyncio.Event) -> None:
        """Look again and again until `stop` is set."""
        while not stop.is_set():
            counted_s = await self.look()
            pause_s = max(self.every_s, _SHARE_OF_TIME * counted_s)
            try:
                async with asyncio.timeout(pause_s):
                    await stop.wait()
            except TimeoutError:
                continue

    async def look(self) -> float:
        """Look once. What can't be read now leaves its series as they were, and `broker_up` at 0.

        Return for how many seconds the database counted; waiting in vain is no reason to look less often.
        """
        counted_s = 0.0
        try:
            for name in (topology.CORE_HOT, topology.VENDOR_HOT):
                await self._stream(name)
            await self._dead_letters()
            for kind in self.kinds:
                await self._durable(kind)
            for kind in self.kinds:
                counted_s += await self._ledger(kind)
        except Unavailable as error:
            self.observer.set(self.series.broker_up, value=0)
            self.log.debug("watch-failed", error=str(error))
        else:
            self.observer.set(self.series.broker_up, value=1)
        return counted_s

    async def _stream(self, name: str, subjects: str | None = None) -> StreamView:
        stream = await self.broker.stream(name, subjects)
        if stream is None:
            raise Unavailable(f"{name} is missing")
        self.observer.set(self.series.stream_messages, name, value=stream.messages)
        self.observer.set(self.series.stream_bytes, name, value=stream.bytes)
        self.observer.set(self.series.stream_limit, name, value=stream.max_bytes)
        return stream

    async def _dead_letters(self) -> None:
        depth = (await self._stream(topology.DLQ, "dlq.>")).by_subject
        for (subject,) in self.series.dlq_depth.values:
            self.observer.set(self.series.dlq_depth, subject, value=depth.get(subject, 0))

    async def _durable(self, kind: str) -> None:
        name = topology.normalize_durable(kind)
        labels = (topology.CORE_HOT, name)
        durable = await self.broker.consumer(*labels)
        if durable is None:
            raise Unavailable(f"{name} is missing")
        self.observer.set(self.series.pending, *labels, value=durable.pending)
        self.observer.set(self.series.ack_pending, *labels, value=durable.ack_pending)
        self.observer.set(self.series.redelivered, *labels, value=durable.redelivered)
        oldest = None
        if durable.pending or durable.ack_pending:
            subject = topology.raw_subject(kind)
            oldest = await self.broker.stored_at(topology.CORE_HOT, durable.ack_floor + 1, subject)
        age_s = (self.now() - oldest).total_seconds() if oldest else 0.0
        self.observer.set(self.series.oldest_age, *labels, value=max(0.0, age_s))

    async def _ledger(self, kind: str) -> float:
        """Messages in the stream, less those pending, less those with a receipt.

        Read in this order a message may be counted twice on the right, never missed: while there is traffic the result
        errs towards 0, and when it is quiet it is exact. Return for how many seconds the database counted.
        """
        subject = topology.raw_subject(kind)
        stream = await self.broker.stream(topology.CORE_HOT, subject)
        durable = await self.broker.consumer(topology.CORE_HOT, topology.normalize_durable(kind))
        if stream is None or durable is None:
            raise Unavailable("stream or durable is missing")
        started_s = time.monotonic()
        settled = await self.receipts.count(kind, topology.CORE_HOT, stream.first_sequence, stream.created)
        counted_s = time.monotonic() - started_s
        unaccounted = stream.by_subject.get(subject, 0) - durable.pending - durable.ack_pending - settled
        self.observer.set(self.series.kinds[kind].unaccounted, value=max(0, unaccounted))
        return counted_s
