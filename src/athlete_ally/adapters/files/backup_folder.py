"""A backup of one stream: a folder that is whole, or recognised as not.

It is written under a name that ends in `.partial` and renamed when everything is on disk, so that a process that is
killed, or a full disk, leaves nothing that could be taken for a backup.
"""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Self

import msgspec
from filelock import FileLock, Timeout

from athlete_ally.core.errors import Misconfigured, NotVerified, Unavailable

FORMAT = 1
_PARTIAL = ".partial"
_DATA = "snapshot.bin"
_MANIFEST = "manifest.json"
# One checksum for each of these: small enough to name where a file is damaged, few enough for any size of stream.
_BLOCK_BYTES = 64 * 1024 * 1024
_CHUNK_BYTES = 128 * 1024


class Block(msgspec.Struct, frozen=True):
    """A part of the data, in order."""

    bytes: int
    sha256: str


class DurableNote(msgspec.Struct, frozen=True, kw_only=True):
    """A durable as it was: sequences of the stream. Workers may have gone on meanwhile, from `before` to `after`."""

    name: str
    config: dict[str, Any]
    ack_floor_before: int
    ack_floor_after: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup holds; times are UTC.

    `fingerprint` is the checksum of all messages as they were read from the server, None where they could not be read
    at rest. `verified_at` is when a scratch server had the same from this backup.
    """

    format: int
    stream: str
    environment: str
    created_at: datetime
    server_version: str
    config: dict[str, Any]
    state: dict[str, Any]
    durables: tuple[DurableNote, ...]
    bytes: int
    blocks: tuple[Block, ...]
    fingerprint: str | None
    verified_at: datetime | None = None

    @property
    def messages(self) -> int:
        """Return how many messages it holds."""
        return int(self.state["messages"])


class BackupWriter:
    """Writes one backup. Use it as a context: what is not finished at the end of it is removed."""

    def __init__(self, out: Path, stream: str, created_at: datetime) -> None:
        """Write into a new folder below `out`."""
        self._final = out / f"{stream}-{created_at:%Y%m%dT%H%M%SZ}"
        self._partial = self._final.with_name(self._final.name + _PARTIAL)
        self._out, self._stream = out, stream
        self._lock = FileLock(out / f".{stream}.lock", timeout=0)
        self._blocks: list[Block] = []
        self._digest, self._in_block = hashlib.sha256(), 0
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        """Open it, and remove what a killed run left.

        Raises:
            Misconfigured: another backup of this stream is being written there, or the folder can't be used.
        """
        try:
            self._out.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
            for leftover in self._out.glob(f"{self._stream}-*{_PARTIAL}"):
                shutil.rmtree(leftover)
            self._partial.mkdir()
            self._file = (self._partial / _DATA).open("wb")
        except Timeout as error:
            raise Misconfigured(f"{self._out}: another backup of {self._stream} is being written there") from error
        except OSError as error:
            raise Misconfigured(f"{self._out}: can't be written ({error.strerror})") from error
        return self

    def __exit__(self, *_: object) -> None:
        """Remove what was not finished."""
        if self._file is not None:
            # On a full disk what is still in its buffer can't be written either.
            with suppress(OSError):
                self._file.close()
        if self._partial.exists():
            shutil.rmtree(self._partial, ignore_errors=True)
        self._lock.release()

    def write(self, chunk: bytes) -> None:
        """Add bytes.

        Raises:
            Unavailable: the disk takes no more.
        """
        if self._file is None:
            raise RuntimeError("enter the context first")
        try:
            self._file.write(chunk)
        except OSError as error:
            raise Unavailable(f"{self._partial}: {error.strerror}; nothing was kept") from error
        self._digest.update(chunk)
        self._in_block += len(chunk)
        if self._in_block >= _BLOCK_BYTES:
            self._end_block()

    def finish(self, **about: Any) -> tuple[Path, Manifest]:
        """Put everything on disk, then give the folder its name; return it and its manifest.

        Raises:
            Unavailable: the disk takes no more.
        """
        if self._file is None:
            raise RuntimeError("enter the context first")
        if self._in_block:
            self._end_block()
        size = sum(block.bytes for block in self._blocks)
        manifest = Manifest(format=FORMAT, stream=self._stream, bytes=size, blocks=tuple(self._blocks), **about)
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            _write_durably(self._partial / _MANIFEST, manifest)
            self._partial.rename(self._final)
        except OSError as error:
            raise Unavailable(f"{self._partial}: {error.strerror}; nothing was kept") from error
        return self._final, manifest

    def _end_block(self) -> None:
        self._blocks.append(Block(self._in_block, self._digest.hexdigest()))
        self._digest, self._in_block = hashlib.sha256(), 0


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of a backup.

    Raises:
        Misconfigured: the folder is no backup, or only a part of one, or of a newer version of this program.
    """
    if folder.name.endswith(_PARTIAL):
        raise Misconfigured(f"{folder} is not a complete backup: its run never finished; take a new one")
    try:
        manifest = msgspec.json.decode((folder / _MANIFEST).read_bytes(), type=Manifest)
    except OSError as error:
        raise Misconfigured(f"{folder} is no backup: {_MANIFEST} can't be read ({error.strerror})") from error
    except msgspec.DecodeError as error:
        raise Misconfigured(f"{folder / _MANIFEST}: {error}") from error
    if manifest.format > FORMAT:
        raise Misconfigured(f"{folder}: format {manifest.format} is newer than this program knows ({FORMAT})")
    return manifest


def backups_in(folder: Path) -> list[tuple[Path, Manifest]]:
    """Return every finished backup right below a folder, in the order of names.

    Raises:
        Misconfigured: the folder is not there, or a manifest can't be read.
    """
    if not folder.is_dir():
        raise Misconfigured(f"{folder}: there is no such folder")
    found = sorted(path.parent for path in folder.glob(f"*/{_MANIFEST}") if not path.parent.name.endswith(_PARTIAL))
    return [(each, read_manifest(each)) for each in found]


def stamp_verified(folder: Path, at: datetime) -> None:
    """Note in the manifest that the backup was proven good."""
    _write_durably(folder / _MANIFEST, msgspec.structs.replace(read_manifest(folder), verified_at=at))


def read_data(folder: Path, manifest: Manifest) -> Iterator[bytes]:
    """Yield the data in small chunks, each block checked before the last chunk of it is handed out.

    Raises:
        NotVerified: the file is shorter or longer than it was, or altered; the text says where.
    """
    try:
        with (folder / _DATA).open("rb") as file:
            start = 0
            for block in manifest.blocks:
                yield from _block(file, block, start, folder)
                start += block.bytes
            if file.read(1):
                raise NotVerified(f"{folder / _DATA} is longer than the {manifest.bytes} bytes that were written")
    except OSError as error:
        raise NotVerified(f"{folder / _DATA} can't be read: {error.strerror}") from error


def check_data(folder: Path, manifest: Manifest) -> Iterator[int]:
    """Read all data and yield how many bytes were found good so far.

    Raises:
        NotVerified: see `read_data`.
    """
    good = 0
    for chunk in read_data(folder, manifest):
        good += len(chunk)
        yield good


def _block(file: IO[bytes], block: Block, start: int, folder: Path) -> Iterator[bytes]:
    digest, left = hashlib.sha256(), block.bytes
    while left:
        chunk = file.read(min(_CHUNK_BYTES, left))
        if not chunk:
            raise NotVerified(f"{folder / _DATA} is cut short at byte {start + block.bytes - left}")
        digest.update(chunk)
        left -= len(chunk)
        if not left and digest.hexdigest() != block.sha256:
            raise NotVerified(f"{folder / _DATA} was altered between byte {start} and {start + block.bytes}")
        yield chunk


def _write_durably(path: Path, manifest: Manifest) -> None:
    """Replace a file atomically: a reader sees the old content or the new."""
    fresh = path.with_name(path.name + ".new")
    with fresh.open("wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(manifest), indent=2))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
