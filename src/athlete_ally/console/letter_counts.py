"""Count all dead letters by how they failed: one count for all concurrent requests, shown while it runs."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime

from athlete_ally.console.dead_letters import DeadLetterTools, OpenLetterTools
from athlete_ally.ops.dead_letters.grouping import Groups
from athlete_ally.ops.dead_letters.selection import Selection

# Tens of thousands of dead letters are counted by then; with more, the page shows the count so far.
_SHOW_WITHIN_S = 2.0


@dataclass(frozen=True, slots=True)
class Count:
    """The dead letters counted so far."""

    groups: Groups
    is_done: bool


@dataclass(slots=True)
class Counting:
    """Keeps the latest count."""

    letter_tools: OpenLetterTools
    now: Callable[[], datetime]
    _groups: Groups = field(init=False)
    _task: "asyncio.Task[None] | None" = field(default=None, init=False)

    async def look(self, *, anew: bool) -> Count:
        """Return the finished count, or its state after two seconds; `anew` starts another unless one is running.

        Raises:
            Unavailable: the broker or the database can't be reached.
        """
        letter_tools = self.letter_tools()
        if self._task is None or (self._task.done() and (anew or self._task.exception())):
            self._groups = Groups(self.now())
            self._task = asyncio.create_task(_count(letter_tools, self._groups))
        task, groups = self._task, self._groups
        await asyncio.wait({task}, timeout=_SHOW_WITHIN_S)
        if task.done():
            task.result()
        return Count(groups, task.done())


async def _count(letter_tools: DeadLetterTools, groups: Groups) -> None:
    async with aclosing(letter_tools.reader.read(Selection())) as found:
        async for each in found:
            if not each.is_done:
                groups.add(each.letter, each.readings)
