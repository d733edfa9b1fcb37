"""A collector of traces: takes what OTLP exporters send over HTTP, decodes it, and shows it as trees."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from support.wait import eventually

_KINDS = {
    Span.SPAN_KIND_INTERNAL: "does",
    Span.SPAN_KIND_SERVER: "serves",
    Span.SPAN_KIND_CLIENT: "asks",
    Span.SPAN_KIND_PRODUCER: "sends",
    Span.SPAN_KIND_CONSUMER: "takes",
}


@dataclass(frozen=True, slots=True)
class SeenSpan:
    """A span as the collector got it; ids are hexadecimal."""

    service: str
    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    links: tuple[str, ...]
    failed: bool
    began_ns: int
    attributes: dict[str, Any]

    @property
    def line(self) -> str:
        """What a person reads of it."""
        return f"{self.service} {self.kind} {self.name}" + (" and fails" if self.failed else "")


class Collector:
    """A collector on a port of its own. `answers` may be cleared: then it takes requests and leaves them unanswered."""

    def __init__(self) -> None:
        """Listen at once."""
        self.spans: list[SeenSpan] = []
        self.answers = threading.Event()
        self.answers.set()
        self.resources: list[dict[str, Any]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def environment(self) -> dict[str, str]:
        """The standard variables with which a service sends its traces here, at once."""
        url = f"http://127.0.0.1:{self._server.server_address[1]}"
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_BSP_SCHEDULE_DELAY": "50"}

    def close(self) -> None:
        """Stop listening."""
        self.answers.set()
        self._server.shutdown()
        self._server.server_close()

    def take(self, body: bytes) -> None:
        """Take one export."""
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            about = _values(resource.resource.attributes)
            self.resources.append(about)
            for scope in resource.scope_spans:
                self.spans += [_seen(str(about["service.name"]), span) for span in scope.spans]

    def trace(self, trace_id: str) -> list[SeenSpan]:
        """Return the spans of one trace, in the order in which they began."""
        found = [span for span in self.spans if span.trace_id == trace_id]
        return sorted(found, key=lambda span: span.began_ns)

    def tree(self, trace_id: str) -> list[str]:
        """Return a trace as indented lines; siblings in the order of their lines."""
        spans = self.trace(trace_id)
        known = {span.span_id for span in spans}
        return [line for span in spans if span.parent_id not in known for line in _lines(span, spans, "")]

    async def whole_tree(self, trace_id: str, spans: int) -> list[str]:
        """Return a trace as `tree` does, once so many spans of it have come."""

        async def are_there() -> bool:
            return len(self.trace(trace_id)) >= spans

        await eventually(are_there)
        return self.tree(trace_id)


def _handler(collector: Collector) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            collector.answers.wait()
            collector.take(body)
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the library's name
            del format, args

    return Handler


def _seen(service: str, span: Span) -> SeenSpan:
    return SeenSpan(
        service=service.removeprefix("athlete-ally-"),
        name=span.name,
        kind=_KINDS[span.kind],
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        links=tuple(link.span_id.hex() for link in span.links),
        failed=span.status.code == span.status.STATUS_CODE_ERROR,
        began_ns=span.start_time_unix_nano,
        attributes=_values(span.attributes),
    )


def _values(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}


def _lines(span: SeenSpan, spans: Sequence[SeenSpan], indent: str) -> Iterator[str]:
    yield indent + span.line
    for child in sorted((each for each in spans if each.parent_id == span.span_id), key=lambda each: each.line):
        yield from _lines(child, spans, indent + "  ")
