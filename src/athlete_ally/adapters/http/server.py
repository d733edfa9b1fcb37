"""Serving an ASGI application with uvicorn inside an event loop that is ours, with limits for strangers."""

import asyncio
import errno
import socket
import sys
import time
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import partial
from typing import Any, Final

import uvicorn

from athlete_ally.adapters.http.acceptor import Acceptor
from athlete_ally.adapters.http.connections import Connections
from athlete_ally.adapters.http.limited_protocol import KEEP_ALIVE_S, LimitedProtocol
from athlete_ally.adapters.http.refusal_report import RefusalReport
from athlete_ally.core.errors import Misconfigured
from athlete_ally.core.http_limits import HttpLimits

EVERY_ADDRESS: Final = "0.0.0.0"  # noqa: S104  # it is compared with, and bound only when asked for
# The times that it bounds are seconds.
_CHECK_EVERY_S: Final = 0.25


class HttpServer:
    """One listening server; signals, logging and the loop belong to the caller."""

    def __init__(
        self,
        app: Any,
        *,
        host: str,
        port: int,
        drain_s: float,
        limits: HttpLimits | None = None,
        report: RefusalReport | None = None,
    ) -> None:
        """Prepare; `open` binds. `drain_s` bounds how long requests in progress may take after `close` was called."""
        self._host = host
        self._port = port
        self._connections = Connections(limits or HttpLimits())
        self._report = report or RefusalReport()
        protocol: Any = partial(LimitedProtocol, connections=self._connections, report=self._report)
        config = uvicorn.Config(
            app,
            http=protocol,
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            # The peer is the address of the connection: anybody could write X-Forwarded-For.
            proxy_headers=False,
            date_header=True,
            timeout_graceful_shutdown=max(1, int(drain_s)),
            timeout_keep_alive=KEEP_ALIVE_S,
            backlog=2048,
        )
        self._server = _PacedServer(config, self._connections, self._report)
        self._task: asyncio.Task[None] | None = None
        self._checking: asyncio.Task[None] | None = None
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
        self._checking = asyncio.create_task(self._check())

    async def close(self) -> None:
        """Stop accepting, finish the requests in progress, and return; cut off what takes longer than `drain_s`."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task
        if self._checking is not None:
            self._checking.cancel()

    async def _check(self) -> None:
        """Close what takes too long, and follow the number of descriptors that may be opened."""
        checked_s = time.monotonic()
        while True:
            await asyncio.sleep(_CHECK_EVERY_S)
            now_s = time.monotonic()
            passed_s = now_s - checked_s
            for connection in self._connections.all():
                connection.check(now_s, passed_s=passed_s, late_s=max(0.0, passed_s - _CHECK_EVERY_S))
            checked_s = now_s
            self._connections.measure()
            self._report.gauge(connections=len(self._connections), most=self._connections.most)


class _PacedServer(uvicorn.Server):
    """Accepts at its own pace, and leaves signals alone: the command that runs us decides what they mean."""

    def __init__(self, config: uvicorn.Config, connections: Connections, report: RefusalReport) -> None:
        """Accept what `connections` have room for."""
        super().__init__(config)
        self._connections, self._report = connections, report
        self._acceptors: list[Acceptor] = []

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept connections."""
        if sys.platform == "win32":
            # Its event loop has no readers: connections are accepted as they come.
            await super().startup(sockets)
            return
        await self.lifespan.startup()
        loop = asyncio.get_running_loop()

        def make_protocol() -> asyncio.Protocol:
            protocol: Any = self.config.http_protocol_class
            return protocol(
                config=self.config, server_state=self.server_state, app_state=self.lifespan.state, _loop=loop
            )

        self.servers = []
        for listener in sockets or []:
            listener.listen(self.config.backlog)
            self._acceptors.append(Acceptor(listener, make_protocol, self._connections, self._report))
        self.started = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop accepting, and finish the requests in progress."""
        for acceptor in self._acceptors:
            acceptor.close()
        await super().shutdown(sockets)

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
