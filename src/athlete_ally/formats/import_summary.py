"""The summary of a file: what there is of each kind, from when to when, and what was left out."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from athlete_ally.formats.parse_result import NO_KIND, Damaged, Finding, Found, Skipped

# HealthKit has some two hundred types; a hostile file may invent others without end.
_MOST_SORTS = 1000
_OTHER_REASONS = "several reasons"


@dataclass(slots=True)
class KindTally:
    """What there is of one kind; days as in the file, the first and the last."""

    readings: int = 0
    entries: int = 0
    first_day: str = "9999-12-31"
    last_day: str = "0000-01-01"


@dataclass(slots=True)
class LeftOut:
    """How many entries of a sort were left out for one reason, and the place of the first."""

    reason: str
    first: str
    number: int = 0


@dataclass(slots=True)
class Tally:
    """Counts findings as they pass."""

    kinds: dict[str, KindTally] = field(default_factory=dict[str, KindTally])
    left_out: dict[tuple[str, str], LeftOut] = field(default_factory=dict[tuple[str, str], LeftOut])
    damaged: list[Damaged] = field(default_factory=list[Damaged])

    @property
    def skipped(self) -> Counter[str]:
        """How many entries of each sort were left out."""
        counter: Counter[str] = Counter()
        for (what, _), each in self.left_out.items():
            counter[what] += each.number
        return counter

    def add(self, finding: Finding) -> None:
        """Count one."""
        match finding:
            case Found():
                self._count(finding)
            case Skipped():
                sort = (finding.what, finding.reason)
                if sort not in self.left_out and len(self.left_out) >= _MOST_SORTS:
                    sort = ("any other sort", finding.reason if finding.reason == NO_KIND else _OTHER_REASONS)
                self.left_out.setdefault(sort, LeftOut(sort[1], finding.place)).number += 1
            case Damaged():
                self.damaged.append(finding)

    def _count(self, found: Found) -> None:
        kind = self.kinds.setdefault(found.kind, KindTally())
        day = _day(found.reading)
        kind.readings += 1
        kind.entries += found.entries
        kind.first_day = min(kind.first_day, day)
        kind.last_day = max(kind.last_day, day)

    def most_left_out(self) -> list[tuple[str, LeftOut]]:
        """Return what was left out, the most frequent sort first."""
        every = [(what, each) for (what, _), each in self.left_out.items()]
        return sorted(every, key=lambda each: -each[1].number)

    def document(self) -> dict[str, Any]:
        """Return the summary as a JSON document."""
        kinds = {
            name: {"readings": kind.readings, "entries": kind.entries, "from": kind.first_day, "to": kind.last_day}
            for name, kind in sorted(self.kinds.items())
        }
        left_out = self.most_left_out()
        return {
            "kinds": kinds,
            "skipped": dict(self.skipped.most_common()),
            "left_out": [
                {"what": what, "reason": each.reason, "first": each.first, "number": each.number}
                for what, each in left_out
            ],
            "damaged": [{"file": each.name, "reason": each.reason} for each in self.damaged],
        }


def _day(reading: dict[str, Any]) -> str:
    text = reading.get("date") or reading.get("end") or ""
    return text[: len("2026-11-20")]
