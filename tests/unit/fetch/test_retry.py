"""Retrying for a command, for a limited time."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from athlete_ally.core.errors import Later, OverLimit, StreamFull, Unavailable
from athlete_ally.fetch.retry import BoundedRetry


@dataclass
class Clock:
    """Time that passes by sleeping only."""

    now_s: float = 0.0
    waits: list[float] = field(default_factory=list[float])

    async def sleep(self, delay_s: float) -> None:
        """Let it pass."""
        self.waits.append(delay_s)
        self.now_s += delay_s


def raising(*errors: Exception) -> Callable[[], Awaitable[str]]:
    """Return an operation that fails like this, and then succeeds."""
    left = list(errors)

    async def operation() -> str:
        if left:
            raise left.pop(0)
        return "done"

    return operation


def enduring(clock: Clock, patience_s: float) -> BoundedRetry:
    """Return one on this clock."""
    return BoundedRetry(patience_s, lambda: clock.now_s, clock.sleep, lambda _why, _delay_s: None)


async def test_a_limit_is_not_a_problem() -> None:
    """
    However often and long the vendor says to wait, it is done in the end, even with `patience_s` of 0.
    """
    clock = Clock()

    assert await enduring(clock, 0).until_done(raising(*[OverLimit("spent", 3600)] * 30)) == "done"
    assert clock.waits == [3600] * 30


@pytest.mark.parametrize("error", [Later("away", 0), Unavailable("no broker"), StreamFull("full")])
async def test_retries_end_after_the_time_limit(error: Exception) -> None:
    """
    It is tried again, later each time, until it has lasted too long; the error names what was wrong.
    """
    clock = Clock()
    with pytest.raises(Unavailable, match=f"{error}, for longer than 60 s"):
        await enduring(clock, 60).until_done(raising(*[error] * 99))

    assert clock.waits == [0.5, 1, 2, 4, 8, 16]


async def test_what_a_limit_deleted_is_not_counted_as_abandoned() -> None:
    """
    A vendor that was away, then busy for an hour, then away again has not been away for an hour.
    """
    clock = Clock()
    errors = (
        Later("away", 20),
        OverLimit("spent", 3600),
        Later("away", 20),
        OverLimit("spent", 3600),
        Later("away", 10),
    )

    assert await enduring(clock, 60).until_done(raising(*errors)) == "done"
