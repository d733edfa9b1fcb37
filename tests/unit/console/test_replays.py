"""Tests and replays that go on without a page."""

import asyncio
from typing import Any

from athlete_ally.console.replays import Running
from athlete_ally.ops.dead_letters.replay import Replay
from athlete_ally.ops.dead_letters.replay_plan import Plan, Terms
from athlete_ally.ops.dead_letters.replay_progress import Progress
from athlete_ally.ops.dead_letters.selection import Selection


def running() -> Running:
    """Return a replay that nothing was done for yet."""
    plan = Plan(Selection(), Terms(), to_sequence=1)
    tools: Any = None
    return Running(plan, Replay(plan, tools, "ada", Progress("run", 1)))


async def test_an_answer_goes_to_the_question_and_a_stop_to_the_replay() -> None:
    """
    While the canary's question stands, an answer settles it; otherwise only a stop means anything.
    """
    each = running()
    each.say(go_on=True)
    assert not each.replay.stop.is_set()

    each.answer = asyncio.get_running_loop().create_future()
    each.say(go_on=True)
    assert await each.answer
    assert not each.replay.stop.is_set()

    each.say(go_on=False)
    assert each.replay.stop.is_set()
