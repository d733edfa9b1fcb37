"""The HTTP server of every service: what it does with connections that no client of ours would make."""

import asyncio
import itertools
import json
import time
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Any

import httpx
import pytest
from support.attacks import Attack, stay_silent
from support.fakes import FakeLog, FakeObserver
from support.wait import eventually

from athlete_ally.adapters.http import limited_protocol
from athlete_ally.adapters.http.refusal_report import RefusalReport
from athlete_ally.adapters.http.server import HttpServer
from athlete_ally.core.http_limits import HttpLimits
from athlete_ally.core.series import every, http_series

SERIES = http_series()
LIMITS = HttpLimits(header_bytes=4096, headers=20, headers_s=0.5, body_s=1.0, connections=50).with_single_headers(
    ["X-Hub-Signature"]
)
HEAD = b"POST / HTTP/1.1\r\nHost: x\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
LARGE = 8_000_000


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Read the body and answer; `/large` answers with megabytes, and `/early` before the body is read."""
    while scope["path"] != "/early" and (await receive()).get("more_body", False):
        pass
    body = b"x" * LARGE if scope["path"] == "/large" else b"ok"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


class Edge:
    """A server on a real socket."""

    def __init__(self) -> None:
        """Describe it; the fixture opens it."""
        self.log, self.observer = FakeLog(), FakeObserver(list(every(SERIES)))
        report = RefusalReport(self.log, self.observer)
        self.server = HttpServer(app, host="127.0.0.1", port=0, drain_s=1, limits=LIMITS, report=report)

    async def conversation(self, *parts: bytes) -> bytes:
        """Send parts, and return all that is answered until the server closes the connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        try:
            for part in parts:
                writer.write(part)
                await asyncio.sleep(0)
            return await asyncio.wait_for(reader.read(), 20)
        finally:
            writer.transport.abort()

    def refused(self, cause: str) -> float:
        """Return how many were refused for this cause."""
        return self.observer.value(SERIES.refusals, cause)


@pytest.fixture
async def edge() -> AsyncGenerator[Edge]:
    """Open a server for the test."""
    edge = Edge()
    await edge.server.open(option="--port")
    yield edge
    await edge.server.close()


@pytest.mark.parametrize(
    ("sent", "status", "cause"),
    [
        (HEAD + b"X: " + b"x" * 5000, 431, "header-bytes"),
        (b"GET /" + b"x" * 5000, 431, "header-bytes"),
        (HEAD + b"X: 1\r\n" * 20 + b"\r\n", 431, "header-count"),
        *(
            (HEAD + b"%b: 1\r\n%b: 1\r\n\r\n" % (name, name.title()), 400, "header-repeated")
            for name in (b"authorization", b"content-type", b"cookie", b"traceparent", b"x-hub-signature")
        ),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "header-repeated"),
        (HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx", 400, "malformed"),
        (CHUNKED + b"0\r\nX: " + b"x" * 9000, 431, "header-bytes"),
        (CHUNKED + b"0\r\n" + b"X: 1\r\n" * 20 + b"\r\n", 431, "header-count"),
        (CHUNKED + b"1;" + b"x" * 9000, 431, "header-bytes"),
        (CHUNKED + b"not a number\r\n", 400, "malformed"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "malformed"),
        (HEAD, 408, "headers-too-slow"),
        (b"\r\n" * 10, 408, "headers-too-slow"),
        (HEAD + b"Content-Length: 9\r\n\r\n1", 408, "body-too-slow"),
        (CHUNKED + b"1\r\nx\r\n", 408, "body-too-slow"),
        (b"", None, "headers-too-slow"),
    ],
    ids=lambda value: repr(value[:40]) if isinstance(value, bytes) else None,
)
async def test_a_hostile_request_is_refused_counted_and_logged(
    edge: Edge, sent: bytes, status: int | None, cause: str
) -> None:
    """
    A problem document with the status, one count of the cause, one line in the log, and a closed connection.
    """
    answer = await edge.conversation(sent)
    head, _, body = answer.partition(b"\r\n\r\n")
    document = json.loads(body) if body else {"status": None}

    assert (status, 1.0) == (document["status"], edge.refused(cause))
    assert status is None or (b"HTTP/1.1 %d" % status in head and b"application/problem+json" in head)
    assert [cause] == [line.fields["cause"] for line in edge.log.lines if line.event == "connection-refused"]


async def test_a_header_that_decides_nothing_may_be_repeated(edge: Edge) -> None:
    """
    Lists, and headers that nobody here reads, are there twice: the request is answered.
    """
    repeated = b"Accept: a\r\nAccept: b\r\nX-Any: 1\r\nX-Any: 2\r\nX-Forwarded-For: a\r\nX-Forwarded-For: b\r\n"
    answer = await edge.conversation(HEAD + repeated + b"Connection: close\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 200 ")


async def test_many_requests_before_the_first_answer_are_refused(edge: Edge) -> None:
    """
    A sender that pipelines thousands of requests is cut off instead of being kept in memory.
    """
    await edge.conversation(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 2000)

    assert edge.refused("pipelined") == 1.0


async def test_a_body_that_nobody_waits_for_has_a_time_too(edge: Edge) -> None:
    """
    The request was answered early, and its body never ends: the connection is closed all the same.
    """
    answer = await edge.conversation(b"POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")

    assert (answer.endswith(b"ok"), edge.refused("body-too-slow")) == (True, 1.0)


async def test_a_sender_that_does_not_read_its_answer_is_cut_off(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A sender that asks for megabytes and reads nothing is cut off.
    """
    monkeypatch.setattr(limited_protocol, "ANSWER_READ_S", 0.3)
    _, writer = await asyncio.open_connection("127.0.0.1", edge.server.port, limit=1024)
    writer.write(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")

    async def is_refused() -> bool:
        return edge.refused("answer-not-read") == 1.0

    try:
        await eventually(is_refused)
    finally:
        writer.transport.abort()


async def test_a_pause_of_the_server_itself_is_not_the_senders_fault(edge: Edge) -> None:
    """
    The process stands still for twice the time that headers have: a sender in the middle of them is answered.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.server.port)
    writer.write(HEAD)
    await edge.conversation(HEAD + b"Connection: close\r\n\r\n")
    time.sleep(2 * LIMITS.headers_s)  # noqa: ASYNC251  # the fault that is staged
    # One round of checks passes before the rest arrives.
    await edge.conversation(HEAD + b"Connection: close\r\n\r\n")
    writer.write(b"Connection: close\r\n\r\n")
    answer = await reader.read()
    writer.transport.abort()

    assert answer.startswith(b"HTTP/1.1 200 ")


async def test_a_connection_kept_open_serves_many_requests(edge: Edge) -> None:
    """
    Requests with bodies, one after the other over one connection, are all answered, and none is refused.
    """
    async with httpx.AsyncClient(trust_env=False, base_url=f"http://127.0.0.1:{edge.server.port}") as client:
        statuses = [(await client.post("/", content=b"x" * 300_000)).status_code for _ in range(20)]

    assert (statuses, edge.log.lines) == ([200] * 20, [])


async def status(client: httpx.AsyncClient, port: int) -> int:
    """Return the status of a GET, which is sent again where its connection had to give way."""
    for _ in range(2):
        with suppress(httpx.ReadError, httpx.RemoteProtocolError):
            return (await client.get(f"http://127.0.0.1:{port}/")).status_code
    return (await client.get(f"http://127.0.0.1:{port}/")).status_code


async def test_a_server_that_is_full_of_silence_stays_open(edge: Edge) -> None:
    """
    Silent connections fill the server three times over: newcomers are answered, and the gauges show the limit. One that
    was silent itself for too long, on a busy machine, is answered when it comes again.
    """
    attack = Attack(edge.server.port, itertools.cycle(["127.0.0.1"]))
    async with attack.of(stay_silent, 150), httpx.AsyncClient(trust_env=False, timeout=20) as client:
        statuses = [await status(client, edge.server.port) for _ in range(10)]
        opened = edge.observer.value(SERIES.connections)

    assert (statuses, opened <= LIMITS.connections) == ([200] * 10, True)
    assert edge.observer.value(SERIES.most_connections) == LIMITS.connections
