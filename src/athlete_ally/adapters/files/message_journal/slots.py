"""The slots of a journal's folder: which process owns one, what is in it, and what is kept."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from filelock import FileLock, Timeout

from athlete_ally.adapters.files.message_journal.segment_file import SUFFIX, flush, new_segment, sync_folder
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
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if (slot := try_slot(path)) is not None:
                return slot
    except OSError as error:
        reason = f"{folder}: the message journal can't be written there ({error.strerror})"
        raise Misconfigured(f"AA_MESSAGE_JOURNAL_DIR: {reason}; name a folder that this user may write") from error
    raise Misconfigured(f"AA_MESSAGE_JOURNAL_DIR: {folder} has {_MAX_SLOTS} processes of {service}: name another")


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


def segments_in(slot: Path) -> list[Path]:
    """Return the segments of a slot, the oldest first. Raises OSError."""
    return sorted(slot.glob(f"*{SUFFIX}"))


def recover(slot: Slot) -> Iterator[tuple[Path, Segment]]:
    """Close the segments that a process left open, torn tails cut off; yield each with what was found.

    No key is needed. What is damaged stays as it is: a reader takes from it what can be read. Raises OSError.
    """
    for path in segments_in(slot.path):
        found, data = new_segment(path), path.read_bytes()
        for _ in read_segment(data, found):
            pass
        if found.is_closed or found.damaged:
            continue
        if not found.entries:
            path.unlink()
        else:
            _close(path, found)
        yield path, found
    sync_folder(slot.path)


def _close(path: Path, found: Segment) -> None:
    stat = path.stat()
    with path.open("r+b") as file:
        file.truncate(found.good_bytes)
        file.seek(0, 2)
        file.write(found.footer())
        file.flush()
        flush(file.fileno())
    # Its age is that of its last entry.
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def prune(slot: Path, keep: Path | None, retention: Retention, now: datetime) -> Held:
    """Delete the segments that are older than wanted, and the oldest ones beyond the bytes.

    `keep` is the segment that is being written to. Raises OSError.
    """
    sizes = [(path, path.stat()) for path in segments_in(slot)]
    total = sum(stat.st_size for _, stat in sizes)
    kept: list[Path] = []
    cut_short = 0
    for path, stat in sizes:
        is_old = now.timestamp() - stat.st_mtime > retention.max_age.total_seconds()
        if path == keep or not (is_old or total > retention.max_bytes):
            kept.append(path)
            continue
        path.unlink(missing_ok=True)
        total -= stat.st_size
        cut_short += 0 if is_old else stat.st_size
    return Held(total, created_at(kept[0]) if kept else None, cut_short)


def created_at(segment: Path) -> datetime | None:
    """Return when a segment was begun, from its name; None where it does not say."""
    try:
        return datetime.fromtimestamp(int(segment.stem.partition("-")[0]) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
