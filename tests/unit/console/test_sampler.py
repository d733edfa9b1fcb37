"""Looking at sources, each for itself."""

import asyncio
from collections.abc import Iterator
from itertools import count

import pytest

from athlete_ally.console import poller as module
from athlete_ally.console.figures import Figures, Point
from athlete_ally.console.poller import Looked, Sampler
from athlete_ally.core.errors import Unavailable

FIGURES = Figures([Point("x", {}, 1.0)])


def clock() -> Iterator[int]:
    """Return a clock that goes on with each look."""
    return count()


async def test_the_first_figures_are_waited_for_and_a_source_that_hangs_is_not() -> None:
    """
    Whoever comes before the first look gets its figures, within the time that they give it.
    """
    begins = asyncio.Event()

    async def look() -> Looked:
        await begins.wait()
        return Looked(FIGURES)

    sampler, stop = Sampler({"it": look}, lambda: 0.0), asyncio.Event()
    running = asyncio.create_task(sampler.run(stop))
    await sampler.looked(0.01)
    assert sampler.source("it").latest is None

    begins.set()
    await sampler.looked(60)
    assert sampler.source("it").figures.total("x") == 1.0
    stop.set()
    await running


async def test_what_was_read_stays_while_a_source_is_away() -> None:
    """
    A source that can't be asked says why, and its last figures are still there; when it is back, rates begin anew.
    """
    answers: list[Looked | Exception] = [Looked(FIGURES), Unavailable("gone"), Looked(FIGURES)]

    async def look() -> Looked:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    ticks = clock()
    sampler = Sampler({"it": look}, lambda: float(next(ticks)))
    await sampler.look("it")
    await sampler.look("it")
    away = sampler.source("it")
    assert (away.trouble, away.figures.total("x"), away.current.total("x")) == ("gone", 1.0, None)

    await sampler.look("it")
    back = sampler.source("it")
    assert (back.trouble, len(back.before)) == ("", 0)


async def test_a_source_that_hangs_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A look that never ends, not even when cancelled, is said to be without an answer; it is not asked twice meanwhile.
    """
    monkeypatch.setattr(module, "_ANSWER_WITHIN_S", 0.01)
    release, asked = asyncio.Event(), 0

    async def look() -> Looked:
        nonlocal asked
        asked += 1
        await release.wait()
        return Looked(FIGURES)

    ticks = clock()
    sampler = Sampler({"it": look}, lambda: float(next(ticks)))
    await sampler.look("it")
    await sampler.look("it")
    assert (sampler.source("it").trouble, asked) == ("no answer within 0.01 s", 1)

    release.set()
    await sampler.look("it")
    assert sampler.source("it").trouble == ""
