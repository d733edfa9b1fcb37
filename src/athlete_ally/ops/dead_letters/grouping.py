"""Groups of dead letters that failed in the same way. Pure, and in bounded memory however many letters there are."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from athlete_ally.core.messages.dead_letter import Letter

# A sender that invents a field name for each reading causes a fingerprint for each.
_MOST_GROUPS = 1000
_MOST_SENDERS = 100
_OTHERS = "others"
_NONE = "none"
_BUCKETS = 24
_BUCKET = timedelta(hours=1)


@dataclass(slots=True)
class Group:
    """Letters of one fingerprint.

    `by_hour` counts those that died in each of the last 24 hours, the latest last; `by_sender` those of each sender.
    """

    fingerprint: str
    reason: str
    error: str
    source: str
    example: int
    first_seen: datetime
    last_seen: datetime
    letters: int = 0
    readings: int = 0
    by_hour: list[int] = field(default_factory=lambda: [0] * _BUCKETS)
    by_sender: dict[str, int] = field(default_factory=dict[str, int])

    @property
    def has_page(self) -> bool:
        """Tell whether its letters can be asked for: some state no fingerprint, and beyond a thousand are too many."""
        return self.fingerprint not in {_NONE, _OTHERS}

    def count_sender(self, sender: str) -> None:
        """Count a letter of a sender; beyond a hundred senders the rest are called others."""
        known = sender if sender in self.by_sender or len(self.by_sender) < _MOST_SENDERS else _OTHERS
        self.by_sender[known] = self.by_sender.get(known, 0) + 1

    def largest_senders(self) -> Sequence[tuple[str, int]]:
        """Return the senders of its letters and how many came from each, the largest number first."""
        return sorted(self.by_sender.items(), key=lambda each: (-each[1], each[0]))

    def share(self, of: int) -> float:
        """Return which share of `of` letters these are."""
        return self.letters / of if of else 0.0


@dataclass(slots=True)
class Groups:
    """All groups, and totals; beyond a thousand fingerprints the rest is one group, called others."""

    now: datetime
    letters: int = 0
    readings: int = 0
    bytes: int = 0
    by_fingerprint: dict[str, Group] = field(default_factory=dict[str, Group])

    def add(self, letter: Letter, readings: int | None = None) -> None:
        """Count a letter, with as many readings as are left of it."""
        readings = letter.readings if readings is None else readings
        self.letters += 1
        self.readings += readings
        self.bytes += len(letter.body)
        group = self._group(letter)
        seen = letter.dead_since
        group.letters += 1
        group.count_sender(letter.sender)
        group.readings += readings
        group.first_seen = min(group.first_seen, seen)
        group.last_seen = max(group.last_seen, seen)
        hours_ago = (self.now - seen) // _BUCKET
        if 0 <= hours_ago < _BUCKETS:
            group.by_hour[_BUCKETS - 1 - hours_ago] += 1

    def largest(self) -> Sequence[Group]:
        """Return the groups, the largest first."""
        return sorted(self.by_fingerprint.values(), key=lambda group: (-group.letters, group.fingerprint))

    def _group(self, letter: Letter) -> Group:
        key = letter.fingerprint or _NONE
        if key not in self.by_fingerprint and len(self.by_fingerprint) >= _MOST_GROUPS:
            key = _OTHERS
        if key not in self.by_fingerprint:
            source = letter.kind or letter.vendor or letter.durable
            reason, error = (letter.reason, letter.error) if key != _OTHERS else ("", "more than a thousand sorts")
            seen = letter.dead_since
            self.by_fingerprint[key] = Group(key, reason, error, source, letter.sequence, seen, seen)
        return self.by_fingerprint[key]
