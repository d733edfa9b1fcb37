"""Processes of ours that start fast: forked from one that has imported the program (see `support/fork_server.py`).

Only on Linux: Windows has no fork, and libraries of macOS fail after one. There, each gets an interpreter of its own.
"""

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO, Any

from support.fork_server import EXIT_CODE, PID

_PROGRAM = Path(__file__).with_name("fork_server.py")
_starting = threading.Lock()


class Forked:
    """A process with the methods of `subprocess.Popen` that the tests need."""

    def __init__(self, status: socket.socket, stdin: IO[bytes] | None) -> None:
        """Own the socket on which the fork server reports."""
        self._status, self.stdin = status, stdin
        self.pid: int = PID.unpack(self._receive())[0]
        self.returncode: int | None = None
        self._waiting = threading.Lock()

    def poll(self) -> int | None:
        """Return the exit code, as soon as it has ended; a signal counts negatively."""
        # While another thread waits, it is running or that thread is about to say how it ended.
        if self._waiting.acquire(blocking=False):
            try:
                self._wait(0)
            except subprocess.TimeoutExpired:
                return None
            finally:
                self._waiting.release()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code, once it has ended.

        Raises:
            subprocess.TimeoutExpired: it runs for `timeout` seconds more.
        """
        with self._waiting:
            return self._wait(timeout)

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to stop, as an orchestrator does."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it at once."""
        self.send_signal(signal.SIGKILL)

    def _wait(self, timeout: float | None) -> int:
        if self.returncode is not None:
            return self.returncode
        self._status.settimeout(timeout)
        try:
            code: int = EXIT_CODE.unpack(self._receive())[0]
        except (BlockingIOError, TimeoutError):
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0) from None
        self._status.close()
        self.returncode = code
        return code

    def _receive(self) -> bytes:
        received = self._status.recv(PID.size)
        assert received, "the fork server has ended"
        return received


def start(
    argv: Sequence[str],
    environment: Mapping[str, str],
    *,
    stdin: IO[bytes] | int = subprocess.DEVNULL,
    stdout: IO[bytes],
    stderr: IO[bytes],
    fork: bool = True,
) -> Any:
    """Start `python ARGV...`, a module of ours (`-m`) or a program, with these variables and no others.

    Without `fork`, it gets an interpreter and imports of its own.
    """
    if not fork or sys.platform != "linux":
        return subprocess.Popen(
            [sys.executable, *argv], env=dict(environment), stdin=stdin, stdout=stdout, stderr=stderr
        )
    ours, theirs = socket.socketpair()
    writer: IO[bytes] | None = None
    if stdin == subprocess.PIPE:
        reader, write_end = os.pipe()
        writer = os.fdopen(write_end, "wb")
    else:
        reader = os.open(os.devnull, os.O_RDONLY) if isinstance(stdin, int) else os.dup(stdin.fileno())
    with theirs:
        with _starting:
            server = _fork_server()
        socket.send_fds(server, [b"1"], [theirs.fileno(), reader, stdout.fileno(), stderr.fileno()])
    os.close(reader)
    ours.sendall(json.dumps({"argv": list(argv), "environment": dict(environment)}).encode() + b"\n")
    return Forked(ours, writer)


def run(
    argv: Sequence[str],
    environment: Mapping[str, str],
    *,
    stdin: bytes = b"",
    fork: bool = True,
    within_s: float = 100,
) -> subprocess.CompletedProcess[bytes]:
    """Run `python ARGV...` to its end."""
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        source.write(stdin)
        source.seek(0)
        process = start(argv, environment, stdin=source, stdout=out, stderr=err, fork=fork)
        try:
            code = process.wait(within_s)
        finally:
            process.kill()
            process.wait()
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(argv, code, out.read(), err.read())


@cache
def _fork_server() -> socket.socket:
    """Start the fork server of this test process, which ends with it."""
    ours, theirs = socket.socketpair()
    with theirs:
        environment = {**os.environ, "PYTHONPATH": str(_PROGRAM.parents[1])}
        command = [sys.executable, str(_PROGRAM), str(theirs.fileno())]
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
        )

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours
