"""The ledger: every message that the stream took is pending, or on record as settled."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from athlete_ally.core import topology
from athlete_ally.core.ports import Observer
from athlete_ally.core.series import NormalizeSeries
from athlete_ally.normalize.watch import BrokerView


class Receipts(Protocol):
    """Counts receipts."""

    async def count(self, kind: str, stream: str, from_sequence: int, since: datetime) -> int:
        """Return how many messages of a kind, from a sequence on, in a stream created `since`, have a receipt."""
        ...


@dataclass(frozen=True, slots=True)
class ReceiptLedger:
    """Compares the stream with the receipts in the database."""

    kinds: Sequence[str]
    desired: topology.Topology
    broker: BrokerView
    receipts: Receipts
    observer: Observer
    series: NormalizeSeries

    async def balance(self) -> float:
        """Tell, for each kind, what is unaccounted for; return for how many seconds the database counted.

        Raises:
            Unavailable: the broker or the database can't be asked.
        """
        return sum([await self._balance(kind) for kind in self.kinds])

    async def _balance(self, kind: str) -> float:
        """Messages in the stream, less those pending, less those with a receipt.

        Read in this order a message may be counted twice on the right, never missed: while there is traffic the result
        errs towards 0, and when it is quiet it is exact.
        """
        durable = self.desired.durable(topology.normalize_durable(kind))
        views = [await self.broker.stream(durable.stream, subject) for subject in durable.filter_subjects]
        live = await self.broker.durable(durable.stream, durable.name)
        stream = views[0]
        if stream is None or live is None:
            return 0.0
        started_s = time.monotonic()
        settled = await self.receipts.count(kind, durable.stream, stream.first_sequence, stream.created_at)
        counted_s = time.monotonic() - started_s
        there = sum(sum(view.by_subject.values()) for view in views if view is not None)
        unaccounted = there - live.pending - live.ack_pending - settled
        self.observer.set(self.series.kinds[kind].unaccounted, value=max(0, unaccounted))
        return counted_s
