"""What the `Tracing` port promises, kept with OpenTelemetry and without: what is watched does the same as before."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from support.fakes import FakeInbox, FakePublisher, FakeStore, dev_topology
from support.samples import hrv_record, request

from athlete_ally.adapters.tracing.none import NoTracing
from athlete_ally.adapters.tracing.otel import OtelTracing
from athlete_ally.core.broker.topology import CORE_HOT, normalize_durable, raw_subject
from athlete_ally.core.errors import Unavailable
from athlete_ally.core.messages.message import OutgoingMessage
from athlete_ally.core.messages.trace import trace_id
from athlete_ally.core.ports import Tracing
from athlete_ally.measurements import HRV

TRACE = "0af7651916cd43dd8448eb211c80319c"
VALID = f"00-{TRACE}-b7ad6b7169203331-01"
HOSTILE = [
    f"00-{'0' * 32}-b7ad6b7169203331-01",
    f"ff-{TRACE}-b7ad6b7169203331-01",
    f"00-{TRACE.upper()}-b7ad6b7169203331-01",
    f"{VALID}-more",
    "\u0660" * 55,
    "x" * 100_000,
    "",
]
PATH = "/things/{name}"


@pytest.fixture(params=["none", "sampled", "unsampled"])
def tracing(request: pytest.FixtureRequest) -> Tracing:
    """Give each of the implementations; OpenTelemetry's without an exporter, as when the collector is gone."""
    makers: dict[str, Callable[[], Tracing]] = {
        "none": NoTracing,
        "sampled": lambda: OtelTracing(TracerProvider(sampler=ALWAYS_ON, shutdown_on_exit=False)),
        "unsampled": lambda: OtelTracing(TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)),
    }
    return makers[request.param]()


def message(traceparent: str | None) -> OutgoingMessage:
    """Return a message."""
    stated = {"Other": "kept"} | ({} if traceparent is None else {"traceparent": traceparent})
    return OutgoingMessage(CORE_HOT, raw_subject("hrv"), b"{}", "m1", stated)


async def test_a_publish_goes_on_in_its_trace(tracing: Tracing) -> None:
    """
    The stream gets the same message, in the same trace; the acknowledgement is the stream's.
    """
    fake = FakePublisher()
    watched = tracing.publisher(fake)
    first, second = [await watched.publish(message(VALID)) for _ in range(2)]
    (published,) = fake.published

    assert ((first.sequence, first.duplicate), (second.sequence, second.duplicate)) == ((1, False), (1, True))
    assert (message(None).body, "m1", "kept") == (published.body, published.message_id, published.headers["Other"])
    assert trace_id(published.headers["traceparent"]) == TRACE


@pytest.mark.parametrize("traceparent", [None, *HOSTILE])
async def test_what_is_no_trace_context_counts_for_nothing(tracing: Tracing, traceparent: str | None) -> None:
    """
    The message is published all the same, in no trace that a stranger chose.
    """
    fake = FakePublisher()
    await tracing.publisher(fake).publish(message(traceparent))
    (published,) = fake.published

    assert trace_id(published.headers.get("traceparent")) not in {TRACE, TRACE.upper(), "0" * 32}


async def test_an_outage_is_the_same_error(tracing: Tracing) -> None:
    """
    Callers decide by the type of the error: it passes publisher, inbox, store and steps unchanged.
    """
    publisher, inbox, store = FakePublisher(), _inbox(), FakeStore()
    publisher.unavailable = inbox.unavailable = store.unavailable = True
    watched = (tracing.publisher(publisher), tracing.inbox(inbox), tracing.store(store))
    attempts: list[Callable[[], Any]] = [
        lambda: watched[0].publish(message(VALID)),
        lambda: watched[1].fetch(1, 0),
        lambda: watched[2].store(HRV, [request(hrv_record())]),
        lambda: watched[2].start_alone("m1", CORE_HOT, 1),
    ]
    for attempt in attempts:
        with pytest.raises(Unavailable):
            await attempt()
    with pytest.raises(ZeroDivisionError), tracing.step("divide", {}):
        _ = 1 // 0


@pytest.mark.parametrize("traceparent", [VALID, *HOSTILE])
async def test_a_delivery_is_handed_out_and_settled_as_it_is(tracing: Tracing, traceparent: str) -> None:
    """
    All of it but the trace context is what the broker delivered; each way of settling reaches the broker.
    """
    fake = _inbox()
    for number in range(4):
        fake.put(b"{}", message_id=f"m{number}", headers={"traceparent": traceparent}, stored_at=datetime.now(UTC))
    watched = tracing.inbox(fake)
    deliveries = await watched.fetch(10, 0)
    await watched.keep(deliveries[0])
    await watched.ack(deliveries[0])
    await watched.retry(deliveries[1], 7)
    await watched.terminate(deliveries[2], "non-retryable")
    fake.redeliver()
    again = await watched.fetch(10, 0)

    assert (
        _sequences(deliveries),
        _sequences(again),
        [each.attempt for each in deliveries],
    ) == ([1, 2, 3, 4], [2, 4], [1, 1, 1, 1])
    assert (fake.kept, fake.acked, fake.retried, fake.terminated) == ([1], [1], [(2, 7)], [(3, "non-retryable")])
    assert [each.headers["Nats-Msg-Id"] for each in deliveries] == ["m0", "m1", "m2", "m3"]
    ids = {trace_id(each.headers["traceparent"]) for each in deliveries}
    assert (TRACE in ids, "0" * 32 in ids) == (traceparent == VALID, False)


async def test_what_is_stored_is_stored_alike(tracing: Tracing) -> None:
    """
    The receipts are those of the store, for one lot, for many and for none.
    """
    requests = [request(hrv_record(minutes_ago=minutes), sequence=minutes) for minutes in (1, 2)]
    plain, watched = FakeStore(), tracing.store(FakeStore())

    for batch in (requests[:1], requests, []):
        assert await plain.store(HRV, batch) == await watched.store(HRV, batch)
    assert await plain.start_alone("m9", CORE_HOT, 9) == await watched.start_alone("m9", CORE_HOT, 9)


@pytest.mark.parametrize("path", ["/things/one", "/elsewhere", "/things/one/two"])
async def test_a_request_is_answered_alike(tracing: Tracing, path: str) -> None:
    """
    The same status, headers and body, on the paths that are watched and on others; the application finds the trace.
    """
    seen: list[str | None] = []

    async def answer(request: Request) -> Response:
        seen.append(trace_id(request.headers.get("traceparent")))
        return Response(await request.body() + b"!", 418, {"x-other": request.headers["x-other"]})

    app = Starlette(routes=[Route(PATH, answer, methods=["POST"]), Route("/elsewhere", answer, methods=["POST"])])
    answers: list[tuple[int, bytes, Any]] = []
    for each in (app, tracing.app(app, [PATH])):
        async with httpx.AsyncClient(transport=httpx.ASGITransport(each), base_url="http://here") as client:
            got = await client.post(path, content=b"hello", headers={"Traceparent": VALID, "X-Other": "kept"})
        answers.append((got.status_code, got.content, sorted(got.headers.items())))

    assert answers[0] == answers[1]
    assert {TRACE} >= set(seen)


async def test_closing_is_always_possible(tracing: Tracing) -> None:
    """
    With something in progress, and twice.
    """
    inbox = _inbox()
    inbox.put(b"{}", message_id="m1")
    watched = tracing.inbox(inbox)
    (delivery,) = await watched.fetch(1, 0)
    await tracing.close()
    await tracing.close()
    await watched.ack(delivery)

    assert inbox.acked == [1]


def _inbox() -> FakeInbox:
    return FakeInbox(dev_topology().durable(normalize_durable("hrv")))


def _sequences(deliveries: Sequence[Any]) -> list[int]:
    return [each.sequence for each in deliveries]
