"""What reading a foreign file yields: readings, and what was left out."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Found:
    """A reading of a kind, as on the wire; `entries` of the file went into it."""

    kind: str
    reading: dict[str, Any]
    entries: int = 1


@dataclass(frozen=True, slots=True)
class Skipped:
    """An entry that no kind takes, or that can't be understood: `what` names its sort, without its values."""

    what: str


Finding = Found | Skipped
