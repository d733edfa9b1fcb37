"""One segment on disk: appended to, flushed, closed."""

import os
import secrets
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from athlete_ally.adapters.encryption.journal_cipher import JournalCipher
from athlete_ally.adapters.files.message_journal.segment_name import SegmentName
from athlete_ally.core.messages.journal_entry import JournalEntry, encode_entry
from athlete_ally.core.messages.journal_segment import Segment, SegmentEncoder, SegmentHeader

_ID_BYTES = 8
_BINARY = getattr(os, "O_BINARY", 0)


class SegmentFile:
    """A segment that is being written. What was not flushed is cut off again when writing fails.

    The file's time of modification is that of its latest entry, by the clock that entries have.
    """

    def __init__(self, folder: Path, number: int, service: str, cipher: JournalCipher | None, now: datetime) -> None:
        """Begin a segment; when this returns, the disk holds it, and its name too.

        Raises:
            OSError: it can't be written.
        """
        created_at_ms = int(now.timestamp() * 1000)
        header = SegmentHeader(secrets.token_bytes(_ID_BYTES), service, created_at_ms, cipher.name if cipher else "")
        self.path = folder / str(SegmentName(number, created_at_ms, header.segment))
        self.created_at = now
        self.latest_at = now
        self.bytes = 0
        self._cipher = cipher
        self._encoder = SegmentEncoder(header)
        # Readings are in it: for its owner only.
        self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o600)
        try:
            self._write(self._encoder.begin())
            sync_folder(folder)
        except OSError:
            self.abandon()
            with suppress(OSError):
                self.path.unlink()
            raise

    @property
    def entries(self) -> int:
        """How many entries it has."""
        return self._encoder.entries

    def append(self, entries: Sequence[JournalEntry]) -> None:
        """Append; when this returns, the disk holds them.

        Raises:
            OSError: it does not. After a flush that failed nobody knows what the disk holds: abandon the segment.
        """
        self.latest_at = max([self.latest_at, *(entry.at for entry in entries)])
        self._write(b"".join(map(self._frame, entries)))

    def close(self) -> None:
        """Write the footer, and close. Raises as `append`; the file is closed in any case."""
        try:
            self._write(self._encoder.end())
        finally:
            os.close(self._file)

    def abandon(self) -> None:
        """Close it as it is, cut off after what was flushed; it has no footer."""
        # Where it can't be cut off, the reader recognises a torn tail.
        with suppress(OSError):
            os.ftruncate(self._file, self.bytes)
        with suppress(OSError):
            os.close(self._file)

    def _frame(self, entry: JournalEntry) -> bytes:
        payload = encode_entry(entry)
        if self._cipher is not None:
            payload = self._cipher.encrypt(payload, self._encoder.next_context())
        return self._encoder.add(payload)

    def _write(self, data: bytes) -> None:
        write(self._file, data)
        set_time(self.path, self.latest_at)
        flush(self._file)
        self.bytes += len(data)


def close_torn(path: Path, found: Segment) -> None:
    """Cut off the torn tail of a segment that was read to its end, and write its footer. Raises OSError."""
    latest_at_ns = path.stat().st_mtime_ns
    file = os.open(path, os.O_WRONLY | os.O_APPEND | _BINARY)
    try:
        os.ftruncate(file, found.good_bytes)
        write(file, found.footer())
        os.utime(path, ns=(latest_at_ns, latest_at_ns))
        flush(file)
    finally:
        os.close(file)


def write(file: int, data: bytes) -> None:
    """Write all of it. Raises OSError."""
    left = memoryview(data)
    while left:
        left = left[os.write(file, left) :]


def set_time(path: Path, latest_at: datetime) -> None:
    """Make a time the file's time of modification, rounded up: no entry in it is later. Raises OSError."""
    at_ns = (int(latest_at.timestamp() * 1_000_000) + 1) * 1000
    os.utime(path, ns=(at_ns, at_ns))


def flush(file: int) -> None:
    """Return when the disk holds what was written to a file. Raises OSError."""
    if sys.platform == "darwin":
        import fcntl  # noqa: PLC0415  # Windows has none

        # fsync leaves it in the drive's cache there: https://developer.apple.com/library/archive/documentation/System/Conceptual/ManPages_iPhoneOS/man2/fsync.2.html
        fcntl.fcntl(file, fcntl.F_FULLFSYNC)
    elif sys.platform == "win32":
        os.fsync(file)
    else:
        os.fdatasync(file)


def sync_folder(folder: Path) -> None:
    """Return when the disk holds the names in a folder. Raises OSError."""
    if sys.platform == "win32":
        # A folder can't be opened there; NTFS logs its names.
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
