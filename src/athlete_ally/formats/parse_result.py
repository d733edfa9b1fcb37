"""What reading a foreign file yields: readings, and what was left out."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Found:
    """A reading of a kind, as on the wire; `entries` of the file went into it."""

    kind: str
    reading: dict[str, Any]
    entries: int = 1


NO_KIND = "no kind takes it"


@dataclass(frozen=True, slots=True)
class Skipped:
    """An entry that is left out: `what` names its sort, without its values; `reason` and `place` help to find it."""

    what: str
    reason: str = field(default=NO_KIND, compare=False)
    place: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Damaged:
    """A file among others that can't be read, and why."""

    name: str
    reason: str


Finding = Found | Skipped | Damaged
