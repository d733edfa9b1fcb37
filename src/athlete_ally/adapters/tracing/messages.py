"""Watching messages: a span for each that is published, and for each that is delivered until it is settled.

The conventions: https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/
"""

from collections.abc import Sequence
from dataclasses import replace

from opentelemetry.trace import SpanKind

from athlete_ally.adapters.tracing import spans
from athlete_ally.adapters.tracing.spans import Spans, Watched
from athlete_ally.core.messages.headers import TRACEPARENT
from athlete_ally.core.messages.message import Acknowledgement, Delivery, OutgoingMessage
from athlete_ally.core.ports import Inbox, Publisher

_NATS = {spans.SYSTEM: "nats"}
_PUBLISH = {**_NATS, spans.OPERATION: "publish", spans.OPERATION_TYPE: "send"}
_PROCESS = {**_NATS, spans.OPERATION: "process", spans.OPERATION_TYPE: "process"}
# More than the unacknowledged messages of any durable; spans that a worker abandoned must not stay in memory.
_MOST_OPEN = 5000


class WatchedPublisher:
    """The `Publisher` port; a message names the span of its publish, and so its trace."""

    def __init__(self, publisher: Publisher, spans: Spans) -> None:
        """Publish through `publisher`."""
        self._publisher = publisher
        self._spans = spans

    async def publish(self, message: OutgoingMessage) -> Acknowledgement:
        """See the port."""
        attributes = {**_PUBLISH, **_destination(message.subject), spans.STREAM: message.stream}
        name = _named("publish", message.subject)
        with self._spans.begin(name, SpanKind.PRODUCER, message.headers, attributes) as span:
            stated = {**message.headers, TRACEPARENT: span.traceparent}
            acknowledgement = await self._publisher.publish(replace(message, headers=stated))
            span.note({spans.SEQUENCE: acknowledgement.sequence, spans.DUPLICATE: acknowledgement.duplicate})
            return acknowledgement


class WatchedInbox:
    """The `Inbox` port; a delivery names the span of its processing, and so does what a worker makes of it."""

    def __init__(self, inbox: Inbox, spans: Spans) -> None:
        """Pull from `inbox`."""
        self._inbox = inbox
        self._spans = spans
        self._open: dict[tuple[str, int], Watched] = {}

    async def fetch(self, limit: int, wait_s: float) -> Sequence[Delivery]:
        """See the port."""
        return [self._begun(delivery) for delivery in await self._inbox.fetch(limit, wait_s)]

    async def ack(self, delivery: Delivery) -> None:
        """See the port."""
        await self._inbox.ack(delivery)
        self._end(delivery, "ack")

    async def retry(self, delivery: Delivery, delay_s: float) -> None:
        """See the port."""
        await self._inbox.retry(delivery, delay_s)
        self._end(delivery, "retry", failed="retry")

    async def terminate(self, delivery: Delivery, reason: str) -> None:
        """See the port."""
        await self._inbox.terminate(delivery, reason)
        self._end(delivery, "terminate", failed=reason)

    async def keep(self, delivery: Delivery) -> None:
        """See the port."""
        await self._inbox.keep(delivery)

    def _begun(self, delivery: Delivery) -> Delivery:
        attributes = {
            **_PROCESS,
            **_destination(delivery.subject),
            spans.CONSUMER_GROUP: delivery.consumer,
            spans.STREAM: delivery.stream,
            spans.SEQUENCE: delivery.sequence,
            spans.ATTEMPT: delivery.attempt,
        }
        name = _named("process", delivery.subject)
        span = self._spans.begin(name, SpanKind.CONSUMER, delivery.headers, attributes, linked=True)
        # Delivered again before it was settled: the earlier handler no longer works on it.
        self._end(delivery, "none")
        self._open[_key(delivery)] = span
        if len(self._open) > _MOST_OPEN:
            self._open.pop(next(iter(self._open))).end()
        return replace(delivery, headers={**delivery.headers, TRACEPARENT: span.traceparent})

    def _end(self, delivery: Delivery, verdict: str, *, failed: str = "") -> None:
        span = self._open.pop(_key(delivery), None)
        if span is not None:
            span.note({spans.VERDICT: verdict})
            if failed:
                span.fail(failed)
            span.end()


def _key(delivery: Delivery) -> tuple[str, int]:
    return delivery.stream, delivery.sequence


def _destination(subject: str) -> dict[str, str]:
    template = _template(subject)
    return {spans.DESTINATION: subject} | ({spans.DESTINATION_TEMPLATE: template} if template else {})


def _named(operation: str, subject: str) -> str:
    return f"{operation} {_template(subject) or subject}"


def _template(subject: str) -> str:
    """Return what stands for a subject that is another one each time; those of the redrive lanes are."""
    lane = subject.split(".")[:3]
    return ".".join([*lane, ">"]) if lane[1:2] == ["redrive"] else ""
