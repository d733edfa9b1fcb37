"""Spans: bounded in number and time, whatever the collector does; errors by type, never by text."""

import logging
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import Any

import httpx
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from support.fakes import FakeInbox, FakeLog, FakePublisher, FakeStore, dev_topology
from support.samples import hrv_record, request

from athlete_ally.adapters.tracing import otel
from athlete_ally.adapters.tracing.messages import WatchedInbox
from athlete_ally.adapters.tracing.otel import LogHandler, OtelTracing
from athlete_ally.adapters.tracing.spans import Spans
from athlete_ally.core.broker.topology import CORE_HOT, normalize_durable, raw_subject, redrive_subject
from athlete_ally.core.errors import Unavailable
from athlete_ally.core.messages.message import OutgoingMessage
from athlete_ally.measurements import HRV

DURABLE = normalize_durable("hrv")
MESSAGE = OutgoingMessage(CORE_HOT, raw_subject("hrv"), b"{}", "m1")


class Watching:
    """Tracing whose spans are seen at once."""

    def __init__(self) -> None:
        """Start with none."""
        self._memory = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._memory))
        self.tracing = OtelTracing(provider)
        self.spans = Spans(provider)

    def seen(self) -> list[tuple[str, dict[str, Any]]]:
        """Return name and attributes of each span that ended."""
        return [(span.name, dict(span.attributes or {})) for span in self._memory.get_finished_spans()]


class Stuck(SpanExporter):
    """An exporter that comes to no end before it is let go. `exported` counts spans."""

    def __init__(self) -> None:
        """Hold the first export."""
        self.go = threading.Event()
        self.exported = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """See the base."""
        self.go.wait()
        self.exported += len(spans)
        return SpanExportResult.SUCCESS


@pytest.mark.parametrize("recovers", [True, False])
async def test_a_stuck_exporter_delays_nobody_and_fills_no_memory(
    monkeypatch: pytest.MonkeyPatch,
    recovers: bool,  # noqa: FBT001  # a parameter
) -> None:
    """
    Publishes go on while nothing is taken; what was kept meanwhile is one queue and one batch, and comes out when the
    exporter recovers; where it does not, closing ends after its time limit.
    """
    exporter = Stuck()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=100, max_export_batch_size=10))
    tracing, fake = OtelTracing(provider), FakePublisher()
    watched = tracing.publisher(fake)
    for _ in range(1000):
        await watched.publish(MESSAGE)
    if recovers:
        exporter.go.set()
    else:
        monkeypatch.setattr(otel, "FLUSH_WITHIN_S", 0.05)
    await tracing.close()

    assert (1000, recovers) == (len(fake.tried), 100 <= exporter.exported <= 110)
    exporter.go.set()


async def test_what_is_never_settled_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Of deliveries that a worker leaves behind only so many spans are kept; one that comes again ends the one before.
    """
    monkeypatch.setattr("athlete_ally.adapters.tracing.messages._MOST_OPEN", 3)
    watching, fake = Watching(), FakeInbox(dev_topology().durable(DURABLE))
    for number in range(5):
        fake.put(b"{}", message_id=f"m{number}")
    inbox = WatchedInbox(fake, watching.spans)
    await inbox.fetch(5, 0)
    fake.redeliver(5)
    (again,) = await inbox.fetch(5, 0)
    await inbox.ack(again)

    ended = [(about["athlete_ally.stream.sequence"], about.get("athlete_ally.verdict")) for _, about in watching.seen()]
    assert ended == [(1, None), (2, None), (5, "none"), (5, "ack")]


@pytest.mark.parametrize(("settled", "failed"), [("ack", None), ("retry", "retry"), ("terminate", "non-retryable")])
async def test_a_delivery_says_how_it_ended(settled: str, failed: str | None) -> None:
    """
    A delivery that is given back or up has failed; the type of the error is one of a closed list.
    """
    watching, fake = Watching(), FakeInbox(dev_topology().durable(DURABLE))
    fake.put(b"{}")
    inbox = watching.tracing.inbox(fake)
    (delivery,) = await inbox.fetch(1, 0)
    more: tuple[Any, ...] = {"ack": (), "retry": (1.0,), "terminate": ("non-retryable",)}[settled]
    await getattr(inbox, settled)(delivery, *more)
    ((_, about),) = watching.seen()

    assert (settled, failed) == (about["athlete_ally.verdict"], about.get("error.type"))


async def test_a_failed_publish_names_the_type_of_the_error_only() -> None:
    """
    A text may hold anything: neither it nor a traceback goes along.
    """
    watching, fake = Watching(), FakePublisher()
    fake.unavailable = True
    with pytest.raises(Unavailable):
        await watching.tracing.publisher(fake).publish(MESSAGE)
    (span,) = watching._memory.get_finished_spans()  # pyright: ignore[reportPrivateUsage]

    assert (
        (span.attributes or {})["error.type"],
        tuple(span.events),
        span.status.description,
    ) == ("Unavailable", (), None)


async def test_one_batch_that_fails_is_one_span() -> None:
    """
    A database that is away for an hour must not push everything else out of the queue.
    """
    watching, fake = Watching(), FakeStore()
    fake.unavailable = True
    with pytest.raises(Unavailable):
        await watching.tracing.store(fake).store(HRV, [request(hrv_record(), sequence=n) for n in range(1, 50)])

    assert [(name, about["db.operation.batch.size"], about["error.type"]) for name, about in watching.seen()] == [
        ("store hrv_data", 49, "Unavailable")
    ]


async def test_a_redrive_lane_has_one_name() -> None:
    """
    Subjects of the lane are another one each time; the name of a span comes from a closed list.
    """
    watching = Watching()
    lane = redrive_subject(CORE_HOT, DURABLE).removesuffix(">")
    for number in (1, 2):
        message = OutgoingMessage(CORE_HOT, f"{lane}{number}", b"{}", f"m{number}")
        await watching.tracing.publisher(FakePublisher()).publish(message)

    assert {f"publish {lane}>"} == {name for name, _ in watching.seen()}


@pytest.mark.parametrize(
    ("method", "name", "status"),
    [
        ("POST", "POST /things/{secret}", 204),
        ("PUT", "PUT /things/{secret}", 405),
        ("BREW", "HTTP /things/{secret}", 405),
    ],
)
async def test_a_request_is_named_by_its_route(method: str, name: str, status: int) -> None:
    """
    No path, no query and no method of a stranger's making is told.
    """
    watching = Watching()

    async def answer(request: Request) -> Response:
        return Response(status_code=204, headers={"x-path": request.url.path})

    app = Starlette(routes=[Route("/things/{secret}", answer, methods=["POST"])])
    transport = httpx.ASGITransport(watching.tracing.app(app, ["/things/{secret}"]))
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        await client.request(method, "/things/the-secret?token=the-secret")
    ((span_name, about),) = watching.seen()

    assert (name, status) == (span_name, about["http.response.status_code"])
    assert "the-secret" not in str(about)


async def test_a_request_that_breaks_us_has_failed() -> None:
    """
    An error that nobody handles goes on to the server, and its type into the trace.
    """
    watching = Watching()

    async def fail(request: Request) -> Response:
        raise LookupError(request.url.path)

    transport = httpx.ASGITransport(watching.tracing.app(Starlette(routes=[Route("/a", fail)]), ["/a"]))
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        with pytest.raises(LookupError):
            await client.get("/a")
    ((_, about),) = watching.seen()

    assert (about["http.response.status_code"], about["error.type"]) == (500, "LookupError")


def test_a_complaint_is_logged_once_and_without_what_varies() -> None:
    """
    A collector that is away for a day makes one line; addresses and answers, which may hold anything, stay out.
    """
    log = FakeLog()
    logger = logging.Logger("opentelemetry.exporter")  # noqa: LOG001  # of this test alone
    logger.addHandler(LogHandler(log))
    for number in range(3):
        logger.error("Failed to export to %s, code: %d", "http://user:password@collector", number)
    logger.info("Retrying")

    assert [(line.event, line.fields["complaint"]) for line in log.lines] == [
        ("traces-trouble", "Failed to export to %s, code: %d")
    ]


def test_nothing_of_it_is_imported_while_traces_are_off() -> None:
    """
    The services' own modules, and tracing built without an address: no module of OpenTelemetry or protobuf.
    """
    code = """
import sys
from athlete_ally.adapters.logs import build_log
from athlete_ally.wiring.services import fetch
from athlete_ally.wiring.services import ingest
from athlete_ally.wiring.services import normalize
from athlete_ally.wiring.services.traces import build_tracing
build_tracing("ingest", build_log("ingest", level="info", form="json"))
print(sorted(name for name in sys.modules if name.startswith(("opentelemetry", "google"))))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert (done.stdout, done.stderr) == ("[]\n", "")
