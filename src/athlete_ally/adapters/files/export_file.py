"""A file that a person has: an Apple Health export as a zip or as bare XML, read in chunks and within limits."""

import hashlib
import os
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from athlete_ally.core.errors import UnreadableFile

_CHUNK_BYTES = 256 * 1024
# Real exports shrink to a twentieth or thirtieth; a zip bomb of one level reaches 1 to 1,000.
_MOST_RATIO = 200
# A short file may shrink as it likes.
_FREE_BYTES = 256 * 1024 * 1024
_CDA = "_cda.xml"


class ExportFile:
    """The bytes of the export, and how far they were read."""

    def __init__(self, path: Path) -> None:
        """Look into the file; nothing of it is read yet.

        Raises:
            UnreadableFile: it is neither a zip with an export inside nor XML.
        """
        self._path = path
        self.position = 0
        self._member: zipfile.ZipInfo | None = None
        try:
            if zipfile.is_zipfile(path):
                self._member = _export_in(path)
            elif path.suffix.lower() != ".xml":
                raise UnreadableFile(f"{path.name}: neither a whole zip nor .xml; give the export.zip of Apple Health")
            self.size = self._member.file_size if self._member else path.stat().st_size
        except (OSError, zipfile.BadZipFile) as error:
            raise UnreadableFile(f"{path.name} can't be read: {error}") from error

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes of the XML.

        Raises:
            UnreadableFile: the file is damaged, or unpacks to far more than any export.
        """
        try:
            if self._member is None:
                with self._path.open("rb") as plain:
                    yield from self._read(plain, None)
            else:
                with zipfile.ZipFile(self._path) as archive, archive.open(self._member) as packed:
                    yield from self._read(packed, self._member.compress_size)
        except (OSError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
            raise UnreadableFile(f"{self._path.name} is damaged: {error}; copy or make the export again") from error

    def _read(self, file: IO[bytes], packed_size: int | None) -> Iterator[bytes]:
        while chunk := file.read(_CHUNK_BYTES):
            self.position += len(chunk)
            if packed_size is not None and self.position > max(_FREE_BYTES, packed_size * _MOST_RATIO):
                raise UnreadableFile(f"{self._path.name} unpacks to over {_MOST_RATIO} times its size: refused")
            yield chunk


def _export_in(path: Path) -> zipfile.ZipInfo:
    """Return the member that holds the export: its name is translated, and the CDA document beside it is none."""
    with zipfile.ZipFile(path) as archive:
        candidates = [
            member
            for member in archive.infolist()
            if member.filename.lower().endswith(".xml") and not member.filename.lower().endswith(_CDA)
        ]
    if not candidates:
        raise UnreadableFile(f"{path.name} holds no XML: is it the export.zip of Apple Health?")
    return min(candidates, key=lambda member: (member.filename.count("/"), -member.file_size))


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file's content; of a folder, that of names and contents of the files in it.

    Raises:
        UnreadableFile: it can't be read.
    """
    try:
        if not path.is_dir():
            return _digest_of_file(path)
        digest = hashlib.sha256()
        for file in files_in(path):
            digest.update(f"{file.relative_to(path).as_posix()}\n{_digest_of_file(file)}\n".encode(errors="replace"))
        return digest.hexdigest()
    except OSError as error:
        raise UnreadableFile(f"{path.name} can't be read: {error.strerror}") from error


def _digest_of_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def files_in(path: Path) -> Iterator[Path]:
    """Yield the regular files of a folder in the order of their names, or the file that the path is.

    Links are not followed: one could lead anywhere, and a pipe would block.
    """
    if not path.is_dir():
        yield path
        return
    for folder, folders, names in os.walk(path):
        folders.sort()
        for name in sorted(names):
            file = Path(folder, name)
            if file.is_file() and not file.is_symlink():
                yield file


def read_whole(path: Path, limit: int) -> bytes:
    """Return the content of a file that is read at once.

    Raises:
        UnreadableFile: it is larger than `limit`, or can't be read.
    """
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except OSError as error:
        raise UnreadableFile(f"{path.name} can't be read: {error.strerror}") from error
    if len(content) > limit:
        raise UnreadableFile(f"{path.name} is larger than {limit // 2**20} MiB")
    return content
