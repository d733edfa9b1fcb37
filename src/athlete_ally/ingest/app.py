"""The HTTP surface of ingest: routes and the order of checks; everything else is next door."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from athlete_ally.core.measurement import Measurement
from athlete_ally.core.ports import Log, Now, Observer
from athlete_ally.core.series import IngestSeries
from athlete_ally.core.trace import trace_id
from athlete_ally.ingest.accept import Accepted, Acceptor
from athlete_ally.ingest.admission import Admission
from athlete_ally.ingest.body import read_body
from athlete_ally.ingest.keys import KeyRing
from athlete_ally.ingest.parse import split_body
from athlete_ally.ingest.refusal import Refusal

# A phone on a bad line sends 16 MiB in far less; a sender that trickles must not keep its place for ever.
BODY_TIMEOUT_S = 30.0
_DISCARD_TIMEOUT_S = 2.0
# A restart takes seconds.
_STOPPING_RETRY_AFTER_S = 5


@dataclass(frozen=True, slots=True)
class IngestService:
    """What the routes need. `keys` returns the ring that is valid now, or None where anybody may send (dev)."""

    measurements: Mapping[str, Measurement]
    acceptor: Acceptor
    admission: Admission
    keys: Callable[[], KeyRing | None]
    max_body_bytes: int
    observer: Observer
    series: IngestSeries
    now: Now
    log: Log

    async def post(self, request: Request) -> Response:
        """Answer a POST of readings; every path through here is counted."""
        kind = request.path_params["kind"]
        label = kind if kind in self.measurements else "unknown"
        started = self.now()
        self.observer.set(self.series.in_flight, value=self.admission.requests + 1)
        response = await self._answer(kind, request)
        self.observer.set(self.series.in_flight, value=self.admission.requests)
        self.observer.count(self.series.requests, label, str(response.status_code))
        if label != "unknown":
            passed_s = (self.now() - started).total_seconds()
            trace = trace_id(request.headers.get("traceparent"))
            self.observer.observe(self.series.request_seconds, kind, value=passed_s, trace_id=trace)
        return response

    async def _answer(self, kind: str, request: Request) -> Response:
        try:
            return _accepted(await self._accept(kind, request))
        except Refusal as refused:
            refusal = refused
            await self._discard_rest(request)
            self.log.info("refused", kind=kind[:32], status=refusal.status.value, problems=len(refusal.errors))
        except ClientDisconnect:
            # Nobody reads this answer; the status only has to be countable.
            refusal = Refusal(HTTPStatus.BAD_REQUEST, "the connection was closed before the body was complete")
        except asyncio.CancelledError:
            # Only the server cancels a request, when it stops and the time for those in hand is over.
            detail = "not stored, as far as is known: the service stops. Send the same again; nothing is stored twice"
            refusal = Refusal(
                HTTPStatus.SERVICE_UNAVAILABLE, detail, retry_after_s=_STOPPING_RETRY_AFTER_S, cause="stopping"
            )
        self.observer.count(self.series.refusals, refusal.cause)
        return refusal.response()

    async def _discard_rest(self, request: Request) -> None:
        """Read on for a moment and keep nothing: a sender that is cut off while it sends never sees why."""
        # RuntimeError: the body was read to its end already.
        with suppress(ClientDisconnect, TimeoutError, RuntimeError):
            async with asyncio.timeout(_DISCARD_TIMEOUT_S):
                size = 0
                async for chunk in request.stream():
                    size += len(chunk)
                    if size > self.max_body_bytes:
                        return

    async def _accept(self, kind: str, request: Request) -> Accepted:
        measurement = self.measurements.get(kind)
        if measurement is None:
            known = ", ".join(self.measurements)
            raise Refusal(HTTPStatus.NOT_FOUND, f"there is no kind {kind[:32]!r}; known kinds: {known}")
        ring = self.keys()
        if ring is not None:
            ring.check(request.headers.get("authorization"), kind)
        with self.admission.enter() as ticket:
            body = await self._read(request, ticket.hold)
            items = split_body(body, request.headers.get("content-type", ""))
            return await self.acceptor.accept(measurement, items, request.headers.get("traceparent"))

    async def _read(self, request: Request, hold: Callable[[int], None]) -> bytes:
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                return await read_body(
                    request.stream(),
                    encoding=request.headers.get("content-encoding", "").strip().lower(),
                    declared=request.headers.get("content-length"),
                    limit=self.max_body_bytes,
                    hold=hold,
                )
        except TimeoutError as error:
            detail = f"the body did not arrive within {BODY_TIMEOUT_S:g} s; send it again, or in smaller requests"
            raise Refusal(HTTPStatus.REQUEST_TIMEOUT, detail) from error


def build_app(service: IngestService, more_routes: list[BaseRoute]) -> Starlette:
    """Return the application; `more_routes` are health, series and docs."""
    routes: list[BaseRoute] = [
        Route("/api/v1/ingest/{kind}", service.post, methods=["POST"]),
        Route("/ingest/{kind}", service.post, methods=["POST"]),
        *more_routes,
    ]
    return Starlette(routes=routes, exception_handlers={HTTPException: _as_problem})


def _accepted(accepted: Accepted) -> Response:
    document: dict[str, Any] = {
        "status": "accepted",
        "id": accepted.id,
        "accepted": accepted.readings,
        "duplicate": accepted.duplicate,
    }
    if len(accepted.parts) > 1:
        document["parts"] = accepted.parts
    return Response(msgspec.json.encode(document), HTTPStatus.ACCEPTED, media_type="application/json")


async def _as_problem(request: Request, error: Exception) -> Response:
    """Answer what the router refuses (404, 405) like every other refusal."""
    if not isinstance(error, HTTPException):
        raise error
    detail = {
        HTTPStatus.NOT_FOUND: f"there is nothing at {request.url.path}; see /docs",
        HTTPStatus.METHOD_NOT_ALLOWED: f"{request.method} is not possible at {request.url.path}; see /docs",
    }.get(HTTPStatus(error.status_code), error.detail)
    response = Refusal(HTTPStatus(error.status_code), detail).response()
    response.headers.update(error.headers or {})
    return response
