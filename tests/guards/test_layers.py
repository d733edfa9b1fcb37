"""The import contracts: which package may import which."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_import_points_downwards() -> None:
    """
    The import contracts in pyproject.toml hold, and they name every package.
    """
    lint = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as lint; lint()"]
    result = subprocess.run(lint, cwd=ROOT, capture_output=True, text=True, check=False)

    assert (result.returncode, "0 broken" in result.stdout) == (0, True), result.stdout + result.stderr
