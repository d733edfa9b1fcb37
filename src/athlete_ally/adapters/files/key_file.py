"""The file of API keys, read again whenever it changes."""

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from athlete_ally.core.client_key import ClientKey
from athlete_ally.core.errors import Misconfigured
from athlete_ally.core.ports import Log

T = TypeVar("T")

# How late a revoked key may still work, and how often the file's date is looked at.
_LOOK_EVERY_S = 1.0


class KeyFile(msgspec.Struct, frozen=True, kw_only=True):
    """The content of the file."""

    keys: tuple[ClientKey, ...] = ()


def read_key_file(path: Path) -> KeyFile:
    """Return the keys of a file; a file that is not there has none.

    Raises:
        Misconfigured: the file can't be read or understood.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=KeyFile)
    except FileNotFoundError:
        return KeyFile()
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Misconfigured(f"{path}: the file of API keys can't be read: {error}") from error


def write_key_file(path: Path, keys: KeyFile) -> None:
    """Replace the file in one step, readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(handle, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(keys), indent=2) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    Path(temporary).replace(path)


class WatchedKeyFile(Generic[T]):
    """What `build` makes of the file's keys, as they are now: revoking a key needs no restart."""

    def __init__(self, path: Path, build: Callable[[Sequence[ClientKey]], T], log: Log) -> None:
        """Read the file.

        Raises:
            Misconfigured: the file is missing, or can't be understood.
        """
        if not path.exists():
            raise Misconfigured(f"{path}: no such file of API keys; `athlete-ally keys create NAME --file {path}`")
        self._path = path
        self._build = build
        self._log = log
        self._looked_at_s = time.monotonic()
        self._changed_at_ns = path.stat().st_mtime_ns
        self._built = build(read_key_file(path).keys)

    def __call__(self) -> T:
        """Return what is in force; a file that is broken meanwhile leaves the last good one so."""
        if time.monotonic() - self._looked_at_s < _LOOK_EVERY_S:
            return self._built
        self._looked_at_s = time.monotonic()
        try:
            changed_at_ns = self._path.stat().st_mtime_ns
            if changed_at_ns != self._changed_at_ns:
                self._built = self._build(read_key_file(self._path).keys)
                self._changed_at_ns = changed_at_ns
                self._log.info("keys-reloaded")
        except (OSError, Misconfigured) as error:
            self._log.error("keys-unreadable", path=str(self._path), error=type(error).__name__)
        return self._built
