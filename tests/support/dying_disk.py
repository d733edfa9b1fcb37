"""A real folder on which a process dies at a chosen operation, or a machine with what was not flushed."""

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

_WATCHED = ("open", "write", "ftruncate", "fsync", "fdatasync", "utime", "unlink", "replace", "close")


class DiedError(BaseException):
    """The process is dead: nothing that it would do from here on happens."""


@dataclass(frozen=True, slots=True)
class Death:
    """Before which operation of a call, counted from 0: a write has written half.

    A power cut also takes names of files that were not flushed, and of their unflushed bytes all but the share `held`;
    with `is_zeros` the file keeps its size, and zeros stand for what was taken.
    """

    at: int
    is_power_cut: bool = False
    held: float = 0.0
    is_zeros: bool = False


@dataclass(slots=True)
class DyingDisk:
    """Watches what is done to the files of a folder through `os`, and remembers what of it was flushed."""

    folder: Path
    operations: int = 0
    _death: Death | None = None
    _is_dead: bool = False
    _files: dict[int, Path] = field(default_factory=dict[int, Path])
    _flushed_bytes: dict[Path, int] = field(default_factory=dict[Path, int])
    _unsynced_names: set[Path] = field(default_factory=set[Path])

    @contextmanager
    def watched(self, death: Death | None = None) -> Generator[None]:
        """Run a call, and die where `death` says; then the disk is as the next process finds it.

        Raises:
            DiedError: it died.
        """
        self._death, self._is_dead, self.operations = death, False, 0
        with pytest.MonkeyPatch.context() as patch:
            for name in _WATCHED:
                patch.setattr(os, name, self._watching(name, getattr(os, name)))
            yield
        if self._is_dead:
            raise DiedError

    def crash(self) -> None:
        """Do what the kernel does when a process ends, and what a power cut does."""
        for file in self._files:
            os.close(file)
        self._files.clear()
        death = self._death
        if death is None or not death.is_power_cut:
            return
        for path in self._unsynced_names:
            path.unlink(missing_ok=True)
        for path, flushed in self._flushed_bytes.items():
            if path.exists() and path.stat().st_size > flushed:
                size = path.stat().st_size
                os.truncate(path, flushed + int((size - flushed) * death.held))
                if death.is_zeros:
                    os.truncate(path, size)
        self._unsynced_names.clear()
        self._flushed_bytes.clear()

    def _watching(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def operation(*arguments: Any, **options: Any) -> Any:
            target = arguments[0]
            if name == "close" and self._is_dead:
                raise DiedError
            path = self._files.get(target) if isinstance(target, int) else Path(os.fsdecode(target))
            if path is None or not path.is_relative_to(self.folder) or path.name in {"lock", "rewriting"}:
                return real(*arguments, **options)
            if name != "close":
                self._count(name, real, arguments)
            outcome = real(*arguments, **options)
            self._remember(name, path, arguments, outcome)
            return outcome

        return operation

    def _count(self, name: str, real: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        if self._death is not None and self.operations == self._death.at and not self._is_dead:
            self._is_dead = True
            if name == "write":
                file, data = arguments
                real(file, bytes(data)[: len(data) // 2])
        if self._is_dead:
            raise DiedError
        self.operations += 1

    def _remember(self, name: str, path: Path, arguments: tuple[Any, ...], outcome: Any) -> None:
        if name == "close":
            del self._files[arguments[0]]
        elif name == "open":
            self._files[outcome] = path
            if arguments[1] & os.O_CREAT:
                self._unsynced_names.add(path)
                self._flushed_bytes[path] = 0
        elif name in {"fsync", "fdatasync"} and path.is_dir():
            self._unsynced_names = {each for each in self._unsynced_names if each.parent != path}
        elif name in {"fsync", "fdatasync"}:
            self._flushed_bytes[path] = path.stat().st_size
        elif name == "replace":
            to = Path(arguments[1])
            self._flushed_bytes[to] = self._flushed_bytes.pop(path, to.stat().st_size)
            self._unsynced_names.discard(path)
