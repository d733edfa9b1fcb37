"""The circuit breaker: a bad deploy that refuses every message must not empty the stream into AA_DLQ."""

from collections import deque
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class BreakerLimits:
    """When the breaker opens: this many dead-lettered messages in a row, or more than `share` of the last `window`."""

    consecutive: int = 50
    window: int = 1000
    share: float = 0.5


@dataclass(slots=True)
class CircuitBreaker:
    """Counts outcomes of messages; once open it stays open until an operator restarts the worker."""

    limits: BreakerLimits = field(default_factory=BreakerLimits)
    _recent: deque[bool] = field(init=False)
    _recent_dead: int = field(default=0, init=False)
    _in_a_row: int = field(default=0, init=False)
    _is_open: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        """Start closed, with an empty memory."""
        self._recent = deque(maxlen=self.limits.window)

    @property
    def is_open(self) -> bool:
        """Tell whether the limit has been passed since the start."""
        return self._is_open

    def record(self, *, dead: bool) -> None:
        """Count one message: `dead` when any of its readings goes to AA_DLQ."""
        forgotten = len(self._recent) == self.limits.window and self._recent[0]
        self._recent.append(dead)
        self._recent_dead += dead - forgotten
        self._in_a_row = self._in_a_row + 1 if dead else 0
        too_many_in_a_row = self._in_a_row >= self.limits.consecutive
        too_large_a_share = self._recent_dead > self.limits.share * self.limits.window
        self._is_open = self._is_open or too_many_in_a_row or too_large_a_share

    def room_for(self, outcomes: Sequence[bool]) -> int:
        """Return how many of these messages (true: dead) there are up to the one that opens the breaker, included."""
        trial = deepcopy(self)
        for number, dead in enumerate(outcomes):
            if trial.is_open:
                return number
            trial.record(dead=dead)
        return len(outcomes)
