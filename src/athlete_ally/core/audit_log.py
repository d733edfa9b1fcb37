"""What is noted of every act on dead letters, and of every replay that came to an end. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from athlete_ally.core.receipts import Rejected

Act = Literal[
    "replay", "edit", "resolve", "quarantine", "release", "purge", "export", "import", "reveal", "send", "erase"
]


@dataclass(frozen=True, slots=True)
class AuditNote:
    """One line of the journal: `actor` did `act`; `step` says how far it had come. No readings, no person's id."""

    run: str
    actor: str
    act: Act
    step: str
    letter: str | None = None
    sequence: int | None = None
    details: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """A note as the journal has it."""

    entry: int
    at: datetime
    note: AuditNote


@dataclass(frozen=True, slots=True)
class Attempt:
    """A replay of a letter that came to an end: what became of its readings (`rejected` by index in the original)."""

    message_id: str
    at: datetime
    readings: int
    stored: int
    superseded: int
    rejected: tuple[Rejected, ...]


class ReplayHistory(Protocol):
    """What became of replays. See `adapters.postgres.audit_log`."""

    async def attempts(self, letters: Sequence[str]) -> Mapping[str, tuple[Attempt, ...]]:
        """Return the replays of these letters that came to an end, in order."""
        ...


class AuditLog(ReplayHistory, Protocol):
    """The journal of dead letters. See `adapters.postgres.audit_log`."""

    async def write(self, notes: Sequence[AuditNote]) -> None:
        """Note these; they are on disk when this returns."""
        ...
