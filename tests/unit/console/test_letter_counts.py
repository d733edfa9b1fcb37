"""Counting letters while somebody waits."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from athlete_ally.console import letter_counts as module
from athlete_ally.console.letter_counts import Counting
from athlete_ally.core.broker.topology import dead_letter_subject
from athlete_ally.core.errors import Unavailable
from athlete_ally.core.messages import headers
from athlete_ally.core.messages.dead_letter import Letter
from athlete_ally.ops.dead_letters.reader import LetterReader

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def letter(sequence: int) -> Letter:
    """Return a letter."""
    said = {headers.DLQ_FINGERPRINT: "0123456789ab", headers.READINGS: "1"}
    return Letter(sequence, dead_letter_subject("hrv", "non-retryable"), said, b"{}", NOW)


class SlowLetters:
    """A stream that hands out one letter, and the other once it may; or breaks instead."""

    def __init__(self) -> None:
        """Hold the second letter back."""
        self.goes_on, self.breaks = asyncio.Event(), False

    async def all(self, **_: object) -> AsyncGenerator[Letter]:
        """Yield the letters."""
        yield letter(1)
        await self.goes_on.wait()
        if self.breaks:
            raise Unavailable("gone")
        yield letter(2)


def counting_of(letters: SlowLetters) -> Counting:
    """Return what counts these."""
    stream: Any = letters
    letter_tools: Any = SimpleNamespace(reader=LetterReader(stream, None, lambda: NOW))
    return Counting(lambda: letter_tools, lambda: NOW)


async def seen(counting: Counting, *, anew: bool) -> tuple[int, bool]:
    """Return how many letters are counted, and whether that is all."""
    count = await counting.look(anew=anew)
    return count.groups.letters, count.is_done


async def test_a_count_is_shown_while_it_goes_on_and_goes_on_only_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Visitors in the meantime see the same count; its end stays for those who follow it, and a new page counts anew.
    """
    monkeypatch.setattr(module, "_SHOW_WITHIN_S", 0.01)
    letters = SlowLetters()
    counting = counting_of(letters)
    assert [await seen(counting, anew=True), await seen(counting, anew=True)] == [(0, False), (0, False)]

    letters.goes_on.set()
    monkeypatch.setattr(module, "_SHOW_WITHIN_S", 60)
    assert await seen(counting, anew=False) == (2, True)
    letters.goes_on.clear()
    assert await seen(counting, anew=False) == (2, True)

    letters.goes_on.set()
    assert await seen(counting, anew=True) == (2, True)


async def test_a_count_that_broke_is_said_and_begun_again() -> None:
    """
    When the broker goes in the middle the page says so, and the next look counts anew.
    """
    letters = SlowLetters()
    counting = counting_of(letters)
    letters.goes_on.set()
    letters.breaks = True
    with pytest.raises(Unavailable, match="gone"):
        await counting.look(anew=True)

    letters.breaks = False
    assert await seen(counting, anew=False) == (2, True)
