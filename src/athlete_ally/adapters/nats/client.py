"""The library's client with six gaps closed.

A denied request fails at once, TLS that is asked for is required, an answer that comes too late does no harm, what is
cancelled or closed ends, and a connection that the server ends is made again.
"""

import asyncio
import logging
from typing import Any

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from athlete_ally.adapters.nats.denial import Denials
from athlete_ally.core.errors import PermissionDenied


def _is_worth_saying(record: logging.LogRecord) -> bool:
    # asyncio's remark on every connection of the library that is closed with TLS.
    return "returning true from eof_received" not in record.getMessage()


class AttentiveClient(Client):
    """A client whose requests, those of the library's own JetStream context included, notice a denial."""

    def __init__(self, denials: Denials, *, requires_tls: bool) -> None:
        """Take note of denials elsewhere; `requires_tls` sends nothing to a server that offers no TLS."""
        super().__init__()
        self._denials = denials
        self._requires_tls = requires_tls
        logging.getLogger("asyncio").addFilter(_is_worth_saying)

    @property
    def server_id(self) -> str:
        """Return the id of the server that we are connected to; empty before the first connection."""
        return str(self._server_info.get("server_id", ""))

    async def request(
        self,
        subject: str,
        payload: bytes = b"",
        timeout: float = 0.5,  # noqa: ASYNC109  # the library's signature
        old_style: bool = False,  # noqa: FBT001, FBT002  # same
        headers: dict[str, Any] | None = None,
    ) -> Msg:
        """Send a request and return its answer.

        Raises:
            PermissionDenied: the server denies the subject, or the inbox for the answer.
        """
        if reason := self._denials.reason(subject):
            raise PermissionDenied(reason)
        scope = asyncio.timeout(None)
        with self._denials.watching(subject, scope):
            try:
                async with scope:
                    return await super().request(subject, payload, timeout, old_style, headers)
            except TimeoutError as error:
                if reason := self._denials.reason(subject):
                    raise PermissionDenied(reason) from error
                raise

    async def _process_pong(self) -> None:
        # A flush that was cancelled leaves its future in the list. The library sets a result on it when the server
        # answers at last, fails, stops reading, and notices 15 s later that it hears nothing.
        waiting: list[Any] = self._pongs  # pyright: ignore[reportUnknownMemberType,reportUnknownVariableType]  # untyped
        if waiting and waiting[0].done():
            waiting[0] = asyncio.get_running_loop().create_future()
        await super()._process_pong()

    async def _close(self, status: int, do_cbs: bool = True) -> None:  # noqa: FBT001, FBT002  # the library's signature
        try:
            await super()._close(status, do_cbs)
        except (OSError, RuntimeError):
            # The connection was lost before all was sent, and the library stops half-way: with an open socket.
            self._pending, self._pending_data_size = [], 0
            self._status = Client.DISCONNECTED
            await super()._close(status, do_cbs)

    async def _process_err(self, err_msg: str) -> None:
        # The library closes for good when the server ends a connection with an error, such as a login that expired:
        # a new login works once it was renewed. A denied permission ends nothing.
        if self.is_connected and "permissions violation" not in err_msg:
            error = nats.errors.Error(f"nats: {err_msg.strip(chr(39))}")
            await self._error_cb(error)
            await self._process_op_err(error)
            return
        await super()._process_err(err_msg)

    async def _connect_to_server(self, s: Any) -> None:
        # Before Python 3.12, asyncio.wait_for loses a cancellation that meets the answer (python/cpython#86296). The
        # library waits so for each server, in loops without end: a refused login was seen to be repeated for ever.
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise asyncio.CancelledError
        await super()._connect_to_server(s)  # pyright: ignore[reportUnknownMemberType]  # untyped

    def _connect_command(self) -> bytes:
        # What comes next are the credentials. The library upgrades to TLS only when the server asks for it, so that
        # a process that answers in the server's place could read them.
        if self._requires_tls and not self._server_info.get("tls_required"):
            raise nats.errors.Error("TLS is asked for, but this server offers none; nothing was sent to it")
        return super()._connect_command()
