"""The marker `slow`: what is left out, what is said of it, and that CI leaves nothing out."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = """
import pytest

@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 2])
def test_long(number):
    assert number

def test_short():
    assert True
"""
LINE = "2 slow tests were left out: run everything with `uv run --group dev pytest --slow`"


@pytest.mark.parametrize("processes", [0, 1])
@pytest.mark.parametrize(
    ("arguments", "passed", "is_said"),
    [
        (["test_it.py"], 1, True),
        (["test_it.py", "--slow"], 3, False),
        (["test_it.py::test_long"], 2, False),
        (["test_it.py::test_long[2]"], 1, False),
        (["test_it.py::test_short"], 1, False),
    ],
)
def test_slow_tests_run_when_asked_for(
    tmp_path: Path, processes: int, arguments: list[str], passed: int, *, is_said: bool
) -> None:
    """
    All of them run with `--slow`, one runs by its id, and otherwise the last line says how many were left out.
    """
    (tmp_path / "test_it.py").write_text(TESTS, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment["PYTHONPATH"] = str(ROOT / "tests")
    command = [sys.executable, "-m", "pytest", "-p", "support.slow", "-n", str(processes), *arguments]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    assert (done.returncode, f" {passed} passed" in done.stdout) == (0, True), done.stdout + done.stderr
    assert (done.stdout.splitlines()[-1] == LINE) is is_said


def test_ci_leaves_nothing_out() -> None:
    """
    `.ci/run` runs the slow tests with the others.
    """
    assert "\nuv run --group dev pytest --slow\n" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
