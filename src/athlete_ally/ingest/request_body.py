"""Taking a request's body from the connection, and what is answered when it does not come whole."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus

from starlette.requests import ClientDisconnect, Request

from athlete_ally.core.http_limits import BODY_TOO_SLOW
from athlete_ally.ingest.admission import Ticket, busy
from athlete_ally.ingest.decode_body import read_body
from athlete_ally.ingest.refusal import Refusal

_DISCARD_TIMEOUT_S = 2.0
# A restart takes seconds.
_STOPPING_RETRY_AFTER_S = 5


async def receive(request: Request, *, encoding: str, limit: int, hold: Callable[[int], None]) -> bytes:
    """Return the body, decoded by `encoding` (empty: as it was sent). The server bounds the time that it takes.

    Raises:
        Refusal: 413, 415 and 400 as `read_body`.
        ClientDisconnect: the connection was closed, by the sender or by the server.
    """
    declared = request.headers.get("content-length")
    return await read_body(request.stream(), encoding=encoding, declared=declared, limit=limit, hold=hold)


async def receive_from_stranger(request: Request, *, limit: int, ticket: Ticket) -> bytes:
    """Return the body as it was sent; while it arrives, it may have to give way to a newer request.

    Raises:
        Refusal: 429 gave way; 413 as `read_body`.
        ClientDisconnect: as `receive`.
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(None) as scope:
            with ticket.arriving(lambda: scope.reschedule(loop.time())):
                return await receive(request, encoding="", limit=limit, hold=ticket.hold)
    except TimeoutError as error:
        raise busy("a newer request took the place of this one, whose body was not complete") from error


async def discard_rest(request: Request, limit: int) -> None:
    """Read on for a moment and keep nothing: a sender that is cut off while it sends never sees why."""
    # RuntimeError: the body was read to its end already.
    with suppress(ClientDisconnect, TimeoutError, RuntimeError):
        async with asyncio.timeout(_DISCARD_TIMEOUT_S):
            size = 0
            async for chunk in request.stream():
                size += len(chunk)
                if size > limit:
                    return


def cut_off(request: Request) -> Refusal:
    """Return the reason why a connection is gone: nobody reads it, it only has to be countable."""
    if getattr(request.state, BODY_TOO_SLOW, False):
        return Refusal(HTTPStatus.REQUEST_TIMEOUT, "the body arrived too slowly")
    return Refusal(HTTPStatus.BAD_REQUEST, "the connection was closed before the body was complete")


def stopping() -> Refusal:
    """Return what is answered to a request that is cut off because the service stops."""
    detail = "not stored, as far as is known: the service stops. Send the same again; nothing is stored twice"
    return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, detail, retry_after_s=_STOPPING_RETRY_AFTER_S, cause="stopping")
