"""The summary of a file: what there is of each kind, from when to when, and what was left out."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from athlete_ally.formats.parse_result import Finding, Found

# HealthKit has some two hundred types; a hostile file may invent others without end.
_MOST_SORTS = 1000


@dataclass(slots=True)
class KindTally:
    """What there is of one kind; days as in the file, the first and the last."""

    readings: int = 0
    entries: int = 0
    first_day: str = "9999-12-31"
    last_day: str = "0000-01-01"


@dataclass(slots=True)
class Tally:
    """Counts findings as they pass."""

    kinds: dict[str, KindTally] = field(default_factory=dict[str, KindTally])
    skipped: Counter[str] = field(default_factory=Counter[str])

    def add(self, finding: Finding) -> None:
        """Count one."""
        if not isinstance(finding, Found):
            is_known = finding.what in self.skipped or len(self.skipped) < _MOST_SORTS
            self.skipped[finding.what if is_known else "any other sort"] += 1
            return
        kind = self.kinds.setdefault(finding.kind, KindTally())
        day = _day(finding.reading)
        kind.readings += 1
        kind.entries += finding.entries
        kind.first_day = min(kind.first_day, day)
        kind.last_day = max(kind.last_day, day)

    def document(self) -> dict[str, Any]:
        """Return the summary as a JSON document."""
        kinds = {
            name: {"readings": kind.readings, "entries": kind.entries, "from": kind.first_day, "to": kind.last_day}
            for name, kind in sorted(self.kinds.items())
        }
        return {"kinds": kinds, "skipped": dict(self.skipped.most_common())}


def _day(reading: dict[str, Any]) -> str:
    text = reading.get("date") or reading.get("end") or ""
    return text[: len("2026-11-20")]
