"""The journal of changes to streams and durables, as lines of JSON in a file."""

import getpass
import os
import secrets
import socket
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from athlete_ally.core.errors import Misconfigured


class ChangeLogFile:
    """Appends lines, each on disk before the next thing is done; never rewrites one."""

    def __init__(self, path: Path, now: Callable[[], datetime], about: dict[str, str]) -> None:
        """Write to `path`; `about` stands on each line: environment, account, cluster, plan."""
        self._path = path
        self._now = now
        self.run = f"{now():%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
        self._about = {"run": self.run, "who": _user(), "host": socket.gethostname(), **about}

    def begin(self, change: Any) -> None:
        """See `ops.streams.change_log.ChangeLog`."""
        self._write({"result": "begun", "change": change})

    def end(self, change: Any, *, result: str, detail: str, deleted: int = 0) -> None:
        """See `ops.streams.change_log.ChangeLog`."""
        self._write({"result": result, "change": change, "detail": detail, "deleted": deleted})

    def _write(self, entry: dict[str, Any]) -> None:
        line = msgspec.json.encode({"at": self._now().isoformat(timespec="seconds"), **self._about, **entry})
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab") as file:
                file.write(line + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            reason = f"the journal {self._path} can't be written ({error.strerror}): set AA_STREAMS_JOURNAL"
            raise Misconfigured(reason) from error


class NoChangeLog:
    """Keeps nothing: for throw-away servers, whose changes nobody looks up."""

    def begin(self, change: Any) -> None:
        """Take no note."""

    def end(self, change: Any, *, result: str, detail: str, deleted: int = 0) -> None:
        """Take no note."""


def read_journal(path: Path) -> list[bytes]:
    """Return all lines; none where there is no file yet. A last line that was cut off by a crash is left out.

    Raises:
        Misconfigured: the file can't be read.
    """
    try:
        lines = path.read_bytes().split(b"\n") if path.exists() else []
    except OSError as error:
        raise Misconfigured(f"the journal {path} can't be read ({error.strerror})") from error
    return [line for line in lines[:-1] if line]


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
