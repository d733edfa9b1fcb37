"""What is inside a file, a folder or an archive: every file in it, read within limits, and nothing written to disk.

Archives inside of archives are opened (Garmin's account export holds its FIT files so), and gzip is unpacked (Strava's
`.fit.gz`). Names serve to show a place only, so that a name with `..` in it reaches nothing.
"""

import gzip
import io
import lzma
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol, cast

from athlete_ally.adapters.files.export_file import files_in
from athlete_ally.core.errors import UnreadableFile

# Ours, as for an export of Apple Health: what people have shrinks to a thirtieth, a zip bomb to a thousandth.
_MOST_RATIO = 200
_FREE_BYTES = 256 * 1024 * 1024
# An account of ten years has some ten thousand files.
_MOST_FILES = 100_000
# The account export, the parts in it, and one more.
_MOST_DEPTH = 3
# The directory of a zip is read at once; that of so many files with long names fits.
_MOST_DIRECTORY_BYTES = 32 * 1024 * 1024
_IN_MEMORY_BYTES = 32 * 1024 * 1024
_CHUNK_BYTES = 256 * 1024
# The last record, and the longest comment behind it.
_LONGEST_TAIL = 22 + 65_535 + 76
_NO_SIZE = 0xFFFFFFFF
_ZIP, _GZIP = b"PK\x03\x04", b"\x1f\x8b"
_MOST_NAME = 200
_BROKEN = (
    *(OSError, EOFError, LookupError, RuntimeError, ValueError),
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
)


class OpenFile(Protocol):
    """A file that is open for reading."""

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes."""
        ...

    def close(self) -> None:
        """Close it."""
        ...


@dataclass(frozen=True, slots=True)
class Piece:
    """A file inside: its name with all folders and archives around it, and how to open it for reading."""

    name: str
    open: Callable[[], OpenFile]

    def read(self, limit: int) -> bytes:
        """Return the content.

        Raises:
            UnreadableFile: it is damaged, larger than `limit` bytes, or unpacks to far more than any file of people.
        """
        with self.opened() as file:
            content = file.read(limit + 1)
        if len(content) > limit:
            raise UnreadableFile(f"{self.name} is larger than {limit // 2**20} MiB")
        return content

    def chunks(self) -> Iterator[bytes]:
        """Yield the content in chunks.

        Raises:
            UnreadableFile: as `read` does.
        """
        with self.opened() as file:
            while chunk := file.read(_CHUNK_BYTES):
                yield chunk

    @contextmanager
    def opened(self) -> Generator[OpenFile]:
        """Give the open file; damage of archive or disk becomes UnreadableFile."""
        try:
            with closing(self.open()) as file:
                yield file
        except UnreadableFile:
            raise
        except _BROKEN as error:
            raise UnreadableFile(f"{self.name} is damaged: {error}; copy it again, or export it again") from error


@dataclass(frozen=True, slots=True)
class Unopened:
    """An archive that can't be opened, or a file beyond the limits, and why."""

    name: str
    reason: str


class Archive:
    """A file, a folder or an archive, and how many bytes of it were read."""

    def __init__(self, path: Path) -> None:
        """Look at the sizes; nothing is opened yet.

        Raises:
            UnreadableFile: the path can't be listed.
        """
        self._path = path
        try:
            self._files = list(files_in(path))
            self.size = sum(each.stat().st_size for each in self._files)
        except OSError as error:
            raise UnreadableFile(f"{path.name} can't be read: {error.strerror}") from error
        self._budget = _Budget(max(_FREE_BYTES, self.size * _MOST_RATIO))
        self._number = 0
        self.position = 0

    def pieces(self) -> Iterator[Piece | Unopened]:
        """Yield the files inside in the order of their names; the same for the same content."""
        for file in self._files:
            name = file.relative_to(self._path.parent).as_posix() if file != self._path else file.name
            yield from self._within(_label(name), lambda file=file: file.open("rb"), 0)
            self.position += file.stat().st_size

    def _within(self, name: str, opened: Callable[[], OpenFile], depth: int) -> Iterator[Piece | Unopened]:
        piece = Piece(name, lambda: _Charged(opened(), self._budget, name) if depth else opened())
        try:
            with piece.opened() as file:
                head = file.read(len(_ZIP))
            if head[:2] == _GZIP:
                inner = name[:-3] if name.lower().endswith(".gz") else name
                yield from self._deeper(inner, depth, lambda: _Unpacked(opened()))
            elif head == _ZIP:
                yield from self._members(piece, depth)
            else:
                self._count(name)
                yield piece
        except _Refused:
            raise
        except UnreadableFile as error:
            yield Unopened(name, str(error))

    def _deeper(self, name: str, depth: int, opened: Callable[[], OpenFile]) -> Iterator[Piece | Unopened]:
        if depth >= _MOST_DEPTH:
            yield Unopened(name, f"archives inside of archives, deeper than {_MOST_DEPTH}: refused")
            return
        yield from self._within(name, opened, depth + 1)

    def _members(self, piece: Piece, depth: int) -> Iterator[Piece | Unopened]:
        with piece.opened() as file, tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as copy:
            # The directory of a zip stands at its end, which a packed file can't be asked for.
            seekable = cast("IO[bytes]", file) if depth == 0 else _copied(file, cast("IO[bytes]", copy))
            if _directory_bytes(seekable) > _MOST_DIRECTORY_BYTES:
                raise UnreadableFile(f"{piece.name} lists more files than any export: refused")
            with zipfile.ZipFile(seekable) as archive:
                for member in sorted(archive.infolist(), key=lambda each: each.filename):
                    if not member.filename.endswith("/"):
                        name = f"{piece.name}/{_label(member.filename)}"
                        yield from self._deeper(name, depth, lambda member=member: archive.open(member))

    def _count(self, name: str) -> None:
        self._number += 1
        if self._number > _MOST_FILES:
            raise _Refused(f"{name}: more than {_MOST_FILES} files in one import: refused")


def is_packed(path: Path) -> bool:
    """Tell whether a file is a zip or packed with gzip.

    Raises:
        UnreadableFile: it can't be read.
    """
    with Piece(path.name, lambda: path.open("rb")).opened() as file:
        head = file.read(len(_ZIP))
    return head == _ZIP or head[: len(_GZIP)] == _GZIP


class _Refused(UnreadableFile):
    """Nothing more is read: limits of the whole import are passed."""


class _Budget:
    """How many bytes may still be unpacked, over all files of an import."""

    def __init__(self, left: int) -> None:
        self.left = left


class _Charged(io.RawIOBase):
    """A packed file whose bytes are charged to the budget."""

    def __init__(self, file: OpenFile, budget: _Budget, name: str) -> None:
        self._file, self._budget, self._name = file, budget, name

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        content = self._file.read(min(size, self._budget.left + 1) if size >= 0 else self._budget.left + 1)
        self._budget.left -= len(content)
        if self._budget.left < 0:
            raise _Refused(f"{self._name}: the archive unpacks to over {_MOST_RATIO} times its size: refused")
        return content

    def close(self) -> None:
        self._file.close()
        super().close()


class _Unpacked(gzip.GzipFile):
    """A file that gzip has packed, and which is closed with it."""

    def __init__(self, packed: OpenFile) -> None:
        super().__init__(fileobj=cast("IO[bytes]", packed), mode="rb")
        self._packed = packed

    def close(self) -> None:
        super().close()
        self._packed.close()


def _directory_bytes(file: "IO[bytes]") -> int:
    """Return the size of a zip's directory as its last record states it, which `zipfile` would read at once.

    https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.3.14 and 4.3.16.
    """
    end = file.seek(0, io.SEEK_END)
    tail_start = file.seek(max(0, end - _LONGEST_TAIL))
    tail = file.read(_LONGEST_TAIL)
    place = tail.rfind(b"PK\x05\x06")
    if place < 0 or len(tail) < place + 16:
        return 0
    (size,) = struct.unpack_from("<I", tail, place + 12)
    # Behind the larger form stands the smaller one, which then says nothing.
    larger = tail.rfind(b"PK\x06\x06", 0, place)
    if size == _NO_SIZE and larger >= 0 and len(tail) >= larger + 48:
        (size,) = struct.unpack_from("<Q", tail, larger + 40)
    file.seek(tail_start)
    return min(size, end)


def _copied(file: OpenFile, copy: "IO[bytes]") -> "IO[bytes]":
    while chunk := file.read(_CHUNK_BYTES):
        copy.write(chunk)
    copy.seek(0)
    return copy


def _label(name: str) -> str:
    return "".join(each if each.isprintable() else " " for each in name)[-_MOST_NAME:]
