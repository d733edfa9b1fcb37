"""What streams and tables hold of one person, and what stands in the way of erasing it: counted, nothing changed."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Literal, Protocol

from athlete_ally.core.broker.state import LiveDurable, LiveStream, overlap
from athlete_ally.core.broker.topology import CORE_HOT, DLQ, VENDOR_HOT, Topology
from athlete_ally.core.errors import InvalidMessage, Misconfigured
from athlete_ally.core.messages import headers
from athlete_ally.core.messages.data_subject import Person, Share, share_of
from athlete_ally.core.messages.dead_letter import Letter
from athlete_ally.core.messages.identity import derived_id, message_id
from athlete_ally.core.messages.message import OutgoingMessage, StoredMessage

SEARCHED = (CORE_HOT, VENDOR_HOT, DLQ)
"""In the order in which they are erased: what a worker may still dead-letter comes before dead letters."""
# Enough to look at by hand; the count goes on.
_MOST_NAMED = 20
# Counting whom a million messages are about must not take more memory the more people there are.
_MOST_PEOPLE = 100_000

Erasability = Literal["erase", "split", "unacknowledged", "entangled", "unreadable"]
Tell = Callable[[str, int, int], None]
"""Receives what is done, how many messages or rows, and of how many."""


class StreamReader(Protocol):
    """The streams. All of it raises Unavailable without an answer."""

    async def stream(self, name: str) -> LiveStream | None:
        """Return a stream, or None."""
        ...

    async def durables_of(self, stream: str) -> list[LiveDurable]:
        """Return every consumer of a stream."""
        ...

    def messages(self, stream: LiveStream) -> AsyncGenerator[tuple[int, StoredMessage]]:
        """Yield every message with its sequence, up to the last one of this look at the stream; in constant memory."""
        ...

    async def holds(self, stream: str, sequence: int) -> bool:
        """Ask the stream's leader whether a message is there."""
        ...

    async def erase(self, stream: str, sequence: int) -> bool:
        """Delete a message and overwrite its bytes on disk; return False where it was gone."""
        ...


@dataclass(slots=True)
class Tally:
    """What one stream holds of the person.

    `mixed` messages hold readings of others too, of `people` (no more than 100,000 are told apart). Messages that can't
    be erased as they are: `unacknowledged` by a durable (number and last sequence), `entangled` dead letters that
    can't be split, and `unreadable` ones. Their first sequences are named, all are counted.
    """

    stream: str
    messages: int = 0
    readings: int = 0
    mixed: int = 0
    to_sequence: int = 0
    unacknowledged: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    entangled: int = 0
    unreadable: int = 0
    named: dict[Erasability, list[int]] = field(default_factory=dict[Erasability, list[int]])
    _people: set[int] = field(default_factory=set[int], repr=False)

    @property
    def people(self) -> int:
        """How many other people there are."""
        return len(self._people)

    def add(self, sequence: int, share: Share, erasability: Erasability, waits_for: Sequence[str]) -> None:
        """Count a message."""
        self.messages += 1
        self.readings += share.readings
        self.mixed += share.is_mixed
        if len(self._people) < _MOST_PEOPLE:
            self._people.update(map(hash, share.people))
        for durable in waits_for if erasability == "unacknowledged" else ():
            self.unacknowledged[durable] = (self.unacknowledged.get(durable, (0, 0))[0] + 1, sequence)
        self.entangled += erasability == "entangled"
        self.unreadable += erasability == "unreadable"
        if erasability in {"entangled", "unreadable"} and len(self.named.setdefault(erasability, [])) < _MOST_NAMED:
            self.named[erasability].append(sequence)


@dataclass(frozen=True, slots=True)
class Inventory:
    """All that is held of the person; `vendors` are those that were allowed to send.

    `journal_entries` of this machine's message journal hold data of the person; of them `journal_entangled` also hold
    data of others, can't be split, and are not yet processed.
    """

    streams: tuple[Tally, ...]
    rows: Mapping[str, int]
    vendors: tuple[str, ...]
    journal_entries: int = 0
    journal_entangled: int = 0

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing is held."""
        in_streams = any(tally.messages for tally in self.streams)
        return not in_streams and not any(self.rows.values()) and not self.journal_entries


@dataclass(frozen=True, slots=True)
class Searcher:
    """Finds one person's messages, and determines whether each can be erased."""

    stream_reader: StreamReader
    desired: Topology
    person: Person

    async def tally(self, name: str, tell: Tell) -> Tally:
        """Count what a stream holds.

        Raises:
            Misconfigured: the stream, or a durable of ours on it, is missing.
            Unavailable: no answer.
        """
        stream, hearers = await self.look(name)
        tally = Tally(name, to_sequence=stream.last_sequence)
        async with aclosing(self.found(stream, f"reading {name}", tell)) as found:
            async for sequence, message, share in found:
                waits_for = [each.name for each in hearers if waits(each, message.subject, sequence)]
                tally.add(sequence, share, erasability_of(name, sequence, message, share, hearers), waits_for)
        return tally

    async def look(self, name: str) -> tuple[LiveStream, Sequence[LiveDurable]]:
        """Return a stream and everybody who hears it.

        Raises:
            Misconfigured: the stream, or a durable of ours on it, is missing: what it has settled can't be told.
            Unavailable: no answer.
        """
        stream = await self.stream_reader.stream(name)
        if stream is None:
            raise Misconfigured(f"stream {name} is missing: run `athlete-ally streams apply`")
        hearers = await self.stream_reader.durables_of(name)
        missing = {each.name for each in self.desired.durables if each.stream == name} - {each.name for each in hearers}
        if missing:
            raise Misconfigured(
                f"{', '.join(sorted(missing))}: missing, so that nobody can tell what was settled; "
                "run `athlete-ally streams apply`"
            )
        return stream, hearers

    async def found(
        self, stream: LiveStream, what: str, tell: Tell
    ) -> AsyncGenerator[tuple[int, StoredMessage, Share]]:
        """Yield the person's messages in order, with what of each is theirs."""
        read = 0
        async with aclosing(self.stream_reader.messages(stream)) as messages:
            async for sequence, message in messages:
                read += 1
                tell(what, read, stream.messages)
                share = share_of(self.person, message.subject, message.headers, message.body)
                if share is not None:
                    yield sequence, message, share


def waits(durable: LiveDurable, subject: str, sequence: int) -> bool:
    """Tell whether a durable hears this message and has not settled it, as far as its floor says."""
    return sequence > durable.ack_floor and any(overlap(pattern, subject) for pattern in durable.filters)


def erasability_of(
    stream: str, sequence: int, message: StoredMessage, share: Share, hearers: Sequence[LiveDurable]
) -> Erasability:
    """Return what to do with a message.

    In a stream of work it is safe to erase once everybody who hears it has settled it: by then other people's readings
    are records, or dead letters of their own. A dead letter is nobody's work: other people's readings in it are kept.
    """
    if stream != DLQ:
        return "unacknowledged" if any(waits(each, message.subject, sequence) for each in hearers) else "erase"
    if not share.is_readable:
        return "unreadable"
    if not share.is_mixed:
        return "erase"
    try:
        without_person(sequence, message, share)
    except InvalidMessage:
        return "entangled"
    return "split"


def without_person(sequence: int, message: StoredMessage, share: Share) -> OutgoingMessage:
    """Return a dead letter with only other people's readings, byte for byte. It stays the same letter.

    Raises:
        InvalidMessage: it can't be taken apart.
    """
    if not share.others:
        raise InvalidMessage("the body holds no readings that can be taken out one by one")
    letter = Letter(sequence, message.subject, message.headers, message.body, message.stored_at)
    kept = letter.with_readings(share.others)
    stated = {name: value for name, value in kept.headers.items() if not name.lower().startswith("nats-")}
    identity = derived_id("split", message_id(letter.subject, str(sequence).encode()))
    return OutgoingMessage(DLQ, letter.subject, kept.body, identity, {**stated, headers.DLQ_LETTER: letter.identity})
