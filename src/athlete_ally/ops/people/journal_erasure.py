"""Erasing one person from the message journal. Entries of the person go; others' readings stay."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from collections.abc import Set as AbstractSet
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from athlete_ally.core.messages import headers
from athlete_ally.core.messages.data_subject import Person, Share, share_of
from athlete_ally.core.messages.identity import message_id
from athlete_ally.core.messages.journal_entry import JournalEntry
from athlete_ally.core.readings.reading import pick_readings
from athlete_ally.ops.people.inventory import Tell

Rewrite = Callable[[JournalEntry], JournalEntry | None]
"""Returns an entry as it is to be kept, or None."""


class Journal(Protocol):
    """The segments of this machine's journal."""

    def entries(self) -> AsyncGenerator[JournalEntry]:
        """Yield every entry. Raises Misconfigured: the journal's key is missing."""
        ...

    async def rewrite(self, keep: Rewrite) -> None:
        """Rewrite the segments, those that are being written included, and overwrite the bytes of the old ones.

        Raises:
            Unavailable: a service does not close its segment; run it again.
        """
        ...


@dataclass(frozen=True, slots=True)
class JournalTally:
    """How many entries hold data of the person, and how many of them can't be erased yet."""

    entries: int
    entangled: int


@dataclass(frozen=True, slots=True)
class JournalEraser:
    """Finds and erases one person's entries. `settled` returns which of these messages have all their receipts."""

    journal: Journal
    person: Person
    settled: Callable[[Sequence[str]], Awaitable[AbstractSet[str]]]

    async def tally(self, tell: Tell) -> JournalTally:
        """Count the person's entries. Read-only. Raises as `Journal.entries`, and Unavailable without the database."""
        entries, shared = await self._look("reading the message journal", tell)
        return JournalTally(entries, len(shared - await self.settled(sorted(shared))))

    async def erase(self, tell: Tell) -> int:
        """Erase what can be, and return how many entries that were. Raises as `Journal.rewrite`."""
        _, shared = await self._look("reading the message journal", tell)
        settled = await self.settled(sorted(shared))
        erased = 0

        def keep(entry: JournalEntry) -> JournalEntry | None:
            nonlocal erased
            share = self._share(entry)
            effect = "keep" if share is None else _effect(share)
            if share is None or (effect == "shared" and entry.message.message_id not in settled):
                return entry
            erased += 1
            return _without(entry, share) if effect == "split" else None

        await self.journal.rewrite(keep)
        return erased

    async def _look(self, what: str, tell: Tell) -> tuple[int, set[str]]:
        """Return how many entries are the person's, and the ids of those that can't be split."""
        found, read = 0, 0
        shared: set[str] = set()
        async with aclosing(self.journal.entries()) as entries:
            async for entry in entries:
                read += 1
                tell(what, read, 0)
                share = self._share(entry)
                if share is not None:
                    found += 1
                    if _effect(share) == "shared":
                        shared.add(entry.message.message_id)
        return found, shared

    def _share(self, entry: JournalEntry) -> Share | None:
        message = entry.message
        return share_of(self.person, message.subject, message.headers, message.body)


def _effect(share: Share) -> Literal["erase", "split", "shared"]:
    if share.is_readable and not share.is_mixed:
        return "erase"
    return "split" if share.is_readable and share.others else "shared"


def _without(entry: JournalEntry, share: Share) -> JournalEntry:
    """Return an entry with others' readings only, byte for byte; its content is another, and so is its id."""
    body = pick_readings(entry.message.body, share.others)
    identity = message_id(entry.message.subject, body)
    stated = {**entry.message.headers, headers.CE_ID: identity, headers.READINGS: str(len(share.others))}
    return replace(entry, message=replace(entry.message, body=body, message_id=identity, headers=stated))
