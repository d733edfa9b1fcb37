"""Writing one slot of the journal: group after group, segment after segment. Blocks; a thread of its own runs it."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from athlete_ally.adapters.encryption.journal_cipher import JournalCipher
from athlete_ally.adapters.files.message_journal.segment_file import SegmentFile
from athlete_ally.adapters.files.message_journal.slots import (
    Held,
    Retention,
    Slot,
    next_number,
    prune,
    recover,
    segments_in,
    slots_in,
    try_slot,
)
from athlete_ally.core.messages.journal_entry import JournalEntry
from athlete_ally.core.messages.journal_segment import Segment
from athlete_ally.core.ports import Now

# A segment is the unit of deletion: small against what is kept, large against the cost of a new file.
_SEGMENTS_KEPT = 48
_MAX_SEGMENT_BYTES = 64 * 1024 * 1024


@dataclass(slots=True)
class SegmentWriter:
    """Writes the segments of one slot."""

    folder: Path
    slot: Slot
    service: str
    cipher: JournalCipher | None
    retention: Retention
    now: Now
    _current: SegmentFile | None = field(default=None, repr=False)

    def write(self, entries: Sequence[JournalEntry]) -> None:
        """Write a group; when this returns, the disk holds it.

        Raises:
            OSError: it does not. The next group goes to a new segment.
        """
        segment = self._segment()
        try:
            segment.append(entries)
        except BaseException:
            self._current = None
            segment.abandon()
            raise
        if segment.bytes >= self._segment_bytes:
            self.close_segment()

    def close_segment(self) -> None:
        """Close the segment that is being written to; what it holds was flushed before. Never fails."""
        segment, self._current = self._current, None
        if segment is not None:
            # Without a footer it is as one that a killed process left: all that was flushed can be read.
            with suppress(OSError):
                segment.close()
        with suppress(OSError):
            self.slot.close_request.unlink(missing_ok=True)

    def recover(self) -> Iterator[tuple[Path, Segment]]:
        """Close what an earlier process left open. Raises OSError."""
        yield from recover(self.slot)

    def maintain(self, *, must_be_writable: bool) -> Held:
        """Close the segment when its time has come, delete what is too old, and return what is held.

        `must_be_writable` begins a segment, if none is there, to learn whether that is possible. Raises OSError.
        """
        if self._current is not None and (self._is_due(self._current) or self.slot.close_request.exists()):
            self.close_segment()
        elif self._current is None:
            with suppress(OSError):
                self.slot.close_request.unlink(missing_ok=True)
        held = prune(self.slot.path, self._current and self._current.path, self.retention, self.now())
        self._prune_abandoned_slots()
        if must_be_writable:
            self._segment()
        return held

    def free_bytes(self) -> int:
        """Return the free bytes of the disk. Raises OSError."""
        return shutil.disk_usage(self.slot.path).free

    @property
    def _segment_bytes(self) -> int:
        return min(_MAX_SEGMENT_BYTES, max(1, self.retention.max_bytes // _SEGMENTS_KEPT))

    def _segment(self) -> SegmentFile:
        if self._current is None:
            number = next_number(self.slot.path)
            self._current = SegmentFile(self.slot.path, number, self.service, self.cipher, self.now())
        return self._current

    def _is_due(self, segment: SegmentFile) -> bool:
        return segment.entries > 0 and self.now() - segment.created_at >= self.retention.max_age / _SEGMENTS_KEPT

    def _prune_abandoned_slots(self) -> None:
        """Delete what is too old in slots that no process owns: a service may have had more processes once."""
        for path in slots_in(self.folder):
            if path == self.slot.path or not segments_in(path):
                continue
            slot = try_slot(path)
            if slot is not None:
                try:
                    prune(path, None, self.retention, self.now())
                finally:
                    slot.release()
