"""The runbooks of the alerts: every command of their first five minutes is run, and says what the page says."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from gameday.stage import stage
from support.alert_runbooks import Patient, agrees, looks


@pytest.mark.slow
async def test_the_first_commands_say_what_the_pages_say(tmp_path: Path, require_tool: Callable[[str], str]) -> None:
    """
    On a system in several kinds of trouble each command exits as its page says, with the output of the page.
    """
    for tool in ("prometheus", "prometheus-alertmanager", "promtool", "amtool", "curl"):
        require_tool(tool)
    answers: dict[str, subprocess.CompletedProcess[str]] = {}
    wrong: list[str] = []
    async with stage(tmp_path, pace=1) as ground:
        patient = Patient(ground)
        await patient.fall_ill()
        for look in looks():
            if not look.is_run:
                continue
            if look.command not in answers:
                answers[look.command] = await patient.answer(look.command)
            done = answers[look.command]
            if done.returncode != look.exit_code or not agrees(look.expected or "", done.stdout):
                wrong.append(f"{look.page}: {look.command}\n(exit {done.returncode})\n{done.stdout}")

    assert wrong == [], "\n".join(wrong)
