"""Saying what happened: one log line for each settled message, and the series. No reading, no person's id."""

from collections.abc import Sequence
from datetime import datetime

from athlete_ally.core.broker import topology
from athlete_ally.core.messages import headers
from athlete_ally.core.messages.message import Delivery, OutgoingMessage
from athlete_ally.core.messages.sender import sender_of
from athlete_ally.core.messages.trace import about, sampled_trace_id
from athlete_ally.core.ports import Log, Observer
from athlete_ally.core.receipts import Receipt, StoreRequest
from athlete_ally.core.series import FRESH_S, NormalizeSeries


class Reporter:
    """Reports for one kind."""

    def __init__(self, kind: str, series: NormalizeSeries, observer: Observer, log: Log) -> None:
        """Report to `observer` and `log`."""
        self._series = series
        self._kind = series.kinds[kind]
        self._observer = observer
        self._log = log
        self._durable = topology.normalize_durable(kind)
        self._where = (topology.raw_subject(kind), topology.CORE_HOT, self._durable)

    def settled(
        self,
        delivery: Delivery,
        request: StoreRequest,
        receipt: Receipt,
        letters: Sequence[OutgoingMessage],
        at: datetime,
    ) -> None:
        """Report a message that is done with."""
        result = _result(receipt)
        self._observer.count(self._kind.messages, result, *self._where)
        latency_s = max(0.0, (at - request.received_at).total_seconds())
        trace = sampled_trace_id(delivery.headers.get(headers.TRACEPARENT))
        self._count_readings(request, receipt, latency_s)
        for letter in letters:
            reason = letter.headers[headers.DLQ_REASON]
            self._observer.count(self._series.dead_letters, self._durable, reason, letter.subject)
        if result == "success":
            self._observer.observe(self._kind.latency, self._durable, value=latency_s, trace_id=trace)
        log = self._log.warning if receipt.rejected else self._log.debug
        log(
            "settled",
            result=result,
            message_id=request.message_id,
            sender=sender_of(delivery.headers),
            readings=request.readings,
            stored=len(receipt.stored),
            dead_lettered=len(receipt.rejected),
            **about(delivery),
        )

    def retried(self, delivery: Delivery) -> None:
        """Report a message that will be delivered again."""
        self._observer.count(self._kind.messages, "retry", *self._where)
        self._log.info("retry", **about(delivery))

    def given_back(self, delivery: Delivery, error: str) -> None:
        """Report a message whose dead letter or announcement the stream refuses for now."""
        self._log.warning("given-back", error=error, **about(delivery))

    def unforeseen(self, delivery: Delivery, error: Exception) -> None:
        """Report a bug of ours. Its text may hold a reading, so that only its type and place are logged."""
        place = place_of(error)
        self._log.error("unforeseen", type=type(error).__name__, place=place, **about(delivery))

    def _count_readings(self, request: StoreRequest, receipt: Receipt, latency_s: float) -> None:
        if receipt.is_redelivery or receipt.is_duplicate:
            counts = {"duplicate": request.readings}
        else:
            invalid = sum(each.reason == "schema-invalid" for each in receipt.rejected)
            counts = {
                "success": len(receipt.stored),
                "superseded": receipt.superseded,
                "schema_invalid": invalid,
                "dlq": len(receipt.rejected) - invalid,
            }
            if latency_s <= FRESH_S:
                self._observer.count(self._kind.fresh, self._durable, by=len(receipt.stored) + receipt.superseded)
        for result, number in counts.items():
            self._observer.count(self._kind.readings, result, *self._where, by=number)


def _result(receipt: Receipt) -> str:
    if receipt.is_redelivery or receipt.is_duplicate:
        return "duplicate"
    if any(each.reason == "schema-invalid" for each in receipt.rejected):
        return "schema_invalid"
    return "dlq" if receipt.rejected else "success"


def place_of(error: Exception) -> str:
    """Return file and line where an error was raised; its text may hold a reading."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is None:
        return "unknown"
    return f"{traceback.tb_frame.f_code.co_filename}:{traceback.tb_lineno}"
