"""The ledger: every message that a stream took is pending, or on record as settled, for each durable that it is for."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from athlete_ally.core.broker.permissions import covers
from athlete_ally.core.broker.state import LiveStream
from athlete_ally.core.broker.topology import Durable
from athlete_ally.core.ports import Observer
from athlete_ally.core.series import Series
from athlete_ally.normalize.metrics_poller import BrokerView
from athlete_ally.normalize.stream_lives import StreamLives


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """One durable's line. `count` returns how many of its messages, from a sequence on, have a receipt.

    It is asked with the first sequence of the stream. `series`, with `labels`, shows
    what is unaccounted for.
    """

    durable: Durable
    count: Callable[[int], Awaitable[int]]
    series: Series
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReceiptLedger:
    """Compares the streams with the receipts in the database."""

    lines: Sequence[LedgerLine]
    broker: BrokerView
    lives: StreamLives
    observer: Observer

    async def balance(self) -> float:
        """Tell, for each durable, what is unaccounted for; return for how many seconds the database counted.

        Read in this order (streams, then durables, then receipts) a message may be counted twice on the side of what is
        accounted for, never missed: while there is traffic the result errs towards 0, and when it is quiet it is exact.

        Raises:
            Unavailable: the broker or the database can't be asked.
        """
        names = dict.fromkeys(line.durable.stream for line in self.lines)
        streams = {name: await self.broker.stream(name, ">") for name in names}
        for stream in streams.values():
            if stream is not None:
                await self.lives.follow(stream)
        return sum([await self._balance(line, streams) for line in self.lines])

    async def _balance(self, line: LedgerLine, streams: Mapping[str, LiveStream | None]) -> float:
        """Messages in the stream, less those pending, less those with a receipt."""
        durable, stream = line.durable, streams[line.durable.stream]
        live = await self.broker.durable(durable.stream, durable.name)
        if stream is None or live is None:
            return 0.0
        started_s = time.monotonic()
        settled = await line.count(stream.first_sequence)
        counted_s = time.monotonic() - started_s
        unaccounted = _held_for(durable, stream) - live.pending - live.ack_pending - settled
        self.observer.set(line.series, *line.labels, value=max(0, unaccounted))
        return counted_s


def _held_for(durable: Durable, stream: LiveStream) -> int:
    return sum(
        count
        for subject, count in stream.by_subject.items()
        if any(covers(pattern, subject) for pattern in durable.filter_subjects)
    )
