"""The slots of a journal's folder: which process owns one, what is in it, and what is kept."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from filelock import FileLock, Timeout

from athlete_ally.adapters.files.message_journal.segment_file import close_torn, sync_folder
from athlete_ally.adapters.files.message_journal.segment_name import SegmentName, segment_name
from athlete_ally.core.errors import Misconfigured
from athlete_ally.core.messages.journal_segment import Segment, read_segment

_LOCK = "lock"
_CLOSE_REQUEST = "close-segment"
# Far more processes of one service on one machine than anybody runs.
_MAX_SLOTS = 1000


@dataclass(frozen=True, slots=True)
class Retention:
    """How long segments are kept, and how many bytes of them for each slot: the oldest go first."""

    max_age: timedelta
    max_bytes: int


@dataclass(frozen=True, slots=True)
class Held:
    """What a slot holds after deleting: bytes, the oldest segment's start, and bytes deleted before their time."""

    bytes: int
    oldest_at: datetime | None
    cut_short_bytes: int


@dataclass(slots=True)
class Slot:
    """A slot that this process owns."""

    path: Path
    lock: FileLock

    def release(self) -> None:
        """Give it up."""
        self.lock.release()

    @property
    def close_request(self) -> Path:
        """Return the file whose presence asks the owner to close the segment that it writes to."""
        return close_request(self.path)


def close_request(slot: Path) -> Path:
    """Return the file whose presence asks the owner of a slot to close the segment that it writes to."""
    return slot / _CLOSE_REQUEST


def take_slot(folder: Path, service: str) -> Slot:
    """Return the first slot of a service that no process owns, made if it is not there.

    Raises:
        Misconfigured: the folder can't be written.
    """
    try:
        for number in range(_MAX_SLOTS):
            path = folder / f"{service}-{number}"
            _make_folder(path)
            if (slot := try_slot(path)) is not None:
                return slot
    except OSError as error:
        reason = f"{folder}: the message journal can't be written there ({error.strerror})"
        raise Misconfigured(f"AA_MESSAGE_JOURNAL_DIR: {reason}; name a folder that this user may write") from error
    raise Misconfigured(f"AA_MESSAGE_JOURNAL_DIR: {folder} has {_MAX_SLOTS} processes of {service}: name another")


def _make_folder(path: Path) -> None:
    """Return when the disk holds a folder, and those above it that had to be made. Raises OSError."""
    if not path.is_dir():
        _make_folder(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)
        sync_folder(path.parent)


def try_slot(path: Path) -> Slot | None:
    """Return a slot, now ours, or None where another process owns it. Raises OSError."""
    lock = FileLock(path / _LOCK, timeout=0, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        return None
    return Slot(path, lock)


def slots_in(folder: Path) -> list[Path]:
    """Return all slots. Raises OSError."""
    return sorted(path.parent for path in folder.glob(f"*-*/{_LOCK}"))


def segments_in(slot: Path) -> list[tuple[Path, SegmentName]]:
    """Return the segments of a slot in the order in which they were begun. Raises OSError."""
    return [(path, name) for path in sorted(slot.iterdir()) if (name := segment_name(path)) is not None]


def next_number(slot: Path) -> int:
    """Return the number of the segment that is begun next in a slot. Raises OSError."""
    return max((name.number for _, name in segments_in(slot)), default=0) + 1


def recover(slot: Slot) -> Iterator[tuple[Path, Segment]]:
    """Close the segments that a process left open, torn tails cut off; yield each with what was found.

    No key is needed. What is damaged stays as it is: a reader takes from it what can be read. Raises OSError.
    """
    for path, name in segments_in(slot.path):
        found = Segment(name.segment)
        for _ in read_segment(path.read_bytes(), found):
            pass
        if found.is_closed or found.damaged:
            continue
        if found.entries:
            close_torn(path, found)
        else:
            path.unlink()
        yield path, found
    sync_folder(slot.path)


def prune(slot: Path, keep: Path | None, retention: Retention, now: datetime) -> Held:
    """Delete the segments whose latest entry is older than wanted, and the oldest ones beyond the bytes.

    `keep` is the segment that is being written to. Raises OSError.
    """
    oldest_s = now.timestamp() - retention.max_age.total_seconds()
    held: list[tuple[Path, SegmentName, int]] = []
    for path, name in segments_in(slot):
        # `erase` may have replaced it meanwhile.
        with suppress(FileNotFoundError):
            stat = path.stat()
            if stat.st_mtime < oldest_s and path != keep:
                path.unlink()
            else:
                held.append((path, name, stat.st_size))
    total, cut_short = sum(size for *_, size in held), 0
    while total > retention.max_bytes and held and held[0][0] != keep:
        path, _, size = held.pop(0)
        path.unlink(missing_ok=True)
        total -= size
        cut_short += size
    return Held(total, held[0][1].created_at if held else None, cut_short)
