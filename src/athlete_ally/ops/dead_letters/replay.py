"""Replaying dead letters: publish, learn the outcome, and only then remove.

A kill at any point is harmless. The id of a replay follows from the letter and the number of its replays, so that
publishing again is a duplicate; the worker records the outcome in a receipt, in the transaction that stores; and the
letter stays where it is until that receipt says that nothing of it is left.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

from athlete_ally.core.audit_log import Attempt, AuditEntry, AuditLog, AuditNote
from athlete_ally.core.errors import InvalidMessage, MessageTooLarge
from athlete_ally.core.ports import Publisher
from athlete_ally.ops.dead_letters.letter_state import LetterState, letter_state, replay_message
from athlete_ally.ops.dead_letters.reader import LetterReader
from athlete_ally.ops.dead_letters.replay_plan import Durables, Plan, fit
from athlete_ally.ops.dead_letters.replay_progress import (
    Asks,
    Hears,
    Progress,
    always,
    details_of_end,
    details_of_outcome,
    details_of_publishing,
    details_of_start,
)

# A worker stores 200 messages at once; twice that keeps it busy while outcomes are looked up.
_MOST_IN_FLIGHT = 400
# Failures of the first few say little of the rest.
_FEWEST_TO_DECIDE = 10
_LOOK_AGAIN_S = 0.05


@dataclass(frozen=True, slots=True)
class Tools:
    """What a replay works with. `clock` counts seconds; `patience_s` is the longest wait for any outcome at all."""

    reader: LetterReader
    durables: Durables
    publisher: Publisher
    journal: AuditLog
    clock: Callable[[], float]
    patience_s: float = 60.0


@dataclass(slots=True)
class _InFlight:
    letter_state: LetterState
    message_id: str


@dataclass(slots=True)
class Replay:
    """One run. `hears` follows the progress; `may_go_on` is asked once the canary has come through."""

    plan: Plan
    tools: Tools
    actor: str
    progress: Progress
    hears: Hears = lambda _: None
    may_go_on: Asks = always
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    seen: set[int] = field(default_factory=set[int])
    _in_flight: dict[int, _InFlight] = field(default_factory=dict[int, _InFlight], init=False)
    _started_s: float = field(default=0.0, init=False)
    _heard_s: float = field(default=0.0, init=False)
    _canary_passed: bool = field(default=False, init=False)

    async def run(self, before: Sequence[AuditEntry] = ()) -> Progress:
        """Replay; return when every published letter has its outcome, or no more can be learned.

        `before` is what an earlier, unfinished attempt at the same run noted: it is taken up where it ended.

        Raises:
            Unavailable: the broker or the database can't be reached. The run can be resumed.
        """
        await self._take_up(before)
        self._count_time()
        if not before:
            await self.tools.journal.write([self._note("started", details_of_start(self.plan))])
        async with aclosing(fit(self.tools.reader, self.tools.durables, self.plan)) as letters:
            await self._replay(letters)
        step = "stopped" if self.progress.stopped else "finished"
        await self.tools.journal.write([self._note(step, details_of_end(self.progress))])
        return self.progress

    async def _take_up(self, before: Sequence[AuditEntry]) -> None:
        """Learn the outcome of the letters that an earlier attempt published and did not see processed."""
        unconfirmed = self.progress.take_up(before)
        self.seen.update(each.note.sequence or 0 for each in before if each.note.step in {"published", "settled"})
        for note in unconfirmed.values():
            await self._take_up_one(note)
        # More than the canary went ahead: somebody has looked at it, and said to go on.
        self._canary_passed = self.progress.published > self.plan.terms.canary

    async def _take_up_one(self, note: AuditNote) -> None:
        found = await self.tools.reader.one(note.sequence or 0)
        message_id = str(note.details["message_id"])
        attempts = (await self.tools.journal.attempts([note.letter or ""])).get(note.letter or "", ())
        outcome = next((each for each in attempts if each.message_id == message_id), None)
        if found is None or found.letter.identity != note.letter:
            # It was removed, which is done only once the outcome is known; what is missing is the line that says so.
            if outcome is not None:
                await self._settle([(note.sequence or 0, note.letter or "", outcome, False)])
            return
        if outcome is None and not found.is_done:
            await self.tools.publisher.publish(replay_message(found))
        self._in_flight[note.sequence or 0] = _InFlight(found, message_id)

    async def _replay(self, letters: AsyncGenerator[LetterState]) -> None:
        exhausted = False
        while True:
            self._stop_if_failing()
            room = 0 if self._is_ending else self._room()
            batch = [] if exhausted else await self._take(letters, room)
            exhausted = exhausted or (room > 0 and len(batch) < room)
            await self._publish(batch)
            settled = await self._learn()
            self.hears(self.progress)
            if not self._in_flight and (exhausted or self._is_ending or self._is_complete):
                return
            if self._waits_in_vain():
                return
            await self._after_canary()
            if not batch and not settled:
                await asyncio.sleep(_LOOK_AGAIN_S)

    @property
    def _is_ending(self) -> bool:
        return bool(self.progress.stopped)

    @property
    def _is_complete(self) -> bool:
        return self.plan.terms.most is not None and self.progress.published >= self.plan.terms.most

    def _stop_if_failing(self) -> None:
        """Stop by ourselves when too many fail again, or when told to."""
        progress, terms = self.progress, self.plan.terms
        enough = progress.settled >= min(_FEWEST_TO_DECIDE, terms.canary or _FEWEST_TO_DECIDE)
        if not progress.stopped and enough and progress.share_failed > terms.stop_at:
            share = f"{progress.share_failed:.0%}"
            progress.stopped = f"{progress.failed} of {progress.settled} letters ({share}) failed again"
        if not progress.stopped and self.stop.is_set():
            progress.stopped = "told to stop"

    def _room(self) -> int:
        """Return how many letters may be published now."""
        terms, progress = self.plan.terms, self.progress
        due = int((self.tools.clock() - self._started_s) * terms.rate_per_s) + 1 - progress.published
        room = min(due, _MOST_IN_FLIGHT - len(self._in_flight))
        if terms.most is not None:
            room = min(room, terms.most - progress.published)
        if terms.canary and not self._canary_passed:
            room = min(room, terms.canary - progress.published)
        return max(0, room)

    async def _take(self, letters: AsyncGenerator[LetterState], room: int) -> list[LetterState]:
        batch: list[LetterState] = []
        while len(batch) < room and (each := await anext(letters, None)) is not None:
            if each.letter.sequence in self.seen:
                continue
            batch.append(each)
        return batch

    async def _publish(self, batch: Sequence[LetterState]) -> None:
        """Note what is about to be published, then publish it; nothing is removed."""
        if not batch:
            return
        await self.tools.journal.write(
            [
                self._note("published", details_of_publishing(each), each.letter.sequence, each.letter.identity)
                for each in batch
                if not each.is_done
            ]
        )
        if not self._in_flight:
            self._heard_s = self.tools.clock()
        for each in batch:
            self._in_flight[each.letter.sequence] = _InFlight(each, each.next_message_id)
            self.progress.published += 1
        unsendable = await asyncio.gather(*(self._publish_one(each) for each in batch))
        await self._leave_unsendable([each for each in unsendable if each is not None])

    async def _publish_one(self, each: LetterState) -> tuple[LetterState, str] | None:
        if each.is_done:
            return None
        try:
            await self.tools.publisher.publish(replay_message(each))
        except (MessageTooLarge, InvalidMessage) as error:
            return each, str(error)
        return None

    async def _leave_unsendable(self, unsendable: Sequence[tuple[LetterState, str]]) -> None:
        for each, error in unsendable:
            del self._in_flight[each.letter.sequence]
            details = {"outcome": "unsendable", "error": error, "failed": each.readings}
            self.progress.count(details)
            letter = each.letter
            await self.tools.journal.write([self._note("settled", details, letter.sequence, letter.identity)])

    async def _learn(self) -> bool:
        """Look up outcomes; remove the letters of which nothing is left. Return whether any was learned."""
        if not self._in_flight:
            return False
        identities = [each.letter_state.letter.identity for each in self._in_flight.values()]
        attempts = await self.tools.journal.attempts(identities)
        learned: list[tuple[int, str, Attempt, bool]] = []
        for sequence, each in self._in_flight.items():
            letter = each.letter_state.letter
            history = attempts.get(letter.identity, ())
            outcome = next((one for one in history if one.message_id == each.message_id), None)
            after = letter_state(letter, history)
            if outcome is None and after.is_done:
                # A copy of this letter was replayed: nothing is stored by this one.
                outcome = replace(history[-1], stored=0, superseded=0)
            if outcome is not None:
                learned.append((sequence, letter.identity, outcome, after.is_done))
        # As many at once as a broker answers without queueing.
        gone = [sequence for sequence, _, _, is_done in learned if is_done]
        await asyncio.gather(*(self.tools.reader.letters.remove(sequence, erase=False) for sequence in gone))
        self.progress.removed += len(gone)
        await self._settle(learned)
        return bool(learned)

    async def _settle(self, learned: Sequence[tuple[int, str, Attempt, bool]]) -> None:
        notes: list[AuditNote] = []
        for sequence, identity, outcome, _ in learned:
            self._in_flight.pop(sequence, None)
            details = details_of_outcome(outcome)
            self.progress.count(details)
            notes.append(self._note("settled", details, sequence, identity))
        await self.tools.journal.write(notes)
        if learned:
            self._heard_s = self.tools.clock()

    async def _after_canary(self) -> None:
        """Once the canary is through, ask whether to go on; the rate counts from then on."""
        terms, progress = self.plan.terms, self.progress
        is_due = terms.canary and not self._canary_passed and progress.settled >= terms.canary
        if not is_due or progress.stopped:
            return
        self._stop_if_failing()
        if progress.stopped:
            return
        self._canary_passed = True
        if not await self.may_go_on(progress):
            progress.stopped = "told to stop after the canary"
        self._count_time()

    def _count_time(self) -> None:
        """Let the rate count from now on, as if what was published had been published at it."""
        self._heard_s = self.tools.clock()
        self._started_s = self._heard_s - self.progress.published / self.plan.terms.rate_per_s

    def _waits_in_vain(self) -> bool:
        if not self._in_flight or self.tools.clock() - self._heard_s < self.tools.patience_s:
            return False
        self.progress.stopped = (
            f"no outcome for {self.tools.patience_s:g} s: is the worker running, and its circuit breaker closed? "
            f"what was published ({len(self._in_flight)}) stays in AA_DLQ until its outcome is known"
        )
        return True

    def _note(
        self, step: str, details: dict[str, Any], sequence: int | None = None, letter: str | None = None
    ) -> AuditNote:
        return AuditNote(self.progress.run, self.actor, "replay", step, letter, sequence, details)
