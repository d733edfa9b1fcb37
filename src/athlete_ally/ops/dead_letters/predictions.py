"""The predicted outcome of replaying dead letters now; nothing is changed.

A dry run applies today's code to dead letters; there is one for each durable of ours. A new durable needs its dry run
in `wiring.commands.dlq_dry_runs`; all commands that predict use it.
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

from athlete_ally.core.dry_run import DryRun, DryRunResult
from athlete_ally.core.errors import InvalidMessage
from athlete_ally.core.messages import headers
from athlete_ally.core.messages.message import Delivery
from athlete_ally.core.readings.record import Record
from athlete_ally.core.receipts import Rejected
from athlete_ally.ops.dead_letters.letter_state import LetterState, replay_message

# A person reads the commonest failures; the count says how many there are.
_MOST_FAILURES = 20
# The database is asked about so many letters at once: a question each takes longer than all the rest.
_TOGETHER = 200
_Key = TypeVar("_Key")


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
    """What would become of one letter. See `DryRunResult` for `duplicate`, `ignored` and `unknown`."""

    stored: int = 0
    superseded: int = 0
    duplicate: int = 0
    ignored: int = 0
    rejected: tuple[Rejected, ...] = ()
    unknown: str = ""

    @property
    def passes(self) -> bool:
        """Tell whether nothing of it would fail again, as far as that can be told."""
        return not self.rejected and not self.unknown


@dataclass(slots=True)
class Tally:
    """Predictions, added up: letters that would pass, fail, or of which it can't be told; readings by outcome; why."""

    letters: int = 0
    passing: int = 0
    readings: int = 0
    stored: int = 0
    superseded: int = 0
    duplicate: int = 0
    ignored: int = 0
    failing: int = 0
    unknown: int = 0
    failures: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    unknowns: Counter[str] = field(default_factory=Counter[str])

    def add(self, letter_state: LetterState, prediction: Prediction) -> None:
        """Count one letter."""
        self.letters += 1
        self.passing += prediction.passes
        self.readings += letter_state.readings
        self.stored += prediction.stored
        self.superseded += prediction.superseded
        self.duplicate += prediction.duplicate
        self.ignored += prediction.ignored
        self.failing += len(prediction.rejected)
        if prediction.unknown:
            self.unknown += 1
            self.unknowns[prediction.unknown] += 1
        for each in prediction.rejected:
            self.failures[each.reason, each.error] += 1
        self.failures = _bounded(self.failures)
        self.unknowns = _bounded(self.unknowns)

    def supersede(self, records: int) -> None:
        """Take note that so many of those that count as stored would be superseded."""
        self.stored -= records
        self.superseded += records

    @property
    def letters_failing(self) -> int:
        """Return how many letters would certainly fail again."""
        return self.letters - self.passing - self.unknown

    @property
    def share_passing(self) -> float:
        """Return which share of the letters would pass."""
        return self.passing / self.letters if self.letters else 1.0

    def commonest_failures(self) -> list[tuple[str, str, int]]:
        """Return (reason, error, readings) of the commonest failures."""
        return [(reason, error, count) for (reason, error), count in self.failures.most_common(_MOST_FAILURES)]

    def commonest_unknowns(self) -> list[tuple[str, int]]:
        """Return (why, letters) of the commonest reasons for which it can't be told."""
        return self.unknowns.most_common(_MOST_FAILURES)


@dataclass(frozen=True, slots=True)
class Predictor:
    """Predicts. `held` tells stored from superseded; without it whatever passes counts as stored."""

    by_durable: Mapping[str, DryRun]
    held: Held | None = None

    async def predict(self, letter_state: LetterState) -> Prediction:
        """Return the predicted outcome of a dead letter.

        Raises:
            Unavailable: the database can't be reached.
        """
        (results,) = await self._dry_run([letter_state])
        superseded = await self._superseded(results.records)
        prediction = _prediction(results)
        return replace(prediction, stored=prediction.stored - superseded, superseded=superseded)

    async def tally(self, found: AsyncIterator[LetterState], tell: Callable[[int], None] = lambda _: None) -> Tally:
        """Return the predictions for many letters, added up; `tell` hears how many were looked at.

        Raises:
            Unavailable: the broker or the database can't be reached.
        """
        tally = Tally()
        waiting: list[LetterState] = []
        async for each in found:
            if not each.is_done:
                waiting.append(each)
            if len(waiting) == _TOGETHER:
                await self._add(tally, waiting)
                tell(tally.letters)
                waiting = []
        await self._add(tally, waiting)
        tell(tally.letters)
        return tally

    async def _add(self, tally: Tally, letters: Sequence[LetterState]) -> None:
        records: dict[str, list[Record]] = {}
        for each, results in zip(letters, await self._dry_run(letters), strict=True):
            tally.add(each, _prediction(results))
            for kind, some in results.records.items():
                records.setdefault(kind, []).extend(some)
        tally.supersede(await self._superseded(records))

    async def _dry_run(self, letters: Sequence[LetterState]) -> list[DryRunResult]:
        """Return the prediction for each, in order; those of one durable share a dry run."""
        outcomes: dict[int, DryRunResult] = {}
        lanes: dict[str, dict[int, Delivery]] = {}
        for place, each in enumerate(letters):
            durable = each.letter.durable
            delivery = _delivery(each) if durable in self.by_durable else DryRunResult(unknown=_no_dry_run(durable))
            if isinstance(delivery, DryRunResult):
                outcomes[place] = delivery
            else:
                lanes.setdefault(durable, {})[place] = delivery
        for durable, some in lanes.items():
            results = await self.by_durable[durable](list(some.values()))
            outcomes |= dict(zip(some, results, strict=True))
        return [outcomes[place] for place in range(len(letters))]

    async def _superseded(self, records: Mapping[str, Sequence[Record]]) -> int:
        if self.held is None:
            return 0
        return sum([await self.held.superseded(kind, some) for kind, some in records.items() if some])


def _bounded(counter: Counter[_Key]) -> Counter[_Key]:
    if len(counter) <= _MOST_FAILURES * 50:
        return counter
    return Counter(dict(counter.most_common(_MOST_FAILURES * 10)))


def _prediction(results: DryRunResult) -> Prediction:
    return Prediction(
        stored=results.passed,
        duplicate=results.duplicate,
        ignored=results.ignored,
        rejected=results.rejected,
        unknown=results.unknown,
    )


def _no_dry_run(durable: str) -> str:
    return f"{durable} is no durable of ours" if durable else "it does not say which durable failed"


def _delivery(letter_state: LetterState) -> Delivery | DryRunResult:
    try:
        return as_delivery(letter_state)
    except InvalidMessage as error:
        return DryRunResult(rejected=(Rejected(0, "schema-invalid", str(error)),))


def as_delivery(letter_state: LetterState) -> Delivery:
    """Return the first delivery of a letter's replay, as its worker would see it.

    Raises:
        InvalidMessage: its history does not fit its body.
    """
    message = replay_message(letter_state)
    letter = letter_state.letter
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
