"""Reading messages of a stream in its own order, without a consumer: nothing is delivered, and nothing left behind."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from nats.aio.msg import Msg

from athlete_ally.adapters.nats.connection import UNREACHABLE, ApiError, Connection, describe
from athlete_ally.core.errors import Misconfigured, PermissionDenied, Unavailable
from athlete_ally.core.messages.message import StoredMessage

BATCH = 500
"""Measured on letters of 1 KiB: 26,000 a second in batches of 100, 31,000 in batches of 500, no more beyond."""
BATCH_BYTES = 4 * 1024 * 1024
"""What may lie in memory at once; four of the largest messages fit."""
_SILENCE_S = 10.0
# Error codes of nats-server: https://github.com/nats-io/nats-server/blob/main/server/errors.json
_NO_SUCH_MESSAGE = {10037, 10043, 10057}
# Added by the server to what it hands out.
_ABOUT = {"Nats-Stream", "Nats-Subject", "Nats-Sequence", "Nats-Time-Stamp", "Nats-Num-Pending", "Nats-Last-Sequence"}


class DirectReads:
    """Direct gets: https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-31.md"""

    def __init__(self, connection: Connection) -> None:
        """Read over this connection."""
        self._connection = connection
        self._client: Any = connection.client

    async def get(self, stream: str, request: Mapping[str, Any]) -> AsyncGenerator[Msg]:
        """Yield what a request for a `batch` of messages returns.

        Raises:
            Misconfigured: the stream allows no direct gets, or is missing.
            PermissionDenied: this user may not read messages.
            Unavailable: no answer.
        """
        arrived: asyncio.Queue[Msg] = asyncio.Queue()
        subject = f"$JS.API.DIRECT.GET.{stream}"
        try:
            inbox = self._client.new_inbox()
            subscription = await self._client.subscribe(inbox, cb=arrived.put)
            try:
                await self._client.publish(subject, json.dumps(request).encode(), reply=inbox)
                while True:
                    async with asyncio.timeout(_SILENCE_S):
                        message = await arrived.get()
                    if _is_end(stream, message):
                        return
                    yield message
            finally:
                await subscription.unsubscribe()
        except UNREACHABLE as error:
            if reason := self._connection.denials.reason(subject):
                raise PermissionDenied(reason) from error
            raise Unavailable(f"{stream} can't be read: {describe(error)}") from error

    async def count(self, stream: str, subjects: Sequence[str], from_sequence: int) -> int:
        """Return how many messages of these subjects, which have none in common, there are from a sequence on."""
        total = 0
        for subject in subjects:
            request = {"seq": max(1, from_sequence), "next_by_subj": subject, "batch": 1}
            async for message in self.get(stream, request):
                total += 1 + int((message.headers or {})["Nats-Num-Pending"])
        return total

    async def first_since(self, stream: str, at: datetime) -> int | None:
        """Return the sequence of the first message that was stored at or after a time, None when there is none."""
        request = {"start_time": at.isoformat(), "next_by_subj": ">", "batch": 1}
        async for message in self.get(stream, request):
            return int((message.headers or {})["Nats-Sequence"])
        return None


def handed_out(message: Msg) -> tuple[int, StoredMessage]:
    """Return the sequence of a message that a direct get returned, and the message without what the server added."""
    stated = message.headers or {}
    headers = {name: value for name, value in stated.items() if name not in _ABOUT}
    at = datetime.fromisoformat(stated["Nats-Time-Stamp"]).astimezone(UTC)
    return int(stated["Nats-Sequence"]), StoredMessage(stated["Nats-Subject"], headers, message.data, at)


async def delete_message(connection: Connection, stream: str, sequence: int, *, erase: bool) -> bool:
    """Delete a message; return False where it was gone. `erase` overwrites it on disk, 20 times as slow.

    Raises:
        ApiError: the server refuses.
        Unavailable: no answer.
    """
    try:
        await connection.api(f"STREAM.MSG.DELETE.{stream}", {"seq": sequence, "no_erase": not erase})
    except ApiError as error:
        if error.code in _NO_SUCH_MESSAGE:
            return False
        raise
    return True


def _is_end(stream: str, message: Msg) -> bool:
    stated = message.headers or {}
    # A message may carry a header called Status; only what is handed out from a stream has a sequence.
    if "Nats-Sequence" in stated:
        return False
    status = stated.get("Status", "")
    if status == "503":
        raise Misconfigured(
            f"stream {stream} is missing, or allows no direct gets (allow_direct): run `athlete-ally streams apply`"
        )
    if status not in {"204", "404"}:
        raise Unavailable(f"{stream} can't be read: {stated.get('Description', 'unknown')} ({status})")
    return True
