"""A part of the game day: faults in a live system, alerts heard behind a real Alertmanager, and their end."""

from collections.abc import Callable
from pathlib import Path

import pytest
from gameday.drills import DRILLS
from gameday.play import play
from gameday.stage import MOST_PACE, stage

# One that begins in the stream and one that begins in a process; `benchmarks/game_day.py` plays all.
PART = ("poison message", "kill normalize")


@pytest.mark.slow
async def test_somebody_is_woken_and_hears_that_it_is_over(tmp_path: Path, require_tool: Callable[[str], str]) -> None:
    """
    A single dead letter, and a killed process: each alert reaches a webhook, and ends when the runbook was followed.
    """
    require_tool("prometheus")
    require_tool("prometheus-alertmanager")
    told: list[str] = []
    async with stage(tmp_path, MOST_PACE) as ground:
        played = [await play(ground, drill, told.append) for drill in DRILLS if drill.name in PART]

    heard = {each.drill.name: set(each.heard_s) for each in played}
    assert heard == {"poison message": {"AaDeadLettersWaiting"}, "kill normalize": {"AaNormalizeDown"}}
