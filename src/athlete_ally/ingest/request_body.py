"""Taking a request's body from the connection, and what is answered when it does not come whole."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus

from starlette.requests import ClientDisconnect, Request

from athlete_ally.ingest.decode_body import read_body
from athlete_ally.ingest.refusal import Refusal

# A phone on a bad line sends 16 MiB in far less; a sender that trickles must not keep its place for ever.
BODY_TIMEOUT_S = 30.0
_DISCARD_TIMEOUT_S = 2.0
# A restart takes seconds.
_STOPPING_RETRY_AFTER_S = 5


async def receive(request: Request, *, encoding: str, limit: int, hold: Callable[[int], None]) -> bytes:
    """Return the body, decoded by `encoding` (empty: as it was sent).

    Raises:
        Refusal: 408 too slow; 413, 415 and 400 as `read_body`.
    """
    declared = request.headers.get("content-length")
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            return await read_body(request.stream(), encoding=encoding, declared=declared, limit=limit, hold=hold)
    except TimeoutError as error:
        detail = f"the body did not arrive within {BODY_TIMEOUT_S:g} s; send it again, or in smaller requests"
        raise Refusal(HTTPStatus.REQUEST_TIMEOUT, detail) from error


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


def cut_off() -> Refusal:
    """Return what is answered to a sender that is gone: nobody reads it, it only has to be countable."""
    return Refusal(HTTPStatus.BAD_REQUEST, "the connection was closed before the body was complete")


def stopping() -> Refusal:
    """Return what is answered to a request that is cut off because the service stops."""
    detail = "not stored, as far as is known: the service stops. Send the same again; nothing is stored twice"
    return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, detail, retry_after_s=_STOPPING_RETRY_AFTER_S, cause="stopping")
