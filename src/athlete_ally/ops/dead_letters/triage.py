"""Putting letters aside, bringing them back, correcting and purging them: every act of a person but a replay.

A move publishes the letter on its new subject and then removes it from the old one. Its identity stays, so that two
copies that a kill leaves behind are one letter: the same act again finds the copy and removes what is left. While
AA_DLQ is full nothing can be moved, since for a moment there are both; replaying and purging need no room.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from athlete_ally.core.audit_log import Act, AuditLog, AuditNote
from athlete_ally.core.broker.topology import DLQ
from athlete_ally.core.errors import InvalidMessage, StreamFull
from athlete_ally.core.messages import headers
from athlete_ally.core.messages.dead_letter import Letter, Shelf, shelved_subject
from athlete_ally.core.messages.identity import derived_id, message_id
from athlete_ally.core.messages.message import Acknowledgement, OutgoingMessage
from athlete_ally.core.ports import Publisher
from athlete_ally.core.readings.reading import split_message
from athlete_ally.ops.dead_letters.letter_state import LetterState
from athlete_ally.ops.dead_letters.reader import Letters

_ACTS: Mapping[Shelf, Act] = {"waiting": "release", "quarantine": "quarantine", "resolved": "resolve"}


@dataclass(frozen=True, slots=True)
class Triage:
    """Where letters are filed; every act is noted before it is done, and its outcome after."""

    letters: Letters
    publisher: Publisher
    journal: AuditLog
    actor: str
    new_run: Callable[[], str]

    async def move(self, each: LetterState, shelf: Shelf, why: str, run: str | None = None) -> None:
        """Put a letter on a shelf; when this returns it is there and nowhere else. May be repeated.

        Raises:
            StreamFull: there is no room for the copy; the letter stays where it is.
            Unavailable: the broker or the database can't be reached.
        """
        run = run or self.new_run()
        letter = each.letter
        act = _ACTS[shelf]
        await self._note(run, act, "started", letter, {"why": why, "from": letter.shelf})
        if letter.shelf != shelf:
            await self._put(letter, _moved(letter, shelf), run)
            await self.letters.remove(letter.sequence, erase=False)
        await self._note(run, act, "finished", letter, {"shelf": shelf})

    async def edit(self, each: LetterState, body: bytes, changes: Sequence[str]) -> Letter:
        """Replace a letter by a corrected one that waits; the original is kept among the resolved, linked to it.

        Raises:
            InvalidMessage: the new body does not hold as many readings.
            StreamFull: there is no room for both; the original stands, alone.
            Unavailable: the broker or the database can't be reached.
        """
        old = each.current()
        new = edited(old, body)
        run = self.new_run()
        hashes = {"before": message_id("", old.body), "after": message_id("", body)}
        await self._note(run, "edit", "started", each.letter, {"changes": list(changes), "new": new.identity, **hashes})
        acknowledgement = await self._put(new, _outgoing(new), run)
        try:
            await self.move(each, "resolved", f"edited: see {new.identity}", run)
        except StreamFull:
            await self.letters.remove(acknowledgement.sequence, erase=False)
            raise
        details = {"new": new.identity, "sequence": acknowledgement.sequence}
        await self._note(run, "edit", "finished", each.letter, details)
        return replace(new, sequence=acknowledgement.sequence)

    async def purge(self, each: LetterState, run: str) -> None:
        """Remove a letter for good, its bytes on disk included.

        Raises:
            Unavailable: the broker or the database can't be reached.
        """
        details = {"fingerprint": each.letter.fingerprint, "readings": each.readings}
        await self._note(run, "purge", "started", each.letter, details)
        found = await self.letters.remove(each.letter.sequence, erase=True)
        await self._note(run, "purge", "finished", each.letter, {"found": found})

    async def reveal(self, each: LetterState) -> None:
        """Note that somebody is about to see the personal data in a letter.

        Raises:
            Unavailable: the database can't be reached; nothing must be shown then.
        """
        await self._note(self.new_run(), "reveal", "finished", each.letter, {})

    async def take_in(self, letter: Letter, run: str) -> bool:
        """Write a letter that was exported; return False where it came in a moment ago, and is there.

        Raises:
            StreamFull: there is no room for it.
            Unavailable: the broker or the database can't be reached.
        """
        acknowledgement = await self._put(letter, _outgoing(letter), run)
        details = {"duplicate": acknowledgement.duplicate}
        taken = replace(letter, sequence=acknowledgement.sequence)
        await self._note(run, "import", "finished", taken, details)
        return not acknowledgement.duplicate

    async def _put(self, letter: Letter, message: OutgoingMessage, run: str) -> Acknowledgement:
        """Publish a letter; when this returns it is there.

        For two minutes the stream calls a message a duplicate, even one that was removed meanwhile.
        """
        done = await self.publisher.publish(message)
        if not done.duplicate or await self.letters.one(done.sequence) is not None:
            return done
        again = derived_id("again", message_id(message.message_id, run.encode()))
        stated = {**message.headers, headers.DLQ_LETTER: letter.identity}
        return await self.publisher.publish(replace(message, message_id=again, headers=stated))

    async def _note(self, run: str, act: Act, step: str, letter: Letter, details: Mapping[str, Any]) -> None:
        note = AuditNote(run, self.actor, act, step, letter.identity, letter.sequence, details)
        await self.journal.write([note])


def edited(old: Letter, body: bytes) -> Letter:
    """Return a letter with a corrected body, with an identity of its own and no replays.

    Raises:
        InvalidMessage: the new body is no message, or holds more or fewer readings than the old one stands for.
    """
    readings = len(split_message(body))
    if readings != old.readings:
        raise InvalidMessage(
            f"the edited body holds {readings} readings, the letter {old.readings}: change values only"
        )
    identity = derived_id("edit", message_id(old.identity, body))
    stated = {
        **_without_identity(old),
        headers.DLQ_LETTER: identity,
        headers.DLQ_EDITED_FROM: old.identity,
    }
    stated.pop(headers.DLQ_REPLAYS, None)
    return replace(old, body=body, headers=stated)


def as_exported(each: LetterState) -> Letter:
    """Return a letter as it is to leave for another cluster: only what is left of it, its replays counted within.

    Raises:
        InvalidMessage: its history does not fit its body.
    """
    letter = each.current()
    if not each.attempts:
        return letter
    # The other database knows nothing of the replays made here, and ours must not take them for replays of the copy.
    identity = derived_id("letter", message_id(letter.identity, str(each.replays).encode()))
    stated = {**_without_identity(letter), headers.DLQ_LETTER: identity, headers.DLQ_REPLAYS: str(each.replays)}
    return replace(letter, headers=stated)


def _moved(letter: Letter, shelf: Shelf) -> OutgoingMessage:
    moved = replace(
        letter,
        subject=shelved_subject(letter.waiting_subject, shelf),
        headers={**_without_identity(letter), headers.DLQ_LETTER: letter.identity},
    )
    # Each move has an id of its own: returning to an earlier state is not a duplicate.
    identity = derived_id("moved", message_id(moved.subject, str(letter.sequence).encode()))
    return replace(_outgoing(moved), message_id=identity)


def _outgoing(letter: Letter) -> OutgoingMessage:
    return OutgoingMessage(DLQ, letter.subject, letter.body, letter.identity, _without_identity(letter, keep=True))


def _without_identity(letter: Letter, *, keep: bool = False) -> dict[str, str]:
    """Return the headers without those that act on the server, and without the identity unless it is kept."""
    left_out = ("nats-",) if keep else ("nats-", headers.DLQ_LETTER.lower())
    return {name: value for name, value in letter.headers.items() if not name.lower().startswith(left_out)}
