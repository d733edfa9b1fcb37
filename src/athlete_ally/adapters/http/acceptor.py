"""Accepts connections no faster than there is room for them: the others wait in the system's queue."""

import asyncio
import socket
from collections.abc import Callable
from typing import Final

from athlete_ally.adapters.http.connections import Connections
from athlete_ally.adapters.http.refusal_report import RefusalReport

# One turn of the loop must not be spent on newcomers alone.
_MOST_AT_ONCE: Final = 8
_PAUSE_S: Final = 0.02


class Acceptor:
    """Accepts the connections of one listening socket until it is closed."""

    def __init__(
        self,
        listener: socket.socket,
        make_protocol: Callable[[], asyncio.Protocol],
        connections: Connections,
        report: RefusalReport,
    ) -> None:
        """Start to accept in the running loop."""
        self._listener, self._make_protocol = listener, make_protocol
        self._connections, self._report = connections, report
        self._loop = asyncio.get_running_loop()
        self._starting: set[asyncio.Task[object]] = set()
        self._pause: asyncio.TimerHandle | None = None
        self._loop.add_reader(listener.fileno(), self._accept)

    def close(self) -> None:
        """Stop; connections that are open stay open."""
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self._listener.fileno())

    def _accept(self) -> None:
        for _ in range(_MOST_AT_ONCE):
            if not self._connections.may_enter(len(self._starting)):
                self._wait()
                return
            try:
                accepted, _address = self._listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError:
                # No descriptor is left, or no memory: what waits is accepted when there is one again.
                self._report.refused("descriptors", "")
                self._connections.measure()
                self._wait()
                return
            accepted.setblocking(False)
            task = self._loop.create_task(self._start(accepted))
            self._starting.add(task)
            task.add_done_callback(self._starting.discard)

    async def _start(self, accepted: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._make_protocol, accepted)
        except OSError:
            accepted.close()

    def _wait(self) -> None:
        """Look again in a moment."""
        self._loop.remove_reader(self._listener.fileno())
        self._pause = self._loop.call_later(_PAUSE_S, self._resume)

    def _resume(self) -> None:
        self._loop.add_reader(self._listener.fileno(), self._accept)
