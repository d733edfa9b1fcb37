"""The command line explains itself: every command says what it does, and whether it changes anything."""

import re
from pathlib import Path

import click
import pytest

from athlete_ally.cli.app import cli

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "commands.md"
# `(changing: a throw-away directory only)` says more, and is a mark too.
MARK = re.compile(r"\((?:read-only|changing)\b")


ALL = dict(cli.walk("athlete-ally"))
DOING = {
    path: command
    for path, command in ALL.items()
    if not isinstance(command, click.Group) or command.invoke_without_command
}


@pytest.mark.parametrize("path", ALL)
def test_every_command_has_a_help_text(path: str) -> None:
    """
    A command, or a group of commands, has a help text that ends like a sentence.
    """
    assert (ALL[path].help or "").strip().endswith((".", ")"))


@pytest.mark.parametrize("path", DOING)
def test_every_command_says_whether_it_changes_anything(path: str) -> None:
    """
    A command that does something is marked as read-only or as changing, and not as both.
    """
    help_text = DOING[path].help or ""

    assert len(MARK.findall(help_text)) == 1


@pytest.mark.parametrize("path", DOING)
def test_every_option_is_explained(path: str) -> None:
    """
    Every option that is shown has a help text.
    """
    options = [each for each in DOING[path].params if isinstance(each, click.Option) and not each.hidden]

    assert [option.name for option in options if not option.help] == []


@pytest.mark.parametrize("path", DOING)
def test_every_command_is_in_the_reference(path: str) -> None:
    """
    The reference of commands has a section for it.
    """
    sections = [line for line in REFERENCE.read_text(encoding="utf-8").splitlines() if line.startswith("### ")]

    assert any(f"{section.strip('# `')} ".startswith(f"{path} ") for section in sections)


@pytest.mark.parametrize("path", ALL)
def test_every_command_has_the_name_that_it_is_listed_under(path: str) -> None:
    """
    The table of a group and the command itself agree.
    """
    assert ALL[path].name == path.rpartition(" ")[2]


@pytest.mark.parametrize("path", DOING)
def test_every_command_is_in_the_module_of_its_name(path: str) -> None:
    """
    A verb is found by its name: `athlete-ally streams verify-backup` in `cli/streams/verify_backup.py`; a group is a
    folder. A name that Python has already ends with an underscore: `import_`, `list_`.
    """
    callback = DOING[path].callback
    module = (callback.__module__ if callback else "").removeprefix("athlete_ally.cli.")
    words = path.removeprefix("athlete-ally ").replace("-", "_").split()

    assert words == [part.rstrip("_") for part in module.split(".")]
