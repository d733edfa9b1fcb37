"""Looking at sources, each for itself."""

import asyncio
from collections.abc import Iterator
from itertools import count

import pytest

from athlete_ally.console import poller as module
from athlete_ally.console.figures import Figures, Point
from athlete_ally.console.poller import Polled, Poller
from athlete_ally.core.errors import Unavailable

FIGURES = Figures([Point("x", {}, 1.0)])


def clock() -> Iterator[int]:
    """Return a clock that goes on with each look."""
    return count()


async def test_the_first_figures_are_waited_for_and_a_source_that_hangs_is_not() -> None:
    """
    A visitor before the first poll gets its figures, within the time given.
    """
    begins = asyncio.Event()

    async def look() -> Polled:
        await begins.wait()
        return Polled(FIGURES)

    poller, stop = Poller({"it": look}, lambda: 0.0), asyncio.Event()
    running = asyncio.create_task(poller.run(stop))
    await poller.looked(0.01)
    assert poller.source("it").latest is None

    begins.set()
    await poller.looked(60)
    assert poller.source("it").figures.total("x") == 1.0
    stop.set()
    await running


async def test_what_was_read_stays_while_a_source_is_away() -> None:
    """
    A source that can't be asked says why, and its last figures are still there; when it is back, rates begin anew.
    """
    answers: list[Polled | Exception] = [Polled(FIGURES), Unavailable("gone"), Polled(FIGURES)]

    async def look() -> Polled:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    ticks = clock()
    poller = Poller({"it": look}, lambda: float(next(ticks)))
    await poller.look("it")
    await poller.look("it")
    away = poller.source("it")
    assert (away.problem, away.figures.total("x"), away.current.total("x")) == ("gone", 1.0, None)
    assert (away.age_s(10.0), Poller({"it": look}, lambda: 0.0).source("it").age_s(10.0)) == (10.0, None)

    await poller.look("it")
    back = poller.source("it")
    assert (back.problem, len(back.before)) == ("", 0)


async def test_a_source_that_hangs_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A look that never ends, not even when cancelled, is said to be without an answer; it is not asked twice meanwhile.
    """
    monkeypatch.setattr(module, "_ANSWER_WITHIN_S", 0.01)
    release, asked = asyncio.Event(), 0

    async def look() -> Polled:
        nonlocal asked
        asked += 1
        await release.wait()
        return Polled(FIGURES)

    ticks = clock()
    poller = Poller({"it": look}, lambda: float(next(ticks)))
    await poller.look("it")
    await poller.look("it")
    assert (poller.source("it").problem, asked) == ("no answer within 0.01 s", 1)

    release.set()
    await poller.look("it")
    assert poller.source("it").problem == ""
