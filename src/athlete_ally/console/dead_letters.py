"""What the console needs for dead letters: the very code that the command line runs."""

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

# A page is for reading; who wants all of a large group takes the command line's `--json`.
_MOST_ON_A_PAGE = 50


class AuditLogReader(AuditLog, Protocol):
    """The journal, for reading too. See `adapters.postgres.audit_log`."""

    async def read(self, *, run: str | None = None, acts_only: bool = False, limit: int = 100) -> Sequence[AuditEntry]:
        """Return the latest entries, newest first, of one run if wanted; or acts only, not each letter of a replay."""
        ...

    async def entries_of(self, run: str) -> Sequence[AuditEntry]:
        """Return everything that one run noted, in order."""
        ...

    async def unfinished(self) -> Sequence[str]:
        """Return the replays that began and were not finished, the latest first."""
        ...

    async def is_busy(self) -> bool:
        """Tell whether somebody changes dead letters now, here or elsewhere."""
        ...

    def alone(self) -> AbstractAsyncContextManager[None]:
        """Let nobody else change dead letters meanwhile.

        Raises:
            Refused: somebody else is at it.
        """
        ...


class DeadLetterTools(Protocol):
    """Everything for dead letters. See `wiring.commands.dlq`. Where `no_history` says why, the database is left out."""

    @property
    def reader(self) -> LetterReader:
        """Where letters are read."""
        ...

    @property
    def durables(self) -> Durables:
        """Where durables are looked at."""
        ...

    @property
    def predictor(self) -> Predictor:
        """What predicts."""
        ...

    @property
    def journal(self) -> AuditLogReader:
        """The journal."""
        ...

    @property
    def no_history(self) -> str:
        """Why replays are not known, or ""."""
        ...

    def replay_tools(self) -> Tools:
        """Return what a replay works with."""
        ...


OpenLetterTools = Callable[[], DeadLetterTools]
"""Returns the office as things are now; raises Unavailable at once where the broker is known to be away."""

OpenAuditLog = Callable[[], AuditLogReader]
"""Returns the journal; raises Unavailable at once where the database is known to be away."""


@dataclass(frozen=True, slots=True)
class LetterGroup:
    """A group with its first letters."""

    group: Group
    letters: tuple[LetterState, ...]


async def one_group(letter_tools: DeadLetterTools, fingerprint: str, now: datetime) -> LetterGroup | None:
    """Return a group with its first letters; None where no letter is left in it.

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
    """Note that somebody is about to see a letter's body; it is on record when this returns.

    Raises:
        Unavailable: the database can't be reached; then nothing may be shown.
    """
    await journal.write([AuditNote(run, actor, "reveal", "finished", letter, sequence)])
