"""A copy of the project in which a change is tried."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FOLDERS = ("deploy", "docs", "monitoring", "scripts", "src", "tests")
_FILES = (".env.example", "pyproject.toml")


@dataclass(slots=True)
class ProjectCopy:
    """A copy, and what was changed in it: `written` by hand; `built` by scripts, each with its script."""

    folder: Path
    written: set[str] = field(default_factory=set[str])
    built: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])

    @classmethod
    def into(cls, folder: Path) -> "ProjectCopy":
        """Copy everything that generators and guards read."""
        for name in _FOLDERS:
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "images"))
        for name in _FILES:
            shutil.copy(ROOT / name, folder / name)
        return cls(folder)

    def write(self, name: str, text: str) -> None:
        """Write a file by hand."""
        (self.folder / name).write_text(text, encoding="utf-8")
        self.written.add(name)

    def edit(self, name: str, before: str, after: str) -> None:
        """Replace the first occurrence of a text that is there."""
        text = (self.folder / name).read_text(encoding="utf-8")
        assert before in text, (name, before)
        self.write(name, text.replace(before, after, 1))

    def register(self, name: str, code: str) -> None:
        """Add a plug-in to a registry: the import in the first line of `code`, and its entry, which ends the rest."""
        imported, _, rest = code.strip().partition("\n")
        found = re.search(r"\.\.\., (.+)[)}]", rest)
        assert found, code
        self.edit(name, "from athlete_ally.", f"{imported}\nfrom athlete_ally.")
        text = (self.folder / name).read_text(encoding="utf-8")
        self.write(name, re.sub(r"(\] = [({])", rf"\1{found[1]}, ", text, count=1))

    def build(self) -> None:
        """Make all generated files again."""
        for script in ("build_reference.py", "build_monitoring.py"):
            before = self._texts()
            done = self.run(f"scripts/{script}")
            assert done.returncode == 0, done.stderr
            changed = {name for name, text in self._texts().items() if before.get(name) != text}
            self.built |= {(name, f"scripts/{script}") for name in changed}

    def failures(self, *arguments: str) -> set[str]:
        """Run tests of the copy; return the names of those that fail."""
        done = self.run("-m", "pytest", "-n", "0", "-q", "-p", "no:cacheprovider", *arguments)
        assert done.returncode in {0, 1}, done.stdout + done.stderr
        return set(re.findall(r"^FAILED (\S+)", done.stdout, re.MULTILINE))

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Python on the copy's own code."""
        paths = {"PYTHONPATH": str(self.folder / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env={**os.environ, **paths},
            capture_output=True,
            text=True,
            check=False,
        )

    def _texts(self) -> dict[str, bytes]:
        places = (*_FILES, *(path for name in ("deploy", "docs", "monitoring") for path in self._files(name)))
        return {name: (self.folder / name).read_bytes() for name in places}

    def _files(self, folder: str) -> list[str]:
        found = (path for path in (self.folder / folder).rglob("*") if path.is_file())
        return [path.relative_to(self.folder).as_posix() for path in found]
