"""The name of a segment's file: its number in the slot, when it was begun, and its id. Pure.

The number orders the segments of a slot: two may be begun in one millisecond, and a clock may be set back.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

_PATTERN: Final = re.compile(r"(\d{10})-(\d{13})-([0-9a-f]{16})\.segment")


@dataclass(frozen=True, slots=True)
class SegmentName:
    """What a file's name says about a segment."""

    number: int
    created_at_ms: int
    segment: bytes

    def __str__(self) -> str:
        """Return the file's name."""
        return f"{self.number:010d}-{self.created_at_ms:013d}-{self.segment.hex()}.segment"

    @property
    def created_at(self) -> datetime:
        """When it was begun."""
        return datetime.fromtimestamp(self.created_at_ms / 1000, UTC)


def segment_name(path: Path) -> SegmentName | None:
    """Return what a file's name says, or None where it is not a segment."""
    found = _PATTERN.fullmatch(path.name)
    return SegmentName(int(found[1]), int(found[2]), bytes.fromhex(found[3])) if found else None
