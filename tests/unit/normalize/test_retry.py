"""Retrying through outages."""

import asyncio
from typing import Any

import pytest

from athlete_ally.core.errors import StreamFull, Unavailable
from athlete_ally.core.ports import Log
from athlete_ally.normalize import retry
from athlete_ally.normalize.retry import Stopping, UnboundedRetry


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait milliseconds instead of seconds."""
    monkeypatch.setattr(retry, "_FIRST_DELAY_S", 0.001)
    monkeypatch.setattr(retry, "_LONGEST_DELAY_S", 0.004)


class Flaky:
    """Fails as often as told, then answers."""

    def __init__(self, *errors: Exception) -> None:
        """Raise these first."""
        self._errors = list(errors)
        self.calls = 0

    async def __call__(self) -> str:
        """Fail or answer."""
        self.calls += 1
        if self._errors:
            raise self._errors.pop(0)
        return "done"


def make(log: Log, stop: asyncio.Event | None = None) -> tuple[UnboundedRetry, list[bool]]:
    """Return a retry, and the list in which it records that it holds or no longer does."""
    held: list[bool] = []
    return UnboundedRetry(
        "normalize-hrv-durable", stop=stop or asyncio.Event(), log=log, on_hold=held.append, jitter=lambda: 0.5
    ), held


async def test_it_tries_until_it_succeeds(log: Log) -> None:
    """
    However often the world is unavailable, the result comes in the end; the holding is announced once, and its end.
    """
    flaky = Flaky(*[Unavailable("down")] * 7)
    patient, held = make(log)

    assert (await patient.until_done(flaky), flaky.calls, held) == ("done", 8, [True, False])


async def test_a_full_stream_is_not_waited_for(log: Log) -> None:
    """
    A full stream passes through at once, also in the middle of waiting: the caller gives the message back.
    """
    for flaky in (Flaky(StreamFull("full")), Flaky(Unavailable("down"), StreamFull("full"))):
        patient, held = make(log)
        with pytest.raises(StreamFull):
            await patient.until_done(flaky)
        assert held in ([], [True, False])


async def test_other_errors_are_not_its_business(log: Log) -> None:
    """
    A bug is raised at once: trying again would hide it.
    """
    flaky = Flaky(RuntimeError())
    with pytest.raises(RuntimeError):
        await make(log)[0].until_done(flaky)

    assert flaky.calls == 1


async def test_a_stop_ends_the_waiting(log: Log) -> None:
    """
    When the service stops during an outage, retrying ends with an error of its own.
    """
    stop = asyncio.Event()
    patient, held = make(log, stop)

    async def fail() -> Any:
        stop.set()
        raise Unavailable("down")

    with pytest.raises(Stopping):
        await patient.until_done(fail)
    assert held == [True, False]
