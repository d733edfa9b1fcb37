"""The HTTP surface of ingest: routes and the order of checks; everything else is next door."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, Final

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from athlete_ally.core.client_key import ClientKey
from athlete_ally.core.http_limits import SENDER_IS_KNOWN
from athlete_ally.core.messages.sender import UNKNOWN, key_sender
from athlete_ally.core.messages.trace import log_fields, sampled_trace_id
from athlete_ally.core.ports import Log, Now, Observer
from athlete_ally.core.readings.measurement import Measurement
from athlete_ally.core.series import IngestSeries
from athlete_ally.ingest.accept import Accepted, Acceptor
from athlete_ally.ingest.admission import Admission
from athlete_ally.ingest.keys import KeyRing, owned, require_kind
from athlete_ally.ingest.parse import split_body
from athlete_ally.ingest.refusal import Refusal
from athlete_ally.ingest.request_body import cut_off, discard_rest, receive, stopping

PATHS: Final = ("/api/v1/ingest/{kind}", "/ingest/{kind}")
"""Where readings are sent."""


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
            trace = sampled_trace_id(request.headers.get("traceparent"))
            self.observer.observe(self.series.request_seconds, kind, value=passed_s, trace_id=trace)
        return response

    async def _answer(self, kind: str, request: Request) -> Response:
        sender = UNKNOWN
        try:
            measurement = self._measurement(kind)
            key = self._key(request)
            if key is not None:
                setattr(request.state, SENDER_IS_KNOWN, True)
                sender = key_sender(key.name)
                require_kind(key, kind)
            return _accepted(await self._accept(measurement, request, sender, key))
        except Refusal as refused:
            refusal = refused
            await discard_rest(request, self.max_body_bytes)
            about: dict[str, object] = {"kind": kind[:32], "status": refusal.status.value}
            about |= {"problems": len(refusal.errors), "sender": sender, "address": _address(request)}
            self.log.info("refused", **about, **log_fields(request.headers))
        except ClientDisconnect:
            refusal = cut_off(request)
        except asyncio.CancelledError:
            # Only the server cancels a request, when it stops and the time for those in progress is over.
            refusal = stopping()
        self.observer.count(self.series.refusals, refusal.cause)
        return refusal.response()

    def _measurement(self, kind: str) -> Measurement:
        measurement = self.measurements.get(kind)
        if measurement is None:
            known = ", ".join(self.measurements)
            raise Refusal(HTTPStatus.NOT_FOUND, f"there is no kind {kind[:32]!r}; known kinds: {known}")
        return measurement

    def _key(self, request: Request) -> ClientKey | None:
        """Return the key that a request carries; None where anybody may send."""
        ring = self.keys()
        return None if ring is None else ring.verify(request.headers.get("authorization"), self.now())

    async def _accept(self, measurement: Measurement, request: Request, sender: str, key: ClientKey | None) -> Accepted:
        with self.admission.enter() as ticket:
            encoding = request.headers.get("content-encoding", "").strip().lower()
            body = await receive(request, encoding=encoding, limit=self.max_body_bytes, hold=ticket.hold)
            items = split_body(body, request.headers.get("content-type", ""))
            traceparent = request.headers.get("traceparent")
            own = list if key is None else partial(owned, key)
            accepted = await self.acceptor.accept(measurement, items, traceparent=traceparent, sender=sender, own=own)
        setattr(request.state, SENDER_IS_KNOWN, True)
        return accepted


def build_app(service: IngestService, more_routes: list[BaseRoute]) -> Starlette:
    """Return the application; `more_routes` are health, series and docs."""
    routes: list[BaseRoute] = [
        *(Route(path, service.post, methods=["POST"]) for path in PATHS),
        *more_routes,
    ]
    app = Starlette(routes=routes, exception_handlers={HTTPException: _as_problem, Exception: _failed})
    # A redirect to the path without its slash would lead to the address that the sender's Host header names.
    app.router.redirect_slashes = False
    return app


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


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


async def _failed(_request: Request, _error: Exception) -> Response:
    """Answer for a defect of ours, which the server logs."""
    detail = "not stored, as far as is known: this service has a defect. Send the same again; nothing is stored twice"
    return Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, detail, cause="broker").response()
