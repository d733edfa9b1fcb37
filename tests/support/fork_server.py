"""A process that has imported the program and forks a new one on request (see `support/processes.py`).

What it forks is a process like any other: memory, signals, exit code and standard files of its own. Only the start of
an interpreter and the imports are saved, which take most of the time of a start. The name and the idea are those of
Python's own `multiprocessing.forkserver`, which can't pass standard files on and ends a process without its clean-up.
"""

import gc
import json
import os
import runpy
import select
import signal
import socket
import struct
import sys
import time
from typing import Any

from athlete_ally.cli.app import cli

EXIT_CODE = PID = struct.Struct("!q")


def _do_nothing(*_: object) -> None: ...


class _Server:
    """Forks processes, and says on the socket of each what its id is, and later how it ended."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._ended, self._wake_up = socket.socketpair()
        self._wake_up.setblocking(False)
        self._processes: dict[int, socket.socket] = {}
        # A signal that is ignored, as this one is by default, wakes nobody up.
        signal.signal(signal.SIGCHLD, _do_nothing)
        signal.set_wakeup_fd(self._wake_up.fileno())
        # Ctrl-C is for the tests, which then close the socket.
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def serve(self) -> dict[str, Any] | None:
        """Serve until the tests end, and return None; in each new process, return what it has to run."""
        while True:
            ready, _, _ = select.select([self._control, self._ended], [], [])
            if self._ended in ready:
                self._ended.recv(4096)
                self._report_ended()
            if self._control in ready:
                # One byte for each request, since a stream of sockets may join two messages.
                message, descriptors, _, _ = socket.recv_fds(self._control, 1, 4)
                if not message:
                    return None
                status, *standard = descriptors
                if (request := self._fork(socket.socket(fileno=status), standard)) is not None:
                    return request

    def _fork(self, status: socket.socket, standard: list[int]) -> dict[str, Any] | None:
        if pid := os.fork():
            status.sendall(PID.pack(pid))
            self._processes[pid] = status
            for descriptor in standard:
                os.close(descriptor)
            return None
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for number, descriptor in enumerate(standard):
            os.dup2(descriptor, number)
            os.close(descriptor)
        with status, status.makefile("rb") as lines:
            request: dict[str, Any] = json.loads(lines.readline())
        for other in (self._control, self._ended, self._wake_up, *self._processes.values()):
            other.close()
        return request

    def _report_ended(self) -> None:
        while self._processes:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            with self._processes.pop(pid) as process:
                process.sendall(EXIT_CODE.pack(os.waitstatus_to_exitcode(status)))


def _run(request: dict[str, Any]) -> None:
    """Run a module or a program as `python` does."""
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    program, *arguments = request["argv"]
    if program == "-m":
        module, *sys.argv[1:] = arguments
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    else:
        sys.argv[:] = request["argv"]
        runpy.run_path(program, run_name="__main__")


if __name__ == "__main__":
    # Every command is imported, as each process would when it needs it.
    list(cli.walk("athlete-ally"))
    # Nothing of it is garbage: what the collector does not touch stays shared.
    gc.freeze()
    todo = _Server(socket.socket(fileno=int(sys.argv[1]))).serve()
    # The interpreter's own end follows, with its exit code, its traceback and its clean-up.
    if todo is not None:
        _run(todo)
