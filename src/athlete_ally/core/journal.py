"""What is noted of every act on dead letters, and of every replay that came to an end. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from athlete_ally.core.ports import Rejected

Act = Literal[
    "replay", "edit", "resolve", "quarantine", "release", "purge", "export", "import", "reveal", "send", "erase"
]


@dataclass(frozen=True, slots=True)
class Note:
    """One line of the journal: `actor` did `act`; `step` says how far it had come. No readings, no person's id."""

    run: str
    actor: str
    act: Act
    step: str
    letter: str | None = None
    sequence: int | None = None
    details: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Entry:
    """A note as the journal has it."""

    entry: int
    at: datetime
    note: Note


@dataclass(frozen=True, slots=True)
class Attempt:
    """A replay of a letter that came to an end: what became of its readings (`rejected` by index in the original)."""

    message_id: str
    at: datetime
    readings: int
    stored: int
    superseded: int
    rejected: tuple[Rejected, ...]
