"""The runbook of streams: every command in it is run, and says what the page says."""

from pathlib import Path

import pytest
from support.runbook import ROOT, Stage, agrees, sections, steps
from support.servers import Guard

PAGE = ROOT / "docs" / "runbooks" / "nats-stream-management.md"
SECTIONS = sections(PAGE)


@pytest.mark.parametrize("heading", SECTIONS)
def test_a_section_does_what_it_says(guard: Guard, tmp_path: Path, heading: str) -> None:
    """
    On a throw-away server each command exits as the page says, with the output of the page.
    """
    stage = Stage(guard, tmp_path)
    for step in steps(SECTIONS[heading]):
        if step.scene is not None:
            stage.set_scene(step.scene)
        said = ""
        for command in step.commands:
            done = stage.run(command)
            assert done.returncode == step.exit_code, f"{command}\n{done.stdout}"
            said += done.stdout
        if step.expected is not None:
            assert agrees(step.expected, said), f"{step.commands}\n{said}"


def test_every_command_of_the_page_is_run() -> None:
    """
    Each block of commands belongs to a section, has the output to expect, and is one of ours.
    """
    text = PAGE.read_text(encoding="utf-8")
    found = [step for section in SECTIONS.values() for step in steps(section) if step.commands]

    assert text.count("```sh") == len(found)
    assert [step.commands for step in found if step.expected is None] == []
