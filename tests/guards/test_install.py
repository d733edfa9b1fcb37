"""What the first command fetches is little, and every other command names the groups that it needs."""

import ast
import re
import shlex
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import entry_points, packages_distributions
from pathlib import Path
from typing import Any

import pytest
from packaging.markers import Marker
from packaging.tags import sys_tags
from packaging.utils import parse_wheel_filename

ROOT = Path(__file__).parents[2]
LOCK: dict[str, Any] = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
PACKAGES: dict[str, Any] = {package["name"]: package for package in LOCK["package"]}
OURS = PACKAGES["athlete-ally"]
MOST_BYTES = 60_000_000
WITH_COMMANDS = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/**/*.md", "justfile", ".ci/run", ".github/**/*.yml", "scripts/**/*.py", "bench*/*.py")
    for path in ROOT.glob(pattern)
    if "uv run" in path.read_text(encoding="utf-8")
)
OPTIONS_OF_GROUPS = {"--group": "dev-dependencies", "--extra": "optional-dependencies"}


def closure(dependencies: Iterable[dict[str, Any]]) -> set[str]:
    """Return the names of these packages and of all that they bring on this system."""
    names: set[str] = set()
    waiting = [each for each in dependencies if "marker" not in each or Marker(each["marker"]).evaluate()]
    while waiting:
        wanted = waiting.pop()
        extras = PACKAGES[wanted["name"]].get("optional-dependencies", {})
        brought = [each for extra in wanted.get("extra", ()) for each in extras.get(extra, ())]
        if wanted["name"] not in names:
            brought += PACKAGES[wanted["name"]].get("dependencies", ())
        names.add(wanted["name"])
        waiting += [each for each in brought if "marker" not in each or Marker(each["marker"]).evaluate()]
    return names


def download_bytes(name: str) -> int:
    """Return the size of the wheel for this system, or of the source where there is none."""
    tags = {tag: rank for rank, tag in enumerate(sys_tags())}
    ranked = [
        (min(tags[tag] for tag in fitting), wheel["size"])
        for wheel in PACKAGES[name].get("wheels", ())
        if (fitting := parse_wheel_filename(wheel["url"].rpartition("/")[2])[3] & tags.keys())
    ]
    return min(ranked)[1] if ranked else PACKAGES[name]["sdist"]["size"]


def uv_runs(text: str) -> Iterator[list[str]]:
    """Yield the words behind each `uv run` of a text that runs something."""
    for line in re.findall(r"\buv run ((?:[^`\n\"&|;#]|(?<=\[)`)+)", text):
        words = shlex.split(line.replace("'", ""))
        if words[0].startswith("--") or re.fullmatch(r"[\w./-]+", words[0]):
            yield words


def missing_for(words: list[str]) -> set[str]:
    """Return the packages that a `uv run` needs and doesn't install."""
    installed = closure(OURS["dependencies"]) | {"athlete-ally"}
    rest = list(words)
    while rest[0].startswith("--"):
        option, value = rest.pop(0), rest.pop(0)
        if option == "--with":
            installed.add(value)
        else:
            installed |= closure(OURS[OPTIONS_OF_GROUPS[option]][value])
    return needed_by(rest[0]) - installed


def needed_by(program: str) -> set[str]:
    """Return the packages that a script imports, or the one that a command is from."""
    if (ROOT / program).suffix != ".py":
        return {each.dist.name for each in entry_points(group="console_scripts", name=program) if each.dist}
    if "# /// script" in (ROOT / program).read_text(encoding="utf-8"):
        return set()  # it has an environment of its own
    of_modules = packages_distributions()
    return {
        of_modules[module][0].lower().replace("_", "-") for module in imports(ROOT / program) if module in of_modules
    }


def imports(script: Path) -> set[str]:
    """Return the top-level modules that a script imports, and those that its neighbours import which it imports."""
    seen: set[Path] = set()
    found: set[str] = set()
    waiting = [script]
    while waiting:
        path = waiting.pop()
        seen.add(path)
        for module in imported(path):
            found.add(module.partition(".")[0])
            places = [
                folder / f"{module.replace('.', '/')}.py"
                for folder in (path.parent, ROOT / "tests", ROOT / "monitoring")
            ]
            waiting += [place for place in places if place.exists() and place not in seen]
    return found


def imported(path: Path) -> set[str]:
    """Return the modules that a file imports by statement."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=aliases):
                names.update(alias.name for alias in aliases)
            case ast.ImportFrom(module=str(module)):
                names.add(module)
            case _:
                pass
    return names


def test_the_first_command_fetches_little() -> None:
    """
    `uv run athlete-ally demo` installs no group, and downloads less than 60 MB of packages on this system.
    """
    sizes = {name: download_bytes(name) for name in closure(OURS["dependencies"])}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

    assert project["tool"]["uv"]["default-groups"] == []
    assert sum(sizes.values()) < MOST_BYTES, sorted(sizes.items(), key=lambda each: -each[1])[:5]


@pytest.mark.parametrize("path", WITH_COMMANDS)
def test_every_command_installs_what_it_needs(path: str) -> None:
    """
    Each `uv run` that is written down names the groups from which its program, or what its script imports, comes.
    """
    runs = list(uv_runs((ROOT / path).read_text(encoding="utf-8")))

    assert {" ".join(words): missing for words in runs if (missing := missing_for(words))} == {}


def test_a_missing_group_is_seen() -> None:
    """
    The guard itself sees a command without its group, and a script without what it imports.
    """
    assert {"pytest"} == missing_for(["pytest", "tests/unit"])
    assert set() == missing_for(["--group", "dev", "pytest"])
    assert {"pyyaml"} == missing_for(["scripts/build_reference.py"])
