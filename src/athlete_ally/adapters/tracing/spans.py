"""Spans: begun below a `traceparent`, ended once, with attributes from a closed list and never a person's data."""

from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self

from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Link, Span, SpanKind, StatusCode, Tracer, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from athlete_ally import __version__
from athlete_ally.core.messages.trace import handed_on

Attributes = Mapping[str, str | int | bool]

# https://github.com/open-telemetry/semantic-conventions/blob/v1.41.1/docs/registry/attributes
SYSTEM: Final = "messaging.system"
OPERATION: Final = "messaging.operation.name"
OPERATION_TYPE: Final = "messaging.operation.type"
DESTINATION: Final = "messaging.destination.name"
DESTINATION_TEMPLATE: Final = "messaging.destination.template"
CONSUMER_GROUP: Final = "messaging.consumer.group.name"
METHOD: Final = "http.request.method"
ROUTE: Final = "http.route"
STATUS: Final = "http.response.status_code"
DB_SYSTEM: Final = "db.system.name"
TABLE: Final = "db.collection.name"
BATCH: Final = "db.operation.batch.size"
ERROR: Final = "error.type"
# What the conventions have no name for: https://docs.nats.io/nats-concepts/jetstream
STREAM: Final = "athlete_ally.stream"
SEQUENCE: Final = "athlete_ally.stream.sequence"
ATTEMPT: Final = "athlete_ally.attempt"
DUPLICATE: Final = "athlete_ally.duplicate"
VERDICT: Final = "athlete_ally.verdict"
READINGS: Final = "athlete_ally.readings"
STORED: Final = "athlete_ally.stored"
SUPERSEDED: Final = "athlete_ally.superseded"
DEAD_LETTERED: Final = "athlete_ally.dead_lettered"

_CONTEXT = TraceContextTextMapPropagator()


class Watched:
    """One span. As a context manager it ends with the block, and names the error that ended it."""

    def __init__(self, span: Span) -> None:
        """Take over a span that began."""
        self._span = span

    @property
    def traceparent(self) -> str:
        """What has to be stated by all that follows from it."""
        context = self._span.get_span_context()
        return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"

    def note(self, attributes: Attributes) -> None:
        """Add attributes."""
        self._span.set_attributes(attributes)

    def fail(self, error_type: str) -> None:
        """Mark it as failed. The type comes from a closed list, or is that of an exception: never its text."""
        self._span.set_attribute(ERROR, error_type)
        self._span.set_status(StatusCode.ERROR)

    def end(self, at_ns: int | None = None) -> None:
        """End it, now or at a time since the epoch."""
        self._span.end(at_ns)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is not None:
            self.fail(kind.__name__)
        self.end()


class Spans:
    """Begins spans."""

    def __init__(self, provider: TracerProvider) -> None:
        """Use this provider, and never the global one."""
        self._tracer: Tracer = provider.get_tracer("athlete_ally", __version__)

    def begin(
        self,
        name: str,
        kind: SpanKind,
        stated: Mapping[str, str],
        attributes: Attributes,
        *,
        linked: bool = False,
        at_ns: int | None = None,
    ) -> Watched:
        """Begin a span below the `traceparent` among these headers; without a valid one it begins a trace.

        `linked` links it to its parent too: that is how tools recognise a message's sender.
        """
        # An empty context, not the current one: spans of different messages are open side by side.
        parent = _CONTEXT.extract(handed_on(stated), Context())
        sender = get_current_span(parent).get_span_context()
        links = [Link(sender)] if linked and sender.is_valid else None
        span = self._tracer.start_span(name, parent, kind, attributes, links, at_ns, record_exception=False)
        return Watched(span)
