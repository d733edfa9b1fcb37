"""Looking at the broker and the ledger every few seconds, so that a scrape never has to."""

import asyncio
import math
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from athlete_ally.core.broker.beyond_end import beyond_end
from athlete_ally.core.broker.state import LiveDurable, LiveStream
from athlete_ally.core.broker.topology import DLQ, Durable, Stream, Topology, foreign_letter_subject
from athlete_ally.core.errors import Unavailable
from athlete_ally.core.ports import Log, Now, Observer
from athlete_ally.core.series import BrokerSeries
from athlete_ally.core.series.broker import OTHER, SHELVED
from athlete_ally.normalize.report import place_of

# Counting receipts costs the database something: it may take at most a fiftieth of its time.
_SHARE_OF_TIME = 50
_UNKNOWN = -1


class BrokerView(Protocol):
    """Reads the broker's figures."""

    async def stream(self, name: str, subjects: str | None = None) -> LiveStream | None:
        """Return a stream, with counts of the `subjects` that match, or None."""
        ...

    async def durable(self, stream: str, name: str) -> LiveDurable | None:
        """Return a durable, or None."""
        ...

    async def stored_at(self, stream: str, from_sequence: int, subject: str) -> datetime | None:
        """Return when the first message of `subject` at or after `from_sequence` was stored, or None."""
        ...


class Ledger(Protocol):
    """Computes the ledger. See `normalize.ledger`."""

    async def balance(self) -> float:
        """Tell what is unaccounted for; return for how many seconds the database counted."""
        ...


@dataclass(frozen=True, slots=True)
class MetricsPoller:
    """Turns what the broker says into series.

    `differences` counts, by stream or durable, the fields that differ from the desired state. `syncs_always` tells
    whether the server flushes before it acknowledges; None where nobody can tell.
    """

    desired: Topology
    broker: BrokerView
    ledger: Ledger
    differences: Callable[[], Awaitable[Mapping[str, int]]]
    syncs_always: Callable[[], Awaitable[bool | None]]
    observer: Observer
    series: BrokerSeries
    log: Log
    now: Now
    every_s: float

    async def run(self, stop: asyncio.Event) -> None:
        """Look again and again until `stop` is set."""
        while not stop.is_set():
            try:
                counted_s = await self.look()
            except Exception as error:  # noqa: BLE001  # what only watches must not stop what stores
                self.observer.set(self.series.watch_success, value=0)
                self.log.error("unforeseen", type=type(error).__name__, place=place_of(error))  # noqa: TRY400
                counted_s = 0.0
            pause_s = max(self.every_s, _SHARE_OF_TIME * counted_s)
            try:
                async with asyncio.timeout(pause_s):
                    await stop.wait()
            except TimeoutError:
                continue

    async def look(self) -> float:
        """Look once. What can't be read now leaves its series as they were, and `watch_success` at 0.

        Return for how many seconds the database counted; a timeout is no reason to poll less often.
        """
        try:
            streams = {stream.name: await self._stream(stream) for stream in self.desired.streams}
            for durable in self.desired.durables:
                await self._durable(durable, streams[durable.stream])
            differences = await self.differences()
            for (name,) in self.series.differences.values:
                self.observer.set(self.series.differences, name, value=differences.get(name, 0))
            syncs_always = await self.syncs_always()
            self.observer.set(self.series.sync_always, value=_UNKNOWN if syncs_always is None else syncs_always)
            counted_s = await self.ledger.balance()
        except Unavailable as error:
            self.observer.set(self.series.watch_success, value=0)
            self.log.debug("watch-failed", error=str(error))
            return 0.0
        self.observer.set(self.series.watch_success, value=1)
        self.observer.set(self.series.watched_at, value=self.now().timestamp())
        return counted_s

    async def _stream(self, desired: Stream) -> LiveStream | None:
        """Look at a stream, and return it; None where it is missing."""
        name = desired.name
        stream = await self.broker.stream(name, "dlq.>" if name == DLQ else None)
        self.observer.set(self.series.stream_missing, name, value=stream is None)
        if stream is None:
            return None
        self.observer.set(self.series.stream_messages, name, value=stream.messages)
        self.observer.set(self.series.stream_bytes, name, value=stream.bytes)
        self.observer.set(self.series.stream_limit, name, value=stream.max_bytes)
        self.observer.set(self.series.stream_max_age, name, value=stream.max_age_s)
        self.observer.set(self.series.replicas, name, value=stream.replicas_wanted)
        self.observer.set(self.series.replicas_current, name, value=stream.replicas_current)
        self.observer.set(self.series.leaderless, name, value=not stream.has_leader)
        if name == DLQ:
            await self._dead_letters(stream)
        return stream

    async def _dead_letters(self, stream: LiveStream) -> None:
        waiting: Counter[str] = Counter()
        shelved: Counter[str] = Counter()
        known = {subject for (subject,) in self.series.dlq_depth.values}
        for subject, letters in stream.by_subject.items():
            shelf = subject.split(".")[1]
            if shelf in SHELVED:
                shelved[shelf] += letters
            else:
                waiting[subject if subject in known else OTHER] += letters
        for subject in known:
            self.observer.set(self.series.dlq_depth, subject, value=waiting[subject])
        for shelf in SHELVED:
            self.observer.set(self.series.dlq_shelved, shelf, value=shelved[shelf])
        # Subjects of dead letters start with the program that wrote them: a few requests for any number of subjects.
        senders = {f"dlq.{subject.split('.')[1]}.>" for subject in known - {OTHER}} | {foreign_letter_subject("*", "*")}
        ours = sorted(senders) if waiting else []
        oldest = await self._first_stored(DLQ, stream.first_sequence, ours)
        self.observer.set(self.series.dlq_oldest_age, value=self._age_s(oldest))

    async def _durable(self, desired: Durable, stream: LiveStream | None) -> None:
        labels = (desired.stream, desired.name)
        durable = await self.broker.durable(*labels)
        self.observer.set(self.series.consumer_missing, *labels, value=durable is None)
        if durable is None:
            return
        skipped = await beyond_end(self.broker, durable, stream.last_sequence if stream else 0)
        max_age_s = stream.max_age_s if stream else 0.0
        self.observer.set(self.series.pending, *labels, value=durable.pending)
        self.observer.set(self.series.ack_pending, *labels, value=durable.ack_pending)
        self.observer.set(self.series.redelivered, *labels, value=durable.redelivered)
        self.observer.set(self.series.delivered, *labels, value=durable.delivered)
        self.observer.set(self.series.ack_floor, *labels, value=durable.ack_floor)
        self.observer.set(self.series.paused, *labels, value=durable.paused)
        self.observer.set(self.series.abandoned, *labels, value=durable.abandoned + skipped)
        oldest = await self._oldest(desired, durable)
        age_s = self._age_s(oldest)
        self.observer.set(self.series.oldest_age, *labels, value=age_s)
        left_s = max(0.0, max_age_s - age_s) if oldest and max_age_s else math.inf
        self.observer.set(self.series.time_to_loss, *labels, value=left_s)

    async def _oldest(self, desired: Durable, durable: LiveDurable) -> datetime | None:
        """Return when the oldest message that waits was stored: a first delivery, or one of the redrive lane."""
        if not durable.pending and not durable.ack_pending:
            return None
        return await self._first_stored(desired.stream, durable.ack_floor + 1, desired.filter_subjects)

    async def _first_stored(self, stream: str, from_sequence: int, subjects: Sequence[str]) -> datetime | None:
        found = [await self.broker.stored_at(stream, from_sequence, subject) for subject in subjects]
        return min((each for each in found if each is not None), default=None)

    def _age_s(self, moment: datetime | None) -> float:
        return max(0.0, (self.now() - moment).total_seconds()) if moment else 0.0
