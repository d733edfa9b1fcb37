"""One segment on disk: appended to, flushed, closed."""

import os
import secrets
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from athlete_ally.adapters.encryption.journal_cipher import JournalCipher
from athlete_ally.core.messages.journal_entry import JournalEntry, encode_entry
from athlete_ally.core.messages.journal_segment import Segment, SegmentEncoder, SegmentHeader

SUFFIX = ".segment"
_ID_BYTES = 8


class SegmentFile:
    """A segment that is being written. What was not flushed is cut off again when writing fails."""

    def __init__(self, slot: Path, service: str, cipher: JournalCipher | None, now: datetime) -> None:
        """Begin a segment; when this returns, the disk holds it, and its name too.

        Raises:
            OSError: it can't be written.
        """
        created_at_ms = int(now.timestamp() * 1000)
        header = SegmentHeader(secrets.token_bytes(_ID_BYTES), service, created_at_ms, cipher.name if cipher else "")
        self.path = slot / segment_name(header)
        self.created_at = now
        self.bytes = 0
        self._cipher = cipher
        self._encoder = SegmentEncoder(header)
        # Readings are in it: for its owner only.
        self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        try:
            self._write(self._encoder.begin())
            sync_folder(slot)
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
        left = memoryview(data)
        while left:
            left = left[os.write(self._file, left) :]
        flush(self._file)
        self.bytes += len(data)


def segment_name(header: SegmentHeader) -> str:
    """Return the name of a segment's file: in the order of creation, and with its id."""
    return f"{header.created_at_ms:013d}-{header.segment.hex()}{SUFFIX}"


def new_segment(path: Path) -> Segment:
    """Return what is known of a segment before it is read."""
    try:
        return Segment(bytes.fromhex(path.stem.partition("-")[2]))
    except ValueError:
        return Segment()


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
