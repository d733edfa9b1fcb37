"""The supervisor: a small process that starts and stops all others of `up` and `demo`; it ends just after its parent.

It starts what it is told to over standard input, and when that ends (the parent closed it, or was killed) it stops
everything in reverse order and, for a throw-away directory, removes that: one way to stop, whatever happened.
Run as `python -m athlete_ally.adapters.servers.supervisor`; imports little, since it starts before anything else.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Literal

import msgspec
from filelock import FileLock, Timeout

IS_WINDOWS = sys.platform == "win32"


class Command(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An order: `start` a process and watch it, or `run` one to its end.

    `stop` says how it ends: by the end of its standard input, by a signal, or by the command `stop_argv`. `user` is the
    system user to run as. Output is appended to `log`, or goes to our own standard error.
    """

    do: Literal["start", "run"]
    name: str
    argv: tuple[str, ...]
    environment: dict[str, str] = {}
    log: str | None = None
    user: str | None = None
    stop: Literal["stdin", "signal", "command"] = "signal"
    stop_argv: tuple[str, ...] = ()
    grace_s: float = 15.0


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A report: `ready` (in `folder`) or `busy` (in use), `started`, `exited` (with `code`), `ran` (with `code`)."""

    event: Literal["ready", "busy", "started", "exited", "ran"]
    name: str = ""
    pid: int = 0
    code: int = 0
    folder: str = ""


class Supervisor:
    """Starts processes, watches them, and stops them in reverse order."""

    def __init__(self, out: IO[str]) -> None:
        """Report to `out`, a line for each event."""
        self._out = out
        self._running: list[tuple[Command, subprocess.Popen[bytes]]] = []
        self._lock = threading.Lock()

    def obey(self, command: Command) -> None:
        """Carry one order out."""
        if command.do == "run":
            process = self._spawn(command)
            self.report(Event(event="ran", name=command.name, code=process.wait()))
            return
        process = self._spawn(command)
        self._running.append((command, process))
        self.report(Event(event="started", name=command.name, pid=process.pid))
        threading.Thread(target=self._watch, args=(command, process), daemon=True).start()

    def stop_all(self) -> None:
        """Stop everything, the youngest first: services drain while their servers are still there."""
        for command, process in reversed(self._running):
            if process.poll() is None:
                _stop(command, process)

    def report(self, event: Event) -> None:
        """Write one event; a parent that is gone is no reason to fail."""
        try:
            with self._lock:
                self._out.write(msgspec.json.encode(event).decode() + "\n")
                self._out.flush()
        except OSError:
            pass

    def _watch(self, command: Command, process: "subprocess.Popen[bytes]") -> None:
        self.report(Event(event="exited", name=command.name, code=process.wait()))

    def _spawn(self, command: Command) -> "subprocess.Popen[bytes]":
        with _log_file(command.log) as log:
            process: Any = subprocess.Popen(  # noqa: S603  # our own commands
                command.argv,
                stdin=subprocess.PIPE if command.stop == "stdin" else subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **command.environment},
                **_as_user(command.user),
            )
            return process


def _stop(command: Command, process: "subprocess.Popen[bytes]") -> None:
    if command.stop == "stdin" and process.stdin is not None:
        process.stdin.close()
    elif command.stop == "command":
        subprocess.run(  # noqa: S603  # our own commands
            command.stop_argv,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=command.grace_s,
            check=False,
            **_as_user(command.user),
        )
    else:
        process.terminate()
    try:
        process.wait(command.grace_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _as_user(user: str | None) -> Mapping[str, Any]:
    return {} if user is None else {"user": user, "group": _group_of(user), "extra_groups": []}


def _group_of(user: str) -> int:
    import pwd  # noqa: PLC0415  # POSIX only

    return pwd.getpwnam(user).pw_gid


def _log_file(path: str | None) -> IO[bytes]:
    if path is None:
        return os.fdopen(os.dup(sys.stderr.fileno()), "ab")
    return Path(path).open("ab")


def _leave(_number: int, _frame: object) -> None:
    sys.exit(0)


def _remove(folder: Path) -> None:
    # On Windows a file stays locked for a moment after its process has ended.
    for _ in range(20):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.25)


def main() -> None:
    """Obey orders from standard input until it ends; then stop everything and clean up."""
    parser = argparse.ArgumentParser(description=__doc__)
    kind = parser.add_mutually_exclusive_group(required=True)
    kind.add_argument("--folder", type=Path, help="work here; nobody else may meanwhile")
    kind.add_argument("--throw-away", metavar="PREFIX", help="work in a new temporary folder, and remove it at the end")
    options = parser.parse_args()
    supervisor = Supervisor(sys.stdout)
    # Ctrl-C is the parent's business; an order to terminate is treated like the parent's end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    if options.throw_away:
        _guard_throw_away(supervisor, options.throw_away)
        return
    try:
        with FileLock(options.folder / "up.lock", timeout=0):
            _guard(supervisor, options.folder)
    except Timeout:
        supervisor.report(Event(event="busy"))


def _guard_throw_away(supervisor: Supervisor, prefix: str) -> None:
    """Make the folder here and not in the parent, which may be killed before we run."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        # PostgreSQL runs as another user where we are root; that user has to pass through.
        folder.chmod(0o711)
        _guard(supervisor, folder)
    finally:
        _remove(folder)


def _guard(supervisor: Supervisor, folder: Path) -> None:
    supervisor.report(Event(event="ready", folder=str(folder)))
    try:
        for line in sys.stdin:
            supervisor.obey(msgspec.json.decode(line, type=Command))
    finally:
        supervisor.stop_all()


if __name__ == "__main__":
    main()
