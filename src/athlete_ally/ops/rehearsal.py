"""What would become of dead letters if they were replayed now, worked out without any effect. Pure.

A rehearsal runs today's code over a letter; there is one for each durable that has one. Whoever adds a durable whose
work is pure adds its rehearsal in `wiring.rehearsals`, and everything that predicts knows it.
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from athlete_ally.core import headers
from athlete_ally.core.messages import Delivery
from athlete_ally.core.ports import Rejected
from athlete_ally.core.record import Record
from athlete_ally.ops.standing import Standing, replay_message

# A person reads the commonest failures; the count says how many there are.
_MOST_FAILURES = 20
# The database is asked about the records of so many letters at once: a question each takes longer than all the rest.
_TOGETHER = 200


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What today's code makes of a message: how many readings it would pass on, which it rejects.

    `records` are those that it would store, of which `kind`, where it stores. `unknown` says why it can't be told.
    """

    passed: int = 0
    rejected: tuple[Rejected, ...] = ()
    kind: str = ""
    records: tuple[Record, ...] = ()
    unknown: str = ""


Rehearsal = Callable[[Delivery], Rehearsed]
"""Does what the worker of a durable does with a delivery, except for its effects."""


class Held(Protocol):
    """Looks at what is stored, without changing it."""

    async def superseded(self, kind: str, records: Sequence[Record]) -> int:
        """Return how many of these records are older than, or the same as, what is stored for their keys.

        Raises:
            Unavailable: the database can't be reached.
        """
        ...


@dataclass(frozen=True, slots=True)
class Prediction:
    """What would become of one letter's readings; `unknown` says why it can't be told."""

    stored: int = 0
    superseded: int = 0
    rejected: tuple[Rejected, ...] = ()
    unknown: str = ""

    @property
    def passes(self) -> bool:
        """Tell whether nothing of it would fail again."""
        return not self.rejected and not self.unknown


@dataclass(slots=True)
class Tally:
    """Predictions, added up: letters that would pass and fail, readings by outcome, and why they would fail."""

    letters: int = 0
    passing: int = 0
    readings: int = 0
    stored: int = 0
    superseded: int = 0
    failing: int = 0
    unknown: int = 0
    failures: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])

    def add(self, standing: Standing, prediction: Prediction) -> None:
        """Count one letter."""
        self.letters += 1
        self.passing += prediction.passes
        self.readings += standing.readings
        self.stored += prediction.stored
        self.superseded += prediction.superseded
        self.failing += len(prediction.rejected)
        if prediction.unknown:
            self.unknown += 1
            self.failures["unknown", prediction.unknown] += 1
        for each in prediction.rejected:
            self.failures[each.reason, each.error] += 1
        if len(self.failures) > _MOST_FAILURES * 50:
            self.failures = Counter(dict(self.failures.most_common(_MOST_FAILURES * 10)))

    def supersede(self, records: int) -> None:
        """Take note that so many of those that count as stored would be superseded."""
        self.stored -= records
        self.superseded += records

    @property
    def share_passing(self) -> float:
        """Return which share of the letters would pass."""
        return self.passing / self.letters if self.letters else 1.0

    def commonest_failures(self) -> list[tuple[str, str, int]]:
        """Return (reason, error, readings) of the commonest failures."""
        return [(reason, error, count) for (reason, error), count in self.failures.most_common(_MOST_FAILURES)]


@dataclass(frozen=True, slots=True)
class Rehearsals:
    """Predicts. `held` tells stored from superseded; without it whatever passes counts as stored."""

    by_durable: Mapping[str, Rehearsal]
    held: Held | None = None

    async def predict(self, standing: Standing) -> Prediction:
        """Return what would become of a letter.

        Raises:
            Unavailable: the database can't be reached.
        """
        rehearsed = self._rehearse(standing)
        superseded = 0 if rehearsed.unknown else await self._superseded({rehearsed.kind: list(rehearsed.records)})
        return Prediction(rehearsed.passed - superseded, superseded, rehearsed.rejected, rehearsed.unknown)

    async def tally(self, found: AsyncIterator[Standing], tell: Callable[[int], None] = lambda _: None) -> Tally:
        """Return the predictions for many letters, added up; `tell` hears how many were looked at.

        Raises:
            Unavailable: the broker or the database can't be reached.
        """
        tally = Tally()
        records: dict[str, list[Record]] = {}
        async for each in found:
            if each.is_done:
                continue
            rehearsed = self._rehearse(each)
            tally.add(each, Prediction(rehearsed.passed, 0, rehearsed.rejected, rehearsed.unknown))
            records.setdefault(rehearsed.kind, []).extend(rehearsed.records)
            tell(tally.letters)
            if tally.letters % _TOGETHER == 0:
                tally.supersede(await self._superseded(records))
                records = {}
        tally.supersede(await self._superseded(records))
        return tally

    def _rehearse(self, standing: Standing) -> Rehearsed:
        rehearsal = self.by_durable.get(standing.letter.durable)
        if rehearsal is None:
            durable = standing.letter.durable or "a letter of no durable"
            return Rehearsed(unknown=f"there is no rehearsal for {durable}")
        try:
            return rehearsal(as_delivery(standing))
        except Exception as error:  # noqa: BLE001  # a bug of today's code is an answer: it would fail again
            failed = Rejected(0, "max-deliver", type(error).__name__)
            return Rehearsed(rejected=(failed,) * max(1, standing.readings))

    async def _superseded(self, records: Mapping[str, Sequence[Record]]) -> int:
        if self.held is None:
            return 0
        return sum([await self.held.superseded(kind, some) for kind, some in records.items() if some])


def as_delivery(standing: Standing) -> Delivery:
    """Return the first delivery of a letter's replay, as its worker would see it.

    Raises:
        InvalidMessage: its history does not fit its body.
    """
    message = replay_message(standing)
    letter = standing.letter
    return Delivery(
        stream=message.stream,
        sequence=letter.sequence,
        subject=message.subject,
        consumer=letter.durable,
        body=message.body,
        headers={**message.headers, headers.MSG_ID: message.message_id},
        attempt=1,
        stored_at=letter.stored_at,
        token=None,
    )
