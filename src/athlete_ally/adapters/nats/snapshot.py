"""Taking a stream out of the server and putting it back, over the JetStream API, in constant memory.

The bytes between are the server's own and mean nothing to us; their format changed in 2.15.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from nats.aio.msg import Msg

from athlete_ally.adapters.nats.connection import UNREACHABLE, ApiError, Connection, unavailable
from athlete_ally.core.errors import Misconfigured, Unavailable

T = TypeVar("T")

_CHUNK_BYTES = 128 * 1024
# The server aborts a restore when it takes more than 5 s to store what one request brought, which may decompress to
# many messages. With sync always it flushes each of them.
_PUT_BYTES = 8 * 1024
_RESTORE_FAILED = 10062
# The server aborts a snapshot whose chunks are not acknowledged for 5 s; silence for longer means that it is gone.
_SILENCE_S = 30.0
_LOOK_AT_CONNECTION_S = 0.5
# It reads and checks the whole stream before the first chunk, and after the last one of a restore.
_BEGIN_S = 120.0
_END_S = 600.0


@dataclass(frozen=True, slots=True)
class SnapshotHead:
    """What the server says before the bytes: the configuration, and the state that they hold."""

    config: dict[str, Any]
    state: dict[str, Any]


class Snapshots:
    """Snapshots of streams, durables with their progress included."""

    def __init__(self, connection: Connection) -> None:
        """Speak over this connection."""
        self._connection = connection
        self._client: Any = connection.client

    @asynccontextmanager
    async def taking(self, stream: str) -> AsyncGenerator[tuple[SnapshotHead, AsyncIterable[bytes]]]:
        """Have the server check the stream and send it. The next chunks come as those before are consumed.

        Raises:
            Misconfigured: the server refuses.
            Unavailable: no answer; the chunks raise it too, when the server aborts it or the connection is lost.
        """
        arrived: asyncio.Queue[Msg] = asyncio.Queue()
        inbox = self._client.new_inbox()
        with unavailable(f"{stream} can't be backed up"):
            subscription = await self._client.subscribe(inbox, cb=arrived.put)
        request = {"deliver_subject": inbox, "chunk_size": _CHUNK_BYTES, "jsck": True}
        try:
            asked = self._connection.api(f"STREAM.SNAPSHOT.{stream}", request, timeout_s=_BEGIN_S)
            answer = await self._unless_lost(asked, f"{stream} was read", self._reconnects())
            yield SnapshotHead(answer["config"], answer["state"]), self._chunks(stream, arrived)
        except ApiError as error:
            raise Misconfigured(f"{stream} can't be backed up: {error}") from error
        finally:
            if self._client.is_connected:
                with suppress(*UNREACHABLE):
                    await subscription.unsubscribe()

    async def restore(self, stream: str, head: SnapshotHead, chunks: AsyncIterable[bytes]) -> None:
        """Create the stream from the bytes of a snapshot; return once the server has it.

        Raises:
            Misconfigured: the server refuses, since the stream exists or the bytes are not what they should be.
            Unavailable: no answer; the stream does not exist then.
        """
        try:
            request = {"config": head.config, "state": head.state}
            asked = self._connection.api(f"STREAM.RESTORE.{stream}", request, timeout_s=_BEGIN_S)
            answer = await self._unless_lost(asked, f"{stream} was restored", self._reconnects())
            subject = answer["deliver_subject"]
            async for chunk in chunks:
                for start in range(0, len(chunk), _PUT_BYTES):
                    await self._put(subject, chunk[start : start + _PUT_BYTES], _SILENCE_S)
            await self._put(subject, b"", _END_S)
        except ApiError as error:
            raise Misconfigured(f"{stream} can't be restored: {error}{_remedy(error)}") from error

    async def _put(self, subject: str, chunk: bytes, within_s: float) -> None:
        with unavailable("the server stopped taking the stream"):
            asked = self._client.request(subject, chunk, timeout=within_s)
            answer = await self._unless_lost(asked, "the stream was restored", self._reconnects())
        if answer.data and (problem := json.loads(answer.data).get("error")):
            raise ApiError(problem.get("err_code", 0), problem.get("description", "unknown error"))

    async def _chunks(self, stream: str, arrived: "asyncio.Queue[Msg]") -> AsyncGenerator[bytes]:
        reconnects = self._reconnects()
        while True:
            message = await self._next(stream, arrived, reconnects)
            if not message.data:
                _require_good_end(stream, message)
                return
            yield message.data
            await self._acknowledge(stream, message)

    async def _acknowledge(self, stream: str, message: Msg) -> None:
        # The server sends 8 MiB ahead of this, which bounds what we hold; a last chunk asks for none.
        if not message.reply:
            return
        with unavailable(f"the connection was lost while {stream} was read: begin again"):
            await self._client.publish(message.reply, b"")

    async def _next(self, stream: str, arrived: "asyncio.Queue[Msg]", reconnects: int) -> Msg:
        try:
            async with asyncio.timeout(_SILENCE_S):
                return await self._unless_lost(arrived.get(), f"{stream} was read", reconnects)
        except TimeoutError:
            raise Unavailable(f"the server sent nothing more of {stream} for {_SILENCE_S:g} s: begin again") from None

    async def _unless_lost(self, awaited: Coroutine[Any, Any, T], what: str, reconnects: int) -> T:
        """Return what is awaited, which comes over this connection or not at all."""
        task = asyncio.create_task(awaited)
        try:
            while not (await asyncio.wait({task}, timeout=_LOOK_AT_CONNECTION_S))[0]:
                if not self._client.is_connected or self._reconnects() != reconnects:
                    raise Unavailable(f"the connection was lost while {what}: begin again")
            return task.result()
        finally:
            task.cancel()

    def _reconnects(self) -> int:
        return int(self._client.stats["reconnects"])


def _remedy(error: ApiError) -> str:
    if error.code != _RESTORE_FAILED or not any(word in error.description for word in ("closed pipe", "stalled")):
        return ""
    return (
        "; a server whose disk is slow aborts it after 5 s when it flushes each message: start it with "
        "`sync_interval: 2m` for the restore, and with `always` again before anything is published"
    )


def _require_good_end(stream: str, message: Msg) -> None:
    """Tell the end of a whole snapshot (204, or no status before 2.12) from that of one the server aborted."""
    stated = message.headers or {}
    status = stated.get("Status", "204")
    if status != "204":
        reason = stated.get("Description", "unknown")
        raise Unavailable(f"the server aborted the snapshot of {stream}: {reason} ({status}); start again")
