"""The circuit breaker of a worker: a bad deploy must not empty the stream into AA_DLQ, and one sender stops nobody.

It trips when readings of most senders fail, of two at least: what a bad deploy does and a bad device does not. One
sender is enough only if its readings were of use until this process started, and none is since. It tries again by
itself with a few messages, and runs on once one of them is of use. Pure.
"""

from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal, get_args

State = Literal["running", "tripped", "probing"]
STATES: Final[tuple[State, ...]] = get_args(State)

PROBE_MESSAGES: Final = 20
"""How many messages the first probe takes at most: enough to meet a second sender, few enough to look at."""

# Behind ten thousand messages of one sender another one is heard after nine probes, half an hour.
_MORE_EACH_PROBE = 2

# Of no sender more than four fifths of the limit counts, so that one alone never reaches it.
_MOST_OF_ONE = 0.8
# Devices that synchronise do so at least hourly: who was silent for longer says nothing of the code that runs now.
_HEARD_WITHIN = timedelta(hours=1)
_MOST_SENDERS = 1000
_LONGEST_WAIT = 10
_FEWEST_FAILING = 2


@dataclass(frozen=True, slots=True)
class BreakerLimits:
    """When it trips: at `consecutive` failed readings, if more than `share` of the senders fail.

    A sender fails if its latest message failed as a whole, or if more than `share` of its latest `window` readings did.
    `probe_after_s`: seconds until the first probe; each one that fails doubles the wait, up to ten times as long.
    """

    consecutive: int = 50
    window: int = 1000
    share: float = 0.5
    probe_after_s: float = 30.0

    @property
    def most_of_one(self) -> int:
        """Return how many failed readings of one sender count at most."""
        return max(1, int(_MOST_OF_ONE * self.consecutive))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one message: how many of its readings were of use, and how many are dead-lettered."""

    sender: str
    used: int
    failed: int


@dataclass(frozen=True, slots=True)
class Trip:
    """Why and since when nothing is stored: failed readings by sender, most first, and when the next probe is due."""

    at: datetime
    failed: tuple[tuple[str, int], ...]
    wait_s: float
    probe_at: datetime


@dataclass(frozen=True, slots=True)
class _Tally:
    """The latest readings of one sender; `in_a_row` counts those that failed since one was of use."""

    used: float
    failed: float
    in_a_row: int
    heard_at: datetime

    def plus(self, outcome: Outcome, window: int, at: datetime) -> "_Tally":
        used, failed = self.used + outcome.used, self.failed + outcome.failed
        fit = min(1.0, window / (used + failed))
        in_a_row = 0 if outcome.used else self.in_a_row + outcome.failed
        return _Tally(used * fit, failed * fit, in_a_row, at)

    def failing(self, share: float) -> int:
        """Return how many readings failed of a sender that fails; 0 of one that does not."""
        by_share = round(self.failed) if self.failed > share * (self.used + self.failed) else 0
        return max(self.in_a_row, by_share)


@dataclass(slots=True)
class CircuitBreaker:
    """Counts readings by sender. What is recorded while it is tripped changes nothing.

    `proven`: the senders most of whose readings were of use before this process started.
    """

    limits: BreakerLimits = field(default_factory=BreakerLimits)
    proven: frozenset[str] = frozenset()
    state: State = field(default="running", init=False)
    trip: Trip | None = field(default=None, init=False)
    _senders: dict[str, _Tally] = field(default_factory=dict[str, _Tally], init=False)
    _probe_limit: int = field(default=PROBE_MESSAGES, init=False)
    _probed: int = field(default=0, init=False)
    _has_used: bool = field(default=False, init=False)
    _closed_at: datetime | None = field(default=None, init=False)

    def wait_s(self, at: datetime) -> float:
        """Return how many seconds there are until a message may be pulled; 0 unless it is tripped."""
        if self.state != "tripped" or self.trip is None:
            return 0.0
        return max(0.0, (self.trip.probe_at - at).total_seconds())

    def pull_limit(self, batch: int, at: datetime) -> int:
        """Return how many messages may be pulled now, `batch` at most; a probe that is due begins."""
        if self.state == "tripped" and not self.wait_s(at):
            self.state, self._probed = "probing", 0
            self._senders.clear()
        return {"running": batch, "tripped": 0, "probing": min(batch, self._probe_limit)}[self.state]

    def record(self, outcome: Outcome, at: datetime) -> None:
        """Count one message."""
        if self.state == "tripped" or not outcome.used + outcome.failed:
            return
        self._count(outcome, at)
        self._has_used = self._has_used or bool(outcome.used)
        if self.state == "probing":
            self._probe(outcome, at)
        elif outcome.failed and self._fails(at_least=max(_FEWEST_FAILING, self.limits.consecutive)):
            self._open(at)

    def room_for(self, outcomes: Sequence[Outcome], at: datetime) -> int:
        """Return how many of these messages come up to the one that trips it, that one included."""
        if self.state != "tripped" and not any(outcome.failed for outcome in outcomes):
            return len(outcomes)
        trial = copy(self)
        trial._senders = dict(self._senders)  # noqa: SLF001  # a copy of its own kind
        for number, outcome in enumerate(outcomes):
            if trial.state == "tripped":
                return number
            trial.record(outcome, at)
        return len(outcomes)

    def _count(self, outcome: Outcome, at: datetime) -> None:
        """Add a message to its sender's tally; the sender heard last stands last."""
        known = self._senders.pop(outcome.sender, _Tally(0, 0, 0, at))
        self._senders[outcome.sender] = known.plus(outcome, self.limits.window, at)
        oldest = next(iter(self._senders))
        while len(self._senders) > _MOST_SENDERS or self._senders[oldest].heard_at < at - _HEARD_WITHIN:
            del self._senders[oldest]
            oldest = next(iter(self._senders))

    def _fails(self, *, at_least: int) -> bool:
        """Tell whether the readings fail as those of a bad deploy do, with `at_least` that count."""
        failing = self._failing()
        counted = sum(min(failed, self.limits.most_of_one) for failed in failing.values())
        is_spread = len(failing) >= _FEWEST_FAILING and len(failing) > self.limits.share * len(self._senders)
        return (is_spread and counted >= at_least) or (self._is_lone and sum(failing.values()) >= at_least)

    @property
    def _is_lone(self) -> bool:
        """Tell whether nobody else was heard, and readings that were of use before this process started are no more."""
        return (
            self.limits.share < 1
            and not self._has_used
            and len(self._senders) == 1
            and self._senders.keys() <= self.proven
        )

    def _failing(self) -> dict[str, int]:
        failing = {sender: tally.failing(self.limits.share) for sender, tally in self._senders.items()}
        return {sender: failed for sender, failed in failing.items() if failed}

    def _probe(self, outcome: Outcome, at: datetime) -> None:
        """Decide after each message of a probe: it fails, it is over, or one message more is needed.

        One sender fails it only with all its messages: another one may wait behind them.
        """
        self._probed += 1
        is_over = self._probed >= self._probe_limit
        if (is_over or not self._is_lone) and self._fails(at_least=_FEWEST_FAILING):
            self._open(at)
        elif outcome.used > outcome.failed or is_over:
            self.state, self._closed_at = "running", at

    def _open(self, at: datetime) -> None:
        first_s = self.limits.probe_after_s
        longest_s = _LONGEST_WAIT * first_s
        has_run_s = (at - self._closed_at).total_seconds() if self._closed_at else longest_s
        wait_s = first_s
        if self.trip is not None and (self.state == "probing" or has_run_s < longest_s):
            wait_s = min(2 * self.trip.wait_s, longest_s)
        goes_on = self.trip if self.state == "probing" else None
        self._probe_limit = _MORE_EACH_PROBE * self._probe_limit if goes_on and self._is_lone else PROBE_MESSAGES
        since, failed = (goes_on.at, goes_on.failed) if goes_on else (at, _most_first(self._failing().items()))
        self.trip = Trip(since, failed, wait_s, at + timedelta(seconds=wait_s))
        self.state = "tripped"


def _most_first(failed: Iterable[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(failed, key=lambda each: (-each[1], each[0])))
