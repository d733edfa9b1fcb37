"""Runbooks as tests: every fenced command of a section is run, in order, and its output compared.

A page says what the scene is in comments (`<!-- scene: ... -->`), which readers don't see.
"""

import asyncio
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nats

from athlete_ally.core.topology import CORE_HOT, normalize_durable, raw_subject
from support.servers import Guard, Nats, new_nats

ROOT = Path(__file__).parents[2]
_STEP = re.compile(
    r"<!-- scene: (?P<scene>[^>]+) -->"
    r"|```sh(?: exit=(?P<exit>\d+))?\n(?P<commands>.*?)```(?:\n+```text\n(?P<expected>.*?)```)?",
    re.DOTALL,
)
# What differs from run to run: instants, ids, sizes, and how many kinds and vendors there are.
_MASKS = (
    (re.compile(r"\d{8}T\d{6}(Z|-[0-9a-f]{6})"), "ID"),
    (re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2})?(\.\d+)?(Z|\+00:00)?"), "TIME"),
    (re.compile(r"\d{4}-\d{2}-\d{2}"), "DAY"),
    (re.compile(r"[\d.,]+ (bytes|kB|KiB|MB|MiB|GiB)"), "SIZE"),
    (re.compile(r"\b\d+ ?s\b"), "SPAN"),
    (re.compile(r"\d+ (changes|durables|safe)"), r"N \1"),
    (re.compile(r" +"), " "),
)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a section does: set a scene, or run commands."""

    scene: str | None
    commands: tuple[str, ...]
    exit_code: int
    expected: str | None


def sections(page: Path) -> dict[str, str]:
    """Return the sections of a page that have commands, by their headings."""
    parts = re.split(r"^## (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {heading: text for heading, text in zip(parts[1::2], parts[2::2], strict=True) if "```sh" in text}


def steps(section: str) -> Iterator[Step]:
    """Yield what a section does, in order."""
    for found in _STEP.finditer(section):
        commands = tuple(line for line in (found["commands"] or "").splitlines() if line)
        yield Step(found["scene"], commands, int(found["exit"] or 0), found["expected"])


def masked(text: str) -> list[str]:
    """Return the lines of an output without what differs from run to run."""
    for pattern, word in _MASKS:
        text = pattern.sub(word, text)
    return [line.rstrip() for line in text.splitlines() if line.strip()]


def agrees(expected: str, found: str) -> bool:
    """Tell whether an output is as expected; a line `...` stands for any number of lines."""
    parts = "\n".join(masked(expected)).split("\n...\n")
    pattern = r"\n(?:.*\n)*?".join(re.escape(part) for part in parts)
    return re.fullmatch(pattern, "\n".join(masked(found))) is not None


class Stage:
    """A throw-away server and folder, in which a section is played."""

    def __init__(self, guard: Guard, folder: Path) -> None:
        """Start a server without streams; the environment's file is that of dev, to be edited."""
        self._guard, self._folder = guard, folder
        self._server: Nats = new_nats(guard, sync="2m")
        text = (ROOT / "deploy" / "environments" / "dev.toml").read_text(encoding="utf-8")
        (folder / "environment.toml").write_text(text, encoding="utf-8")

    def set_scene(self, scene: str) -> None:
        """Do what a comment says."""
        verb, *words = shlex.split(scene)
        scenes: dict[str, Callable[..., None]] = {
            "streams": lambda: self._expect(0, "athlete-ally streams apply --yes"),
            "messages": self._fill_with,
            "edit": self._edit,
            "lost-server": self._replace_server,
            "lost-durable": lambda: asyncio.run(self._delete_durable()),
        }
        scenes[verb](*words)

    def run(self, command: str) -> "subprocess.CompletedProcess[str]":
        """Run one command line; standard error comes with standard output, as on a terminal."""
        words = [path for word in shlex.split(command) for path in self._expanded(word)]
        assert words[0] == "athlete-ally", f"only our own commands are run here: {command}"
        environment = {
            **os.environ,
            "NATS_URL": self._server.url,
            "AA_NATS_MONITOR_URL": self._server.monitor_url,
            "AA_ENVIRONMENT_FILE": str(self._folder / "environment.toml"),
            "AA_STREAMS_JOURNAL": str(self._folder / "journal.jsonl"),
            "COLUMNS": "120",
            "NO_COLOR": "1",
        }
        run: Any = subprocess.run
        return run(
            [sys.executable, "-m", "athlete_ally", *words[1:]],
            env=environment,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=60,
        )

    def _expanded(self, word: str) -> list[str]:
        if "*" not in word:
            return [word]
        return sorted(path.relative_to(self._folder).as_posix() for path in self._folder.glob(word))

    def _expect(self, code: int, command: str) -> None:
        done = self.run(command)
        assert done.returncode == code, done.stdout

    def _edit(self, stream: str, field: str, value: str) -> None:
        """Change one limit of a stream in the environment's file."""
        path = self._folder / "environment.toml"
        head, name, rest = path.read_text(encoding="utf-8").partition(f"[streams.{stream}]\n")
        path.write_text(head + name + re.sub(rf'{field} = ".*?"', f'{field} = "{value}"', rest, count=1), "utf-8")

    def _fill_with(self, count: str, settled: str) -> None:
        asyncio.run(self._fill(int(count), int(settled)))

    def _replace_server(self) -> None:
        self._server = new_nats(self._guard, sync="2m")

    async def _fill(self, count: int, settled: int) -> None:
        client: Any = await nats.connect(self._server.url)  # pyright: ignore[reportUnknownMemberType]  # untyped
        for number in range(count):
            await client.request(raw_subject("hrv"), bytes(1000), timeout=10, headers={"Nats-Msg-Id": str(number)})
        pulls: Any = await client.jetstream().pull_subscribe_bind(normalize_durable("hrv"), CORE_HOT)
        batch: list[Any] = await pulls.fetch(settled, timeout=10)
        for message in batch:
            await message.ack_sync()
        await client.close()

    async def _delete_durable(self) -> None:
        client: Any = await nats.connect(self._server.url)  # pyright: ignore[reportUnknownMemberType]  # untyped
        await client.jetstream().delete_consumer(CORE_HOT, normalize_durable("hrv"))
        await client.close()
