"""The runbook of streams: every command in it is run, and says what the page says."""

from functools import cache
from pathlib import Path

import pytest
from support.runbook import ROOT, Stage, agrees, sections, steps
from support.servers import Guard, Nats, new_nats

PAGE = ROOT / "docs" / "runbooks" / "nats-stream-management.md"
SECTIONS = sections(PAGE)


@pytest.fixture(scope="module")
def runbook_server(guard: Guard) -> Nats:
    """Run one server for all sections; each begins without streams."""
    return new_nats(guard, sync="2m")


@pytest.mark.parametrize("heading", SECTIONS)
def test_a_section_does_what_it_says(
    guard: Guard, runbook_server: Nats, database_url: str, tmp_path: Path, heading: str
) -> None:
    """
    On a throw-away server each command exits as the page says, with the output of the page.
    """
    stage = Stage(runbook_server, cache(lambda: new_nats(guard, sync="2m")), tmp_path, database_url)
    for step in steps(SECTIONS[heading]):
        if step.scene is not None:
            stage.set_scene(step.scene)
        said = ""
        for command in step.commands:
            code, text = stage.run(command)
            assert code == step.exit_code, f"{command}\n{text}"
            said += text
        if step.expected is not None:
            assert agrees(step.expected, said), f"{step.commands}\n{said}"


def test_every_command_of_the_page_is_run() -> None:
    """
    Each section has commands; each fence is a block of commands with the output to expect, and is one of ours.
    """
    text = PAGE.read_text(encoding="utf-8")
    found = [step for section in SECTIONS.values() for step in steps(section) if step.commands]

    assert text.count("\n## ") == len(SECTIONS)
    assert text.count("```") == 4 * len(found)
    assert [step.commands for step in found if step.expected is None] == []
