"""`--json` prints one document, whatever a command ends with."""

import json
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from athlete_ally.cli.app import cli
from athlete_ally.cli.json_output import json_option
from athlete_ally.core.errors import AthleteAllyError, Misconfigured

# A demo starts servers before it can fail.
COMMANDS = {
    path: command
    for path, command in cli.walk("athlete-ally")
    if any(each.name == "as_json" for each in command.params) and path != "athlete-ally demo"
}
# Settings with which no command comes as far as a server.
UNUSABLE = {"AA_INGEST_PORT": "none", "AA_NORMALIZE_PORT": "none", "AA_ENVIRONMENT": "nowhere"}


def words_of(command: click.Command, folder: Path) -> list[str]:
    """Return a value for everything that a command requires."""
    file = folder / "file.json"
    file.write_text("{}")
    words: list[str] = []
    for each in command.params:
        if each.required:
            value = {"path": str(file), "file": str(file), "integer": "1"}.get(each.type.name, "x")
            value = each.type.choices[0] if isinstance(each.type, click.Choice) else value
            words += [value] if isinstance(each, click.Argument) else [each.opts[0], value]
    return words


def ended(path: str, *words: str) -> tuple[BaseException | None, int, str]:
    """Return how a command with `--json` ends: its error, its exit code and its output."""
    outcome = CliRunner().invoke(cli, [*path.split()[1:], *words, "--json"], env=UNUSABLE)
    return outcome.exception, outcome.exit_code, outcome.stdout


@pytest.mark.parametrize("path", COMMANDS)
def test_an_expected_error_is_a_document(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Each command with `--json` that ends in an error of ours prints it as `{"error": "..."}`; whatever else is printed
    is JSON, too, and no command ends in a traceback.
    """
    monkeypatch.chdir(tmp_path)
    error, code, out = ended(path, *words_of(COMMANDS[path], tmp_path))

    assert error is None or isinstance(error, (AthleteAllyError, SystemExit))
    if isinstance(error, AthleteAllyError):
        assert {"error": str(error)} == json.loads(out)
    elif code != click.UsageError.exit_code:
        assert json.loads(out) is not None


def test_a_command_that_another_one_invokes_prints_one_document() -> None:
    """
    `accounts add --replay` invokes `dlq replay`: its error is printed once.
    """

    @click.command()
    @json_option
    def inner(**_: Any) -> None:
        raise Misconfigured("no")

    @click.command()
    @json_option
    def outer(*, as_json: bool) -> None:
        click.get_current_context().invoke(inner, as_json=as_json)

    outcome = CliRunner().invoke(outer, ["--json"])
    assert (json.loads(outcome.stdout), CliRunner().invoke(outer, []).stdout) == ({"error": "no"}, "")


def test_an_import_of_unreadable_files_is_a_document(tmp_path: Path) -> None:
    """
    Each file has its error, where none of them could be read, too.
    """
    for name in ("a.fit", "b.fit"):
        (tmp_path / name).write_bytes(b"junk")
    words = [str(tmp_path / name) for name in ("a.fit", "b.fit")]
    outcome = CliRunner().invoke(cli, ["import", "fit", *words, "--user", "me", "--dry-run", "--json"])

    assert outcome.exit_code == 1
    assert [(each["file"], "no FIT file" in each["error"]) for each in json.loads(outcome.stdout)["files"]] == [
        ("a.fit", True),
        ("b.fit", True),
    ]
