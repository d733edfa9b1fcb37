"""Reads dead letters one after the other, each with the effect of its replays."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from athlete_ally.core.audit_log import Attempt, ReplayHistory
from athlete_ally.core.messages.dead_letter import Letter
from athlete_ally.ops.dead_letters.grouping import Groups
from athlete_ally.ops.dead_letters.letter_state import LetterState, letter_state
from athlete_ally.ops.dead_letters.selection import Selection

# Histories are asked for together: a question each would take longer than reading all letters.
_TOGETHER = 200


class Extent(Protocol):
    """How much AA_DLQ holds."""

    @property
    def created(self) -> datetime:
        """When the stream was made."""
        ...

    @property
    def messages(self) -> int:
        """Dead letters in it, in all states."""
        ...

    @property
    def last_sequence(self) -> int:
        """Sequence of the latest letter."""
        ...


class Letters(Protocol):
    """AA_DLQ. See `adapters.nats.dead_letters`."""

    async def extent(self) -> Extent:
        """Return how much there is."""
        ...

    async def one(self, sequence: int) -> Letter | None:
        """Return a letter, or None."""
        ...

    def all(
        self, *, subject: str = "dlq.>", from_sequence: int = 1, to_sequence: int | None = None
    ) -> AsyncGenerator[Letter]:
        """Yield letters in order, in constant memory."""
        ...

    async def remove(self, sequence: int, *, erase: bool) -> bool:
        """Take a letter out; return False where it was gone."""
        ...


@dataclass(frozen=True, slots=True)
class LetterReader:
    """Reads letters. Without `history`, each stands as if it had never been replayed."""

    letters: Letters
    history: ReplayHistory | None
    now: Callable[[], datetime]

    async def one(self, sequence: int) -> LetterState | None:
        """Return the letter of this sequence, or None.

        Raises:
            Unavailable: the broker or the database can't be reached.
        """
        letter = await self.letters.one(sequence)
        return None if letter is None else (await self._stand([letter]))[0]

    async def read(self, selection: Selection, *, to_sequence: int | None = None) -> AsyncGenerator[LetterState]:
        """Yield every letter that is asked for, in order, in constant memory.

        With them come letters of which nothing is left, and which only wait to be removed (`is_done`).

        Raises:
            Unavailable: the broker or the database can't be reached.
        """
        now = self.now()
        first = min(selection.sequences, default=1)
        last = max(selection.sequences) if selection.sequences else to_sequence
        waiting: list[Letter] = []
        found = self.letters.all(subject=selection.wire_subject, from_sequence=first, to_sequence=last)
        async with aclosing(found):
            async for letter in found:
                if selection.takes(letter, now):
                    waiting.append(letter)
                if len(waiting) == _TOGETHER:
                    for each in await self._stand(waiting):
                        yield each
                    waiting = []
        for each in await self._stand(waiting):
            yield each

    async def groups(self, selection: Selection) -> Groups:
        """Return the letters that are asked for, grouped by how they failed.

        Raises:
            Unavailable: the broker or the database can't be reached.
        """
        groups = Groups(self.now())
        async with aclosing(self.read(selection)) as found:
            async for each in found:
                if not each.is_done:
                    groups.add(each.letter, each.readings)
        return groups

    async def _stand(self, letters: Sequence[Letter]) -> list[LetterState]:
        attempts: Mapping[str, tuple[Attempt, ...]] = {}
        if self.history is not None and letters:
            attempts = await self.history.attempts([letter.identity for letter in letters])
        return [letter_state(letter, attempts.get(letter.identity, ())) for letter in letters]
