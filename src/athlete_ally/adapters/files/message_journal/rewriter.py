"""Rewriting the segments of the message journal, also those of services that run."""

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from athlete_ally.adapters.encryption.journal_cipher import JournalCipher
from athlete_ally.adapters.files.message_journal.reader import FileJournalReader, read_entry
from athlete_ally.adapters.files.message_journal.segment_file import SegmentFile, flush, sync_folder
from athlete_ally.adapters.files.message_journal.segment_name import SegmentName
from athlete_ally.adapters.files.message_journal.slots import (
    Slot,
    close_request,
    recover,
    segments_in,
    slots_in,
    try_slot,
)
from athlete_ally.core.errors import InvalidMessage, Unavailable
from athlete_ally.core.messages.journal_entry import JournalEntry
from athlete_ally.core.messages.journal_segment import Segment, read_segment

Keep = Callable[[JournalEntry], JournalEntry | None]
"""Returns an entry as it is to be kept, or None."""

# A service looks for requests every second.
_CLOSED_WITHIN_S = 15.0
_LOOK_EVERY_S = 0.05
_LOCK = "rewriting"
# In a slot: segments that are being written or overwritten. Nobody reads there; the next run ends what a crash left.
_WORK = "rewriting"
_ZEROS = bytes(1024 * 1024)


@dataclass(frozen=True, slots=True)
class JournalRewriter:
    """The `Journal` port of erasing, on one folder."""

    folder: Path
    cipher: JournalCipher | None

    async def entries(self) -> AsyncGenerator[JournalEntry]:
        """See the port."""
        if self.folder.is_dir():
            async with aclosing(FileJournalReader(self.folder, self.cipher).entries(None)) as entries:
                async for entry in entries:
                    yield entry

    async def rewrite(self, keep: Keep) -> None:
        """See the port."""
        if not self.folder.is_dir():
            return
        # Of two that rewrite one segment, one would bring back what the other erased.
        lock = FileLock(self.folder / _LOCK, timeout=0, thread_local=False)
        try:
            lock.acquire()
        except Timeout as error:
            raise Unavailable(
                f"{self.folder}: another `erase` rewrites the message journal; wait for its end"
            ) from error
        try:
            for slot in slots_in(self.folder):
                await self._rewrite_slot(slot, keep)
        finally:
            lock.release()

    async def _rewrite_slot(self, slot: Path, keep: Keep) -> None:
        owned = try_slot(slot)
        try:
            if owned is None:
                await self._until_closed(slot)
            else:
                await asyncio.to_thread(_recover, owned)
            await asyncio.to_thread(self._rewrite_segments, slot, keep, is_owned=owned is not None)
        except OSError as error:
            raise Unavailable(f"{slot}: the message journal can't be rewritten ({error.strerror})") from error
        finally:
            if owned is not None:
                owned.release()

    async def _until_closed(self, slot: Path) -> None:
        """Return once the service that owns a slot has closed the segment that it was writing to.

        Raises:
            Unavailable: it does not.
        """
        request = close_request(slot)
        request.touch()
        waits_until_s = time.monotonic() + _CLOSED_WITHIN_S
        while request.exists():
            if time.monotonic() > waits_until_s:
                with suppress(OSError):
                    request.unlink(missing_ok=True)
                reason = f"the service did not close its segment in {_CLOSED_WITHIN_S:g} s"
                raise Unavailable(f"{slot}: {reason}; see whether it hangs, and run this again")
            await asyncio.sleep(_LOOK_EVERY_S)

    def _rewrite_segments(self, slot: Path, keep: Keep, *, is_owned: bool) -> None:
        work = slot / _WORK
        work.mkdir(mode=0o700, exist_ok=True)
        for left in work.iterdir():
            _overwrite(left)
        segments = segments_in(slot)
        for path, name in segments:
            # Its owner may have begun the last one after it was asked to close.
            may_be_open = not is_owned and path == segments[-1][0]
            with suppress(FileNotFoundError):
                # Deleted by its owner meanwhile for its age: nothing is left to do.
                self._rewrite(path, name, keep, may_be_open=may_be_open)

    def _rewrite(self, path: Path, name: SegmentName, keep: Keep, *, may_be_open: bool) -> None:
        found, stat = Segment(name.segment), path.stat()
        before = self._entries(path, found)
        if may_be_open and not found.is_closed:
            return
        after = [keep(entry) for entry in before]
        if after == before:
            return
        kept = [entry for entry in after if entry is not None]
        work = path.parent / _WORK
        if kept:
            service = found.header.service if found.header else ""
            segment = SegmentFile(work, name.number, service, self.cipher, name.created_at)
            segment.append(kept)
            segment.close()
            os.utime(segment.path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
            segment.path.replace(path.parent / segment.path.name)
        overwritten = path.replace(work / path.name)
        sync_folder(path.parent)
        _overwrite(overwritten)

    def _entries(self, path: Path, found: Segment) -> list[JournalEntry]:
        entries: list[JournalEntry] = []
        for stored in read_segment(path.read_bytes(), found):
            with suppress(InvalidMessage):
                entries.append(read_entry(stored, found, self.cipher))
        return entries


def _recover(slot: Slot) -> None:
    for _ in recover(slot):
        pass


def _overwrite(path: Path) -> None:
    """Delete a file, its bytes overwritten. Copy-on-write file systems and SSDs may keep old blocks for a while."""
    with path.open("r+b") as file:
        left = path.stat().st_size
        while left > 0:
            left -= file.write(_ZEROS[:left])
        file.flush()
        flush(file.fileno())
    path.unlink()
    sync_folder(path.parent)
