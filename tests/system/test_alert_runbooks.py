"""The runbooks of the alerts: every command of their first five minutes is run, and says what the page says."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from gameday.stage import stage
from support.alert_runbooks import BrokenSystem, agrees, commands


@pytest.mark.slow
async def test_the_first_commands_say_what_the_pages_say(tmp_path: Path, require_tool: Callable[[str], str]) -> None:
    """
    On a system with several outages each command exits as its page says, with the output of the page.
    """
    for tool in ("prometheus", "prometheus-alertmanager", "promtool", "amtool", "curl"):
        require_tool(tool)
    answers: dict[str, subprocess.CompletedProcess[str]] = {}
    wrong: list[str] = []
    async with stage(tmp_path, pace=1) as ground:
        system = BrokenSystem(ground)
        await system.break_down()
        for command in commands():
            if not command.is_run:
                continue
            if command.command not in answers:
                answers[command.command] = await system.answer(command.command)
            done = answers[command.command]
            if done.returncode != command.exit_code or not agrees(command.expected or "", done.stdout):
                wrong.append(f"{command.page}: {command.command}\n(exit {done.returncode})\n{done.stdout}")

    assert wrong == [], "\n".join(wrong)
