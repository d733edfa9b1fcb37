"""Rewriting the segments of the message journal, also those of services that run."""

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from athlete_ally.adapters.encryption.journal_cipher import JournalCipher
from athlete_ally.adapters.files.message_journal.reader import FileJournalReader, read_entry
from athlete_ally.adapters.files.message_journal.segment_file import SegmentFile, flush, new_segment, sync_folder
from athlete_ally.adapters.files.message_journal.slots import (
    Slot,
    close_request,
    created_at,
    recover,
    segments_in,
    slots_in,
    try_slot,
)
from athlete_ally.core.errors import InvalidMessage, Unavailable
from athlete_ally.core.messages.journal_entry import JournalEntry
from athlete_ally.core.messages.journal_segment import read_segment

# A service looks for requests every second.
_CLOSED_WITHIN_S = 15.0
_LOOK_EVERY_S = 0.05
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

    async def rewrite(self, keep: Callable[[JournalEntry], JournalEntry | None]) -> None:
        """See the port."""
        for slot in slots_in(self.folder):
            owned = try_slot(slot)
            try:
                if owned is None:
                    await self._until_closed(slot)
                else:
                    await asyncio.to_thread(_recover, owned)
                for path in segments_in(slot):
                    await asyncio.to_thread(self._rewrite, path, keep)
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

    def _rewrite(self, path: Path, keep: Callable[[JournalEntry], JournalEntry | None]) -> None:
        try:
            data, stat = path.read_bytes(), path.stat()
        except FileNotFoundError:
            # Deleted by its owner meanwhile: too old.
            return
        found = new_segment(path)
        kept: list[JournalEntry] = []
        is_changed = False
        for stored in read_segment(data, found):
            try:
                entry = read_entry(stored, found, self.cipher)
            except InvalidMessage:
                continue
            rewritten = keep(entry)
            is_changed |= rewritten is not entry
            if rewritten is not None:
                kept.append(rewritten)
        # What is still open came after its owner was asked to close, and is its owner's to write.
        if not is_changed or not (found.is_closed or found.damaged):
            return
        if kept:
            service = found.header.service if found.header else ""
            begun = created_at(path) or datetime.fromtimestamp(stat.st_mtime, UTC)
            segment = SegmentFile(path.parent, service, self.cipher, begun)
            segment.append(kept)
            segment.close()
            os.utime(segment.path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        _overwrite(path)


def _recover(slot: Slot) -> None:
    for _ in recover(slot):
        pass


def _overwrite(path: Path) -> None:
    """Delete a file, its bytes overwritten. Copy-on-write file systems and SSDs may keep old blocks for a while."""
    with suppress(FileNotFoundError):
        with path.open("r+b") as file:
            left = path.stat().st_size
            while left > 0:
                left -= file.write(_ZEROS[:left])
            file.flush()
            flush(file.fileno())
        path.unlink()
        sync_folder(path.parent)
