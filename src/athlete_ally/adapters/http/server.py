"""Serving an ASGI application with uvicorn inside an event loop that is ours."""

import asyncio
import errno
import socket
import sys
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any, Final

import uvicorn

from athlete_ally.core.errors import Misconfigured

EVERY_ADDRESS: Final = "0.0.0.0"  # noqa: S104  # it is compared with, and bound only when asked for


class HttpServer:
    """One listening server; signals, logging and the loop belong to the caller."""

    def __init__(self, app: Any, *, host: str, port: int, drain_s: float) -> None:
        """Prepare; `open` binds. `drain_s` bounds how long requests in progress may take after `close` was called."""
        self._host = host
        self._port = port
        config = uvicorn.Config(
            app,
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            # The peer is the address of the connection: anybody could write X-Forwarded-For.
            proxy_headers=False,
            date_header=True,
            timeout_graceful_shutdown=max(1, int(drain_s)),
            # Longer than the idle timeout of common load balancers (60 s), which would otherwise race with ours.
            timeout_keep_alive=75,
            backlog=2048,
        )
        self._server = _QuietServer(config)
        self._task: asyncio.Task[None] | None = None
        self._sockets: list[socket.socket] = []

    @property
    def port(self) -> int:
        """Return the port that is bound: the one asked for, or a free one where 0 was asked for."""
        return self._sockets[0].getsockname()[1] if self._sockets else self._port

    async def open(self, *, option: str) -> None:
        """Bind and accept connections.

        Raises:
            Misconfigured: the address can't be bound; `option` is named as the way to choose another port.
        """
        self._sockets = _bind(self._host, self._port, option)
        self._task = asyncio.create_task(self._server.serve(sockets=self._sockets))
        while not self._server.started:
            if self._task.done():
                await self._task
            await asyncio.sleep(0.005)

    async def close(self) -> None:
        """Stop accepting, finish the requests in progress, and return; cut off what takes longer than `drain_s`."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task


class _QuietServer(uvicorn.Server):
    """Leaves signals alone: the command that runs us decides what they mean."""

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        return nullcontext()


def require_free(host: str, port: int, *, option: str) -> None:
    """Return if nobody listens there now. Raises as `HttpServer.open`."""
    for listener in _bind(host, port, option):
        listener.close()


def _bind(host: str, port: int, option: str) -> list[socket.socket]:
    """Bind `host`; where that is every IPv4 address, every IPv6 address too, since `localhost` may mean ::1."""
    listeners = [_listener(host, port, option)]
    if host == EVERY_ADDRESS and socket.has_dualstack_ipv6():
        bound_port = listeners[0].getsockname()[1]
        with suppress(Misconfigured):
            listeners.append(_listener("::", bound_port, option))
    return listeners


def _listener(host: str, port: int, option: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform == "win32":
            # There SO_REUSEADDR would let two servers share the port.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        taken = error.errno in {errno.EADDRINUSE, errno.EACCES}
        reason = "is taken, or not allowed" if taken else f"can't be bound on {host} ({error.strerror})"
        raise Misconfigured(f"port {port} {reason}: choose another with {option}") from error
    listener.setblocking(False)
    return listener
