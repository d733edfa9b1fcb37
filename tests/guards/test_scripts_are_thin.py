"""Scripts are entry points: what they do lives in the package, where it is typed, tested and documented."""

import ast
from fnmatch import fnmatch
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
PATHS = sorted(path.relative_to(SCRIPTS).as_posix() for path in SCRIPTS.rglob("*.py"))
LONGEST = 60
MAY_BE_LONGER = {
    "smoke_*.py": "black box: must not use the package, so there is nothing to front",
    "build_*.py": "makes data that is committed: runs once in a while, on a developer's machine",
}


def imported_roots(source: str) -> set[str]:
    """Return the top-level names of everything that a script imports, by statement or by call."""
    roots: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                roots.update(alias.name.partition(".")[0] for alias in names)
            case ast.ImportFrom(module=str(module)):
                roots.add(module.partition(".")[0])
            case ast.Call(
                func=ast.Name(id="__import__" | "import_module") | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str(module)), *_],
            ):
                roots.add(module.partition(".")[0])
            case _:
                pass
    return roots


@pytest.mark.parametrize("path", [path for path in PATHS if fnmatch(path, "smoke_*.py")])
def test_smoke_scripts_see_what_a_user_sees(path: str) -> None:
    """
    A smoke script imports nothing of the package that it examines.
    """
    assert "athlete_ally" not in imported_roots((SCRIPTS / path).read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", PATHS)
def test_scripts_are_thin(path: str) -> None:
    """
    A script has at most 60 lines, unless it is listed above with a reason.
    """
    exempt = any(fnmatch(path, pattern) for pattern in MAY_BE_LONGER)
    lines = len((SCRIPTS / path).read_text(encoding="utf-8").splitlines())

    assert exempt or lines <= LONGEST, f"scripts/{path} has {lines} lines: move what it does into the package"


@pytest.mark.parametrize("pattern", MAY_BE_LONGER)
def test_every_exemption_is_needed(pattern: str) -> None:
    """
    Each exemption still has a script that it exempts.
    """
    assert any(fnmatch(path, pattern) for path in PATHS)


@pytest.mark.parametrize(
    "source",
    [
        "import athlete_ally",
        "import athlete_ally.core.broker.topology as topology",
        "from athlete_ally import core",
        "def later():\n    from athlete_ally.config import Settings",
        "import importlib\nimportlib.import_module('athlete_ally.core')",
        "__import__('athlete_ally')",
    ],
)
def test_an_import_of_the_package_is_seen(source: str) -> None:
    """
    The guard itself sees every way of importing the package.
    """
    assert "athlete_ally" in imported_roots(source)


def test_a_mention_of_the_package_is_no_import() -> None:
    """
    A script may name the package in words, and import one with a similar name.
    """
    assert "athlete_ally" not in imported_roots('"""Never imports athlete_ally."""\nimport athlete_ally_client')
