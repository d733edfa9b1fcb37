"""What the console needs for dead letters; it runs the same code as the command line."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from athlete_ally.core.audit_log import AuditEntry, AuditLog, AuditNote
from athlete_ally.ops.dead_letters.grouping import Group, Groups
from athlete_ally.ops.dead_letters.letter_state import LetterState
from athlete_ally.ops.dead_letters.predictions import Predictor
from athlete_ally.ops.dead_letters.reader import LetterReader
from athlete_ally.ops.dead_letters.replay import Tools
from athlete_ally.ops.dead_letters.replay_plan import Durables
from athlete_ally.ops.dead_letters.selection import Selection

# A page is for reading; the command line's `--json` returns all of a large group.
_MOST_ON_A_PAGE = 50


class AuditLogReader(AuditLog, Protocol):
    """The audit log, readable. See `adapters.postgres.audit_log`."""

    async def read(self, *, run: str | None = None, acts_only: bool = False, limit: int = 100) -> Sequence[AuditEntry]:
        """Return the latest entries, newest first: of one run, or only actions without each dead letter of a replay."""
        ...

    async def entries_of(self, run: str) -> Sequence[AuditEntry]:
        """Return all entries of one run, in order."""
        ...

    async def unfinished(self) -> Sequence[str]:
        """Return the replays that started and did not finish, the latest first."""
        ...

    async def is_busy(self) -> bool:
        """Tell whether any process is changing dead letters now."""
        ...

    def alone(self) -> AbstractAsyncContextManager[None]:
        """Hold the lock that lets only one process change dead letters.

        Raises:
            Refused: another process holds it.
        """
        ...


class DeadLetterTools(Protocol):
    """Everything for dead letters. See `wiring.commands.dlq`. `no_history` says why the database is not used."""

    @property
    def reader(self) -> LetterReader:
        """The reader of dead letters."""
        ...

    @property
    def durables(self) -> Durables:
        """The port that reads durables."""
        ...

    @property
    def predictor(self) -> Predictor:
        """The predictor."""
        ...

    @property
    def journal(self) -> AuditLogReader:
        """The audit log."""
        ...

    @property
    def no_history(self) -> str:
        """Why the history of replays is unknown, or ""."""
        ...

    def replay_tools(self) -> Tools:
        """Return the tools of a replay."""
        ...


OpenLetterTools = Callable[[], DeadLetterTools]
"""Returns the current tools; raises Unavailable at once when the broker is known to be unavailable."""

OpenAuditLog = Callable[[], AuditLogReader]
"""Returns the audit log; raises Unavailable at once when the database is known to be unavailable."""


@dataclass(frozen=True, slots=True)
class LetterGroup:
    """A group with its first dead letters."""

    group: Group
    letters: tuple[LetterState, ...]


async def one_group(letter_tools: DeadLetterTools, fingerprint: str, now: datetime) -> LetterGroup | None:
    """Return a group with its first dead letters; None when it is empty.

    Raises:
        Unavailable: the broker or the database can't be reached.
    """
    groups = Groups(now)
    first: list[LetterState] = []
    async with aclosing(letter_tools.reader.read(Selection(fingerprint=fingerprint))) as found:
        async for each in found:
            if each.is_done or each.letter.fingerprint != fingerprint:
                continue
            groups.add(each.letter, each.readings)
            if len(first) < _MOST_ON_A_PAGE:
                first.append(each)
    return LetterGroup(groups.largest()[0], tuple(first)) if first else None


async def note_reveal(journal: AuditLogReader, run: str, actor: str, letter: str, sequence: int) -> None:
    """Record that a person is about to see a dead letter's body; the entry is stored when this returns.

    Raises:
        Unavailable: the database can't be reached; nothing may be shown.
    """
    await journal.write([AuditNote(run, actor, "reveal", "finished", letter, sequence)])
