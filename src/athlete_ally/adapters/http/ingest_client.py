"""Sending readings to ingest over HTTP, as patiently as it asks for."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httpx

from athlete_ally.core.errors import Misconfigured, Unavailable
from athlete_ally.core.ports import Sleep

_TIMEOUT_S = 60.0
_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 30.0
_COME_AGAIN = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.REQUEST_TIMEOUT}


@dataclass(frozen=True, slots=True)
class Refused:
    """A reading that ingest refuses: the field and what is wrong with it, without its value."""

    kind: str
    field: str
    message: str


@dataclass(frozen=True, slots=True)
class Sent:
    """The outcome of a batch: the stream holds all that is `accepted`, `duplicate` if it did so before."""

    accepted: int
    duplicate: bool
    refused: tuple[Refused, ...] = ()


def http_client(url: str, key: str | None) -> httpx.AsyncClient:
    """Return a client for ingest at `url`; `key` is the client's, where ingest wants one."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx.AsyncClient(base_url=url, headers=headers, timeout=_TIMEOUT_S, trust_env=False)


class IngestClient:
    """Sends batches; a batch that is answered is in the stream, whatever happens to us afterwards."""

    def __init__(
        self, client: httpx.AsyncClient, *, patience_s: float, sleep: Sleep = asyncio.sleep, jitter: Callable[[], float]
    ) -> None:
        """Send through `client`; stop retrying after `patience_s` without an answer."""
        self._client = client
        self._patience_s = patience_s
        self._sleep = sleep
        self._jitter = jitter

    async def send(self, kind: str, readings: Sequence[bytes]) -> Sent:
        """Send readings; what ingest refuses is left out, and the others are sent without it.

        Raises:
            Unavailable: no answer in time; sending the same again is always right.
            Misconfigured: the key is missing or not for this kind, or there is no such ingest.
        """
        response = await self._answer(kind, b"[" + b",".join(readings) + b"]")
        match response.status_code:
            case HTTPStatus.ACCEPTED:
                return Sent(len(readings), bool(response.json()["duplicate"]))
            case HTTPStatus.UNPROCESSABLE_ENTITY:
                return await self._without_refused(kind, readings, response.json()["errors"])
            case HTTPStatus.REQUEST_ENTITY_TOO_LARGE if len(readings) > 1:
                middle = len(readings) // 2
                return _together(await self.send(kind, readings[:middle]), await self.send(kind, readings[middle:]))
            case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
                return Sent(0, duplicate=False, refused=(Refused(kind, "", "too large for one message"),))
            case status:
                raise Misconfigured(f"ingest answers {status} to {kind}: {_detail(response)}")

    async def _without_refused(self, kind: str, readings: Sequence[bytes], errors: Sequence[dict[str, Any]]) -> Sent:
        """Send again without the readings that the answer names; it names a hundred problems at most."""
        bad = {error["index"] for error in errors}
        first = {error["index"]: error for error in reversed(errors)}
        refused = tuple(Refused(kind, error["field"], error["message"]) for error in first.values())
        good = [reading for index, reading in enumerate(readings) if index not in bad]
        if not bad:
            raise Misconfigured(f"ingest refuses {kind} and does not say why")
        rest = await self.send(kind, good) if good else Sent(0, duplicate=False)
        return Sent(rest.accepted, rest.duplicate, refused + rest.refused)

    async def _answer(self, kind: str, body: bytes) -> httpx.Response:
        """Post until there is an answer other than "later"."""
        started_s = time.monotonic()
        wait_s = _FIRST_WAIT_S
        while True:
            asked_s, problem = None, ""
            try:
                response = await self._client.post(
                    f"/api/v1/ingest/{kind}", content=body, headers={"Content-Type": "application/json"}
                )
            except httpx.TransportError as error:
                problem = type(error).__name__
            else:
                if response.status_code not in _COME_AGAIN and response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
                    return response
                problem = f"{response.status_code} {_detail(response)}"
                asked_s = _seconds(response.headers.get("retry-after", ""))
            if time.monotonic() - started_s > self._patience_s:
                raise Unavailable(
                    f"ingest at {self._client.base_url} took nothing for {self._patience_s:g} s ({problem}): "
                    "see that it runs, then give the same command again: it goes on where it was"
                )
            await self._sleep(min(asked_s or wait_s, _LONGEST_WAIT_S) * (1 + self._jitter() / 2))
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)


def _together(one: Sent, other: Sent) -> Sent:
    return Sent(one.accepted + other.accepted, one.duplicate and other.duplicate, one.refused + other.refused)


def _detail(response: httpx.Response) -> str:
    try:
        return str(response.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return "(no problem document: is this athlete-ally's ingest?)"


def _seconds(retry_after: str) -> float | None:
    return float(retry_after) if retry_after.isascii() and retry_after.isdigit() else None
