"""Sessions: which records are versions of one night or workout, and what a vendor takes back.

A night whose start moves is one night: where its source names it, the name links its versions; otherwise a session
that overlaps an older one of the same source for most of its length replaces it. Pure.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

import msgspec

from athlete_ally.core.readings.reading import Instant, Label
from athlete_ally.core.readings.record import AnyRecord, Record

SESSION_CONTEXTS: Final = ("overnight", "nap", "workout", "multisport")
"""The contexts of what has a start and an end that a person would name: nobody has two of one sort at a time."""

Overlap = Literal["never", "unnamed", "always"]
"""When an overlap makes two records versions of one session: never; where one of them has no name; always, since nobody
sleeps twice at a time, whatever its source calls it."""

RemovalReason = Literal["replaced", "deleted"]


class Deletion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What stands among the readings of a message for something that its source took back.

    It names a session, or an interval in which nothing of the source is left.
    """

    user_id: Label
    source: Label
    captured_at: Instant
    deleted: Literal[True]
    session_id: Label | None = None
    start: Instant | None = None
    end: Instant | None = None


@dataclass(frozen=True, slots=True)
class Removal:
    """A deletion with its place in the order: what was captured before it is taken away, and stays away."""

    user_id: str
    source: str
    session_id: str | None
    starts_at: datetime | None
    ends_at: datetime | None
    captured_at: datetime
    stream_sequence: int
    reading_index: int

    @property
    def order(self) -> tuple[datetime, int, int]:
        """What decides between it and a record: the greater one stays."""
        return (self.captured_at, self.stream_sequence, self.reading_index)

    def takes(self, record: Record) -> bool:
        """Tell whether a record is what was taken back, and is older."""
        if (record.user_id, record.source) != (self.user_id, self.source) or record.order >= self.order:
            return False
        if self.session_id is not None:
            return record.session_id == self.session_id
        if self.starts_at is None or self.ends_at is None or record.starts_at is None or record.ends_at is None:
            return False
        return self.starts_at <= record.starts_at and record.ends_at <= self.ends_at


@dataclass(frozen=True, slots=True)
class Removed:
    """A record that is not there any more: a newer version of its session replaced it, or its source took it back."""

    user_id: str
    period: str
    source: str
    context: str
    session_id: str | None
    reason: RemovalReason


def deletion_in(item: msgspec.Raw) -> Deletion | None:
    """Return the deletion that an item of a message is; None for a reading, or for what is neither."""
    if b'"deleted"' not in bytes(item):
        return None
    try:
        deletion = msgspec.json.decode(item, type=Deletion)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return deletion if deletion.session_id or (deletion.start and deletion.end) else None


def is_session(record: Record, overlap: Overlap) -> bool:
    """Tell whether a record may have other versions, under other keys."""
    return record.session_id is not None or (overlap != "never" and record.context in SESSION_CONTEXTS)


def same_session(one: Record, other: Record, overlap: Overlap) -> bool:
    """Tell whether two records of a kind are versions of one session."""
    if (one.user_id, one.source) != (other.user_id, other.source):
        return False
    if one.key == other.key or (one.session_id is not None and one.session_id == other.session_id):
        return True
    are_named = one.session_id is not None and other.session_id is not None
    if overlap == "never" or (overlap == "unnamed" and are_named):
        return False
    are_alike = one.context == other.context and one.context in SESSION_CONTEXTS
    are_of_devices = one.device is not None and other.device is not None and one.device != other.device
    return are_alike and not are_of_devices and _are_one_time(one, other)


def _are_one_time(one: Record, other: Record) -> bool:
    if one.starts_at is None or one.ends_at is None or other.starts_at is None or other.ends_at is None:
        # A night that went on when it was told has its day only.
        is_one_open = (one.starts_at is None) != (other.starts_at is None)
        return is_one_open and one.context == "overnight" and one.day == other.day
    shared = min(one.ends_at, other.ends_at) - max(one.starts_at, other.starts_at)
    shorter = min(one.ends_at - one.starts_at, other.ends_at - other.starts_at)
    return shared > timedelta(0) and 2 * shared > shorter


def latest_versions(records: Iterable[AnyRecord], overlap: Overlap) -> tuple[list[AnyRecord], list[AnyRecord]]:
    """Return the records of which none is a newer version, and those of which one is."""
    people: dict[tuple[str, str], list[AnyRecord]] = {}
    latest: list[AnyRecord] = []
    older: list[AnyRecord] = []
    for record in records:
        if is_session(record, overlap):
            people.setdefault((record.user_id, record.source), []).append(record)
        else:
            latest.append(record)
    for versions in people.values():
        for each in versions:
            has_newer = any(same_session(each, other, overlap) and other.order > each.order for other in versions)
            (older if has_newer else latest).append(each)
    return latest, older
