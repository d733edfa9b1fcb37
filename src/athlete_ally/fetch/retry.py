"""Retrying through limits and outages for one command, for a limited time: the command can be run again."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from athlete_ally.core.errors import Later, OverLimit, Unavailable

T = TypeVar("T")

_FIRST_DELAY_S = 0.5
_LONGEST_DELAY_S = 30.0


@dataclass(frozen=True, slots=True)
class BoundedRetry:
    """Tries again until an operation succeeds.

    A rate limit is waited for as long as it takes: the vendor works, and says when it ends. An outage is retried until
    it has lasted `patience_s`. `clock` gives seconds; `tell` hears what is waited for, and how long.
    """

    patience_s: float
    clock: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    tell: Callable[[str, float], None]

    async def until_done(self, operation: Callable[[], Awaitable[T]]) -> T:
        """Return what `operation` returns, however often it had to be tried.

        Raises:
            Unavailable: the outage lasted longer than `patience_s`.
        """
        delay_s, deadline_s = _FIRST_DELAY_S, None
        while True:
            try:
                return await operation()
            except OverLimit as error:
                await self._wait(str(error), error.delay_s)
                # A rate limit is not an outage: it does not count.
                deadline_s = None if deadline_s is None else deadline_s + error.delay_s
            except (Later, Unavailable) as error:
                deadline_s = deadline_s or self.clock() + self.patience_s
                wait_s = max(delay_s, error.delay_s if isinstance(error, Later) else 0)
                if self.clock() + wait_s > deadline_s:
                    raise Unavailable(
                        f"{error}, for longer than {self.patience_s:g} s; run it again: it goes on from here"
                    ) from error
                await self._wait(str(error), wait_s)
                delay_s = min(delay_s * 2, _LONGEST_DELAY_S)

    async def _wait(self, why: str, delay_s: float) -> None:
        self.tell(why, delay_s)
        await self.sleep(delay_s)
