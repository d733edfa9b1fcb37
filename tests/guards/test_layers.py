"""The import contracts: which package may import which."""

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"


def test_every_import_points_downwards() -> None:
    """
    The import contracts in pyproject.toml hold, and they name every package.
    """
    lint = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as lint; lint()"]
    result = subprocess.run(lint, cwd=ROOT, capture_output=True, text=True, check=False)

    assert (result.returncode, "0 broken" in result.stdout) == (0, True), result.stdout + result.stderr


def test_every_package_with_packages_in_it_has_layers() -> None:
    """
    What holds packages is divided into layers by an exhaustive contract: a new module has to be put into one of them.
    """
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts: list[dict[str, Any]] = project["tool"]["importlinter"]["contracts"]
    layered = {name for each in contracts if each.get("exhaustive") for name in each["containers"]}
    inner = [path.parent for path in SOURCE.rglob("__init__.py") if path.parent.parent != SOURCE]

    assert layered == {".".join(path.parent.relative_to(SOURCE).parts) for path in inner}
