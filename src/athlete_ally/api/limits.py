"""How much one key may ask for, and all of them together. Pure: the clock is passed in."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus

from athlete_ally.api.refusal import Refusal

_WINDOW_S = 60
_MOST_BUDGETS = 10_000
_BUSY_S = 1


@dataclass(slots=True)
class _Budget:
    """A bucket of requests that fills evenly."""

    left: float
    at_s: float


@dataclass(slots=True)
class Limits:
    """Counts requests by the name of the reader: so many a minute, and so many at once of each and of all."""

    per_minute: int
    at_once: int
    at_once_of_one: int
    clock: Callable[[], float]
    _budgets: dict[str, _Budget] = field(default_factory=dict[str, _Budget])
    _in_progress: dict[str, int] = field(default_factory=dict[str, int])

    def spend(self, name: str, per_minute: int | None) -> dict[str, str]:
        """Take one request of a key's budget; return the headers that say what is left.

        https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/

        Raises:
            Refusal: 429, nothing is left.
        """
        quota = per_minute or self.per_minute
        if len(self._budgets) >= _MOST_BUDGETS:
            self._forget_full()
        budget = self._budgets.setdefault(name, _Budget(float(quota), self.clock()))
        now_s = self.clock()
        budget.left = min(float(quota), budget.left + (now_s - budget.at_s) * quota / _WINDOW_S)
        budget.at_s = now_s
        if budget.left < 1:
            wait_s = max(1, round((1 - budget.left) * _WINDOW_S / quota + 0.5))
            detail = f"this key may ask {quota} times a minute: ask again after {wait_s} s, or for more rows at once"
            raise Refusal(HTTPStatus.TOO_MANY_REQUESTS, detail, retry_after_s=wait_s)
        budget.left -= 1
        full_in_s = round((quota - budget.left) * _WINDOW_S / quota)
        return {
            "RateLimit-Policy": f'"key";q={quota};w={_WINDOW_S}',
            "RateLimit": f'"key";r={int(budget.left)};t={full_in_s}',
        }

    def _forget_full(self) -> None:
        """Forget readers that have not asked for so long that all of their budget is back."""
        since_s = self.clock() - _WINDOW_S
        self._budgets = {name: budget for name, budget in self._budgets.items() if budget.at_s > since_s}

    @contextmanager
    def enter(self, name: str) -> Generator[None]:
        """Count one request as in progress.

        Raises:
            Refusal: 429, the key has too many; 503, all together have.
        """
        mine = self._in_progress.get(name, 0)
        if mine >= self.at_once_of_one:
            detail = f"{mine} requests of this key are in progress: wait for one of them to end"
            raise Refusal(HTTPStatus.TOO_MANY_REQUESTS, detail, retry_after_s=_BUSY_S)
        if sum(self._in_progress.values()) >= self.at_once:
            raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "too many requests in progress", retry_after_s=_BUSY_S)
        self._in_progress[name] = mine + 1
        try:
            yield
        finally:
            if mine_now := self._in_progress[name] - 1:
                self._in_progress[name] = mine_now
            else:
                del self._in_progress[name]
