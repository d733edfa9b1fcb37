"""The reference is what the program is: generated parts are fresh, and every dependency has its line of reason."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def declared() -> dict[str, str]:
    """Return every dependency that pyproject.toml declares, with its group (`run` for those at run time)."""
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras: dict[str, list[Any]] = project["project"].get("optional-dependencies", {})
    groups = {"run": project["project"]["dependencies"], **extras, **project["dependency-groups"]}
    listed = [(group, each) for group, content in groups.items() for each in content if isinstance(each, str)]
    return {re.split(r"[\[<>=!~; ]", each)[0]: group for group, each in listed}


def test_the_generated_parts_are_fresh() -> None:
    """
    Making the tables, asyncapi.yaml and .env.example again would change nothing.
    """
    check = [sys.executable, str(ROOT / "scripts" / "build_reference.py"), "--check"]
    result = subprocess.run(check, cwd=ROOT, capture_output=True, text=True, check=False)

    assert (result.returncode, result.stdout) == (0, "all fresh\n"), result.stderr


def test_every_dependency_has_its_reason() -> None:
    """
    docs/reference/dependencies.md has a row for each dependency, and for nothing else.
    """
    page = (ROOT / "docs" / "reference" / "dependencies.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w.-]+)` \| (.+?) \|", page, re.MULTILINE)

    assert (sorted(declared()), []) == (sorted(name for name, _ in rows), [name for name, why in rows if not why])
