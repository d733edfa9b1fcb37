"""uvicorn's protocol of one connection, with limits on what the other end may send, how slowly, and how much of it.

uvicorn bounds neither headers nor the time that a request takes to arrive, and a byte now and then keeps a connection
open for ever. Times are checked by `check`, which the server calls for every connection several times a second.
"""

import asyncio
import select
import sys
import time
from dataclasses import asdict
from enum import Enum
from http import HTTPStatus
from typing import Any, Final

import httptools
import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from athlete_ally.adapters.http.connections import Connections, sender_address
from athlete_ally.adapters.http.refusal_report import RefusalReport
from athlete_ally.core.http_limits import BODY_TOO_SLOW, SENDER_IS_KNOWN, HttpCause

KEEP_ALIVE_S: Final = 75
"""Longer than the idle timeout of common load balancers (60 s), which would otherwise race with ours."""
# A body of a few packets needs no rate.
_BODY_GRACE_S: Final = 5.0
ANSWER_READ_S: Final = 30.0
"""A sender has to take some of its answer within this time."""
_LINGER_S: Final = 5.0
# Clients in use send one request at a time; each that waits costs kilobytes.
_MOST_PIPELINED: Final = 16
_WATCHED: Final = (b"/health", b"/health/ready", b"/metrics")

_ANSWERS: Final[dict[HttpCause, tuple[HTTPStatus, str]]] = {
    "malformed": (HTTPStatus.BAD_REQUEST, "this is not an HTTP/1.1 request"),
    "header-bytes": (HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the headers have more than {header_bytes} bytes"),
    "header-count": (HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "there are more than {headers} headers"),
    "header-repeated": (HTTPStatus.BAD_REQUEST, "a header that may be there once is there twice: {repeated}"),
    "headers-too-slow": (HTTPStatus.REQUEST_TIMEOUT, "the headers did not arrive within {headers_s:g} s"),
    "body-too-slow": (
        HTTPStatus.REQUEST_TIMEOUT,
        "the body took more than {body_s:g} s, or came at less than {body_bytes_per_s} bytes/s: send smaller requests",
    ),
    "pipelined": (HTTPStatus.BAD_REQUEST, "too many requests were sent before the first was answered"),
    "address-connections": (
        HTTPStatus.TOO_MANY_REQUESTS,
        "more than {connections_per_address} connections from one address; send again over fewer",
    ),
    "connections": (HTTPStatus.SERVICE_UNAVAILABLE, "too many connections are open; send again after a second"),
}
_RETRY: Final = {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS}


class _Phase(Enum):
    """What arrives next."""

    IDLE = "the next request"
    HEADERS = "headers"
    BODY = "body"


class _Refused(Exception):
    """Stops the parser."""


class LimitedProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *arguments: Any, connections: Connections, report: RefusalReport, **named: Any) -> None:
        """Be one of `connections`."""
        super().__init__(*arguments, **named)
        self.address = ""
        self._connections = connections
        self._limits = connections.limits
        self._report = report
        self._phase = _Phase.HEADERS
        self.since_s = self._stalled_since_s = time.monotonic()
        self._body_bytes = 0
        # Bytes that the parser may still hold: since the last header or part of a body was handed over.
        self._kept_bytes = 0
        self._is_known = False
        self._is_surplus = False
        self._cause: HttpCause = "malformed"
        self._single_headers = {name.encode() for name in self._limits.single_headers}
        self._repeated = ""
        self._linger: asyncio.TimerHandle | None = None

    @property
    def waits_for_stranger(self) -> bool:
        """See `Connection`."""
        waits = self._phase is not _Phase.IDLE or self.is_idle or self.flow.write_paused
        return waits and not (self._is_known or self._proved())

    @property
    def is_idle(self) -> bool:
        """See `Connection`."""
        return self._phase is _Phase.IDLE and self._is_answered()

    @property
    def has_unread(self) -> bool:
        """See `Connection`."""
        if sys.platform == "win32":
            return False
        poller = select.poll()
        poller.register(self.transport.get_extra_info("socket").fileno(), select.POLLIN)
        return bool(poller.poll(0))

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Enter, or be refused."""
        super().connection_made(transport)
        self.address = sender_address(self.client)
        self._is_surplus = not self._connections.enter(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave."""
        self._connections.leave(self)
        if self._linger is not None:
            self._linger.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse in pieces, and stop when the parser has kept too many bytes: headers and trailers are kept whole."""
        self._unset_keepalive_if_required()
        if self._phase is _Phase.IDLE:
            self._enter(_Phase.HEADERS)
        start = 0
        while start < len(data) and not self.transport.is_closing():
            piece = data[start : start + self._limits.header_bytes + 1 - self._kept_bytes]
            start += len(piece)
            self._kept_bytes += len(piece)
            self._parse(piece)
            if self._kept_bytes > self._limits.header_bytes:
                self.refuse("header-bytes")

    def on_message_begin(self) -> None:
        """Start a request."""
        if self._phase is not _Phase.HEADERS:
            self._enter(_Phase.HEADERS)
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header or, after the body, a trailer."""
        if len(self.headers) >= self._limits.headers:
            self._stop("header-count")
        if name.lower() in self._single_headers:
            self._note_single(name.lower())
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Hand the request over, unless there are too many of them or of connections."""
        if self._is_surplus and self._connections.is_full and self.url.partition(b"?")[0] not in _WATCHED:
            self._stop("connections")
        if len(self.pipeline) >= _MOST_PIPELINED:
            self._stop("pipelined")
        self._kept_bytes = 0
        self._enter(_Phase.BODY)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._kept_bytes = 0
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Wait for the next request."""
        self._kept_bytes = 0
        self._enter(_Phase.IDLE)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Remember whether the sender is known, and from when the connection is idle."""
        self._is_known = self._is_known or self._proved()
        if self._phase is _Phase.IDLE:
            self.since_s = time.monotonic()
        super().on_response_complete()
        if self.transport.is_closing():
            self._abort_later()

    def pause_writing(self) -> None:
        """Note since when the answer is not read."""
        self._stalled_since_s = time.monotonic()
        super().pause_writing()

    def check(self, now_s: float, *, passed_s: float, late_s: float) -> None:
        """Close the connection if the other end takes too long."""
        # What came while this process did not run is not read yet: its own delay is not the sender's fault.
        self.since_s += late_s
        self._stalled_since_s += late_s
        if self.flow.write_paused and now_s - self._stalled_since_s > ANSWER_READ_S:
            self.refuse("answer-not-read")
        elif self.flow.read_paused:
            # We do not read: that is not the sender's fault either.
            self.since_s += passed_s - late_s
        elif self._phase is _Phase.HEADERS and now_s - self.since_s > self._limits.headers_s:
            self.refuse("headers-too-slow")
        elif self._phase is _Phase.BODY and now_s - self.since_s > self._body_time_s():
            self.refuse("body-too-slow")
        elif self.is_idle and now_s - self.since_s > KEEP_ALIVE_S:
            self._leave_and_close()

    def refuse(self, cause: HttpCause) -> None:
        """See `Connection`."""
        if self.transport.is_closing():
            return
        self._report.refused(cause, self.address)
        if cause == "body-too-slow":
            self.cycle.scope.setdefault("state", {})[BODY_TOO_SLOW] = True
        if cause in _ANSWERS and self._may_answer(cause):
            self._answer(*_ANSWERS[cause])
        if not self._is_answered():
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self._leave_and_close()

    @property
    def _parser(self) -> Any:
        # There is one as long as there is a connection.
        return self.parser

    @property
    def _cycle(self) -> Any:
        # None before the first request, whatever its type says.
        return self.cycle

    def _parse(self, piece: bytes) -> None:
        try:
            self._parser.feed_data(piece)
        except httptools.HttpParserUpgrade:
            # Answered like any other request: no other protocol is spoken here.
            return
        except httptools.HttpParserError:
            self.refuse(self._cause)

    def _note_single(self, name: bytes) -> None:
        # uvicorn keeps the names in lower case.
        if any(name == earlier for earlier, _ in self.headers):
            self._repeated = name.decode()
            self._stop("header-repeated")

    def _stop(self, cause: HttpCause) -> None:
        self._cause = cause
        raise _Refused

    def _enter(self, phase: _Phase) -> None:
        self._phase = phase
        self.since_s = time.monotonic()
        self._body_bytes = 0

    def _is_answered(self) -> bool:
        return not self.pipeline and (self._cycle is None or self._cycle.response_complete)

    def _proved(self) -> bool:
        return self._cycle is not None and bool(self._cycle.scope.get("state", {}).get(SENDER_IS_KNOWN))

    def _body_time_s(self) -> float:
        return min(self._limits.body_s, _BODY_GRACE_S + self._body_bytes / self._limits.body_bytes_per_s)

    def _may_answer(self, cause: HttpCause) -> bool:
        """Tell whether an answer would be taken for that to the request that is refused."""
        match self._phase:
            case _Phase.HEADERS:
                # A sender that has sent nothing asked for nothing; one that can't come in is told why.
                return self._is_answered() and (self._kept_bytes > 0 or "connections" in cause)
            case _Phase.BODY:
                return not self.pipeline and not self.cycle.response_started
            case _Phase.IDLE:
                return False

    def _answer(self, status: HTTPStatus, detail: str) -> None:
        detail = detail.format_map({**asdict(self._limits), "repeated": self._repeated})
        document = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail}
        body = msgspec.json.encode(document)
        headers = [
            *self.server_state.default_headers,
            (b"content-type", b"application/problem+json"),
            (b"content-length", b"%d" % len(body)),
            (b"connection", b"close"),
            *([(b"retry-after", b"1")] if status in _RETRY else []),
        ]
        lines = [b"HTTP/1.1 %d %b" % (status.value, status.phrase.encode()), *(b"%b: %b" % each for each in headers)]
        self.transport.write(b"\r\n".join([*lines, b"", body]))

    def _leave_and_close(self) -> None:
        self._connections.leave(self)
        self.transport.close()
        self._abort_later()

    def _abort_later(self) -> None:
        """Close at last, although what was answered is never read."""
        if self._linger is None:
            self._linger = self.loop.call_later(_LINGER_S, self.transport.abort)
