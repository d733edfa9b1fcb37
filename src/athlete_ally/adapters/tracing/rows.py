"""Watching the store: each message of a batch has a span of its own for the transaction that they share."""

import time
from collections.abc import Sequence

from opentelemetry.trace import SpanKind

from athlete_ally.adapters.tracing import spans
from athlete_ally.adapters.tracing.spans import Attributes, Spans
from athlete_ally.core.messages.headers import TRACEPARENT
from athlete_ally.core.ports import Store
from athlete_ally.core.readings.measurement import Measurement
from athlete_ally.core.receipts import Receipt, StoreRequest


class WatchedStore:
    """The `Store` port."""

    def __init__(self, store: Store, spans: Spans) -> None:
        """Store through `store`."""
        self._store = store
        self._spans = spans

    async def store(self, measurement: Measurement, requests: Sequence[StoreRequest]) -> Sequence[Receipt]:
        """See the port."""
        began_ns = time.time_ns()
        try:
            receipts = await self._store.store(measurement, requests)
        except BaseException as error:
            # One for all: the same error for each message of a batch, at each attempt, would drown the traces.
            if requests:
                self._tell(measurement, requests[0], began_ns, len(requests), {}, failed=type(error).__name__)
            raise
        for request, receipt in zip(requests, receipts, strict=True):
            self._tell(measurement, request, began_ns, len(requests), _became(request, receipt))
        return receipts

    async def start_alone(self, message_id: str, stream: str, sequence: int) -> int:
        """See the port."""
        return await self._store.start_alone(message_id, stream, sequence)

    def _tell(
        self,
        measurement: Measurement,
        request: StoreRequest,
        began_ns: int,
        batch_size: int,
        became: Attributes,
        *,
        failed: str = "",
    ) -> None:
        attributes: Attributes = {
            spans.DB_SYSTEM: "postgresql",
            spans.TABLE: measurement.table,
            **({spans.BATCH: batch_size} if batch_size > 1 else {}),
            **became,
        }
        stated = {TRACEPARENT: request.traceparent} if request.traceparent else {}
        span = self._spans.begin(f"store {measurement.table}", SpanKind.CLIENT, stated, attributes, at_ns=began_ns)
        if failed:
            span.fail(failed)
        span.end()


def _became(request: StoreRequest, receipt: Receipt) -> Attributes:
    return {
        spans.READINGS: request.readings,
        spans.STORED: len(receipt.stored),
        spans.SUPERSEDED: receipt.superseded,
        spans.DEAD_LETTERED: len(receipt.rejected),
        spans.DUPLICATE: receipt.is_duplicate or receipt.is_redelivery,
    }
