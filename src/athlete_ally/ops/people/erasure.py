"""Erasing one person: messages first, rows last, then a look at everything again.

Each step may be repeated, and what is needed to find the person goes last: a run that is killed is finished by running
it again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

from athlete_ally.core.audit_log import AuditLog, AuditNote
from athlete_ally.core.errors import NotVerified, Refused
from athlete_ally.core.messages.data_subject import Person
from athlete_ally.core.ports import Publisher
from athlete_ally.ops.people.inventory import SEARCHED, Inventory, Searcher, Tally, Tell, erasability_of, without_person
from athlete_ally.ops.people.journal_erasure import JournalEraser

_LOOK_EVERY_S = 0.5


class People(Protocol):
    """The tables. All of it raises Unavailable when the database can't be reached."""

    async def person(self, user_id: str) -> Person:
        """Return a person with accounts and grants."""
        ...

    async def rows(self, user_id: str) -> dict[str, int]:
        """Return how many rows of each table are the person's."""
        ...

    async def close(self, user_id: str) -> None:
        """Mark the person's grants as withdrawn: nothing is fetched with them any more."""
        ...

    async def erase(self, user_id: str, tell: Tell) -> None:
        """Delete the person's rows."""
        ...


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was erased: messages, dead letters that were split, rows, and entries of the message journal."""

    run: str
    messages: int
    split: int
    rows: int
    journal_entries: int = 0


@dataclass(frozen=True, slots=True)
class Eraser:
    """Erases one person; every run is noted in the journal, without a word on who it was."""

    searcher: Searcher
    people: People
    publisher: Publisher
    message_journal: JournalEraser
    journal: AuditLog
    actor: str
    run: str
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep

    async def inventory(self, tell: Tell) -> Inventory:
        """Count all that is held. Read-only.

        Raises:
            Misconfigured: a stream, or a durable of ours, is missing.
            Unavailable: the broker or the database can't be reached.
        """
        person = self.searcher.person
        tallies = [await self.searcher.tally(name, tell) for name in SEARCHED]
        vendors = sorted({vendor for vendor, _ in person.accounts})
        rows = await self.people.rows(person.user_id)
        entries = await self.message_journal.tally(tell)
        return Inventory(tuple(tallies), rows, tuple(vendors), entries.entries, entries.entangled)

    async def carry_out(self, inventory: Inventory, tell: Tell, *, unreadable_too: bool, wait_s: float) -> Erasure:
        """Erase what an inventory found, and verify that nothing is left.

        Raises:
            Refused: other people's readings would be lost; nothing was changed.
            NotVerified: something is left, or came meanwhile; run it again.
            Unavailable: the broker or the database can't be reached; run it again.
        """
        require_disentangled(inventory, unreadable_too=unreadable_too)
        await self._until_settled(inventory.streams, wait_s)
        found = {tally.stream: tally.messages for tally in inventory.streams}
        await self._note("started", {"messages": found, "rows": sum(inventory.rows.values())})
        user_id = self.searcher.person.user_id
        await self.people.close(user_id)
        messages = split = 0
        for name in SEARCHED:
            counts = await self._erase_from(name, unreadable_too, tell)
            messages, split = messages + counts[0], split + counts[1]
        entries = await self.message_journal.erase(tell)
        await self.people.erase(user_id, tell)
        left = await self._left(tell)
        erasure = Erasure(self.run, messages, split, sum(inventory.rows.values()), entries)
        await self._note("finished", {"messages": messages, "split": split, "left": left})
        if left:
            named = ", ".join(f"{count} in {place}" for place, count in left.items())
            raise NotVerified(f"still held, or come meanwhile: {named}; run it again")
        return erasure

    async def _until_settled(self, tallies: Sequence[Tally], wait_s: float) -> None:
        """Return once every durable has processed what the inventory found.

        Raises:
            Refused: it takes too long.
        """
        left_s = wait_s
        while waiting := [await self._unacknowledged(tally) for tally in tallies if tally.unacknowledged]:
            names = [name for each in waiting for name in each]
            if not names:
                return
            if left_s <= 0:
                raise Refused(
                    f"{', '.join(names)}: messages of the person are not settled, and may hold readings of others; "
                    "nothing was changed. Start the worker, resume the durable, or wait longer with --wait"
                )
            await self.sleep(_LOOK_EVERY_S)
            left_s -= _LOOK_EVERY_S

    async def _unacknowledged(self, tally: Tally) -> list[str]:
        live = {each.name: each for each in await self.searcher.stream_reader.durables_of(tally.stream)}
        return [
            name for name, (_, last) in tally.unacknowledged.items() if name in live and live[name].ack_floor < last
        ]

    async def _erase_from(self, name: str, unreadable_too: bool, tell: Tell) -> tuple[int, int]:  # noqa: FBT001  # passed on
        """Erase what can be, each message checked again; return how many, and how many dead letters were split."""
        stream, hearers = await self.searcher.look(name)
        erased = split = 0
        async with aclosing(self.searcher.found(stream, f"erasing from {name}", tell)) as found:
            async for sequence, message, share in found:
                erasability = erasability_of(name, sequence, message, share, hearers)
                if erasability == "split":
                    await self.publisher.publish(without_person(sequence, message, share))
                    split += 1
                elif erasability != "erase" and not (erasability == "unreadable" and unreadable_too):
                    continue
                await self.searcher.stream_reader.erase(name, sequence)
                erased += 1
        return erased, split

    async def _left(self, tell: Tell) -> dict[str, int]:
        """Return what a look at everything finds, by place."""
        left: dict[str, int] = {}
        for name in SEARCHED:
            stream, _ = await self.searcher.look(name)
            async with aclosing(self.searcher.found(stream, f"verifying {name}", tell)) as found:
                async for sequence, _message, _share in found:
                    # A replica that answers may be behind.
                    if await self.searcher.stream_reader.holds(name, sequence):
                        left[name] = left.get(name, 0) + 1
        if entries := (await self.message_journal.tally(tell)).entries:
            left["the message journal"] = entries
        rows = await self.people.rows(self.searcher.person.user_id)
        return {**left, **{table: count for table, count in rows.items() if count}}

    async def _note(self, step: str, details: dict[str, object]) -> None:
        await self.journal.write([AuditNote(self.run, self.actor, "erase", step, details=details)])


def require_disentangled(inventory: Inventory, *, unreadable_too: bool) -> None:
    """Return when no dead letter stands in the way.

    Raises:
        Refused: one does; the text names it and the remedy.
    """
    problems: list[str] = []
    if inventory.journal_entangled:
        problems.append(
            f"the message journal has {inventory.journal_entangled:,} webhooks with data of others that are not stored "
            "yet; run `athlete-ally ingest replay`, and this again once they are processed"
        )
    for tally in inventory.streams:
        if tally.entangled:
            named = _named(tally.named["entangled"], tally.entangled)
            problems.append(
                f"{tally.stream} {named}: data of others is in it and can't be taken apart; replay it, or remove it "
                "with `athlete-ally dlq purge`"
            )
        if tally.unreadable and not unreadable_too:
            named = _named(tally.named["unreadable"], tally.unreadable)
            problems.append(
                f"{tally.stream} {named}: names the person, and can't be read, so that nobody can tell who else is in "
                "it; look at it with `athlete-ally dlq show`, and give --unreadable to erase it whole"
            )
    if problems:
        raise Refused("nothing was changed: " + "; ".join(problems))


def _named(sequences: Sequence[int], count: int) -> str:
    text = ", ".join(map(str, sequences))
    return text if count == len(sequences) else f"{text} and {count - len(sequences):,} more"
