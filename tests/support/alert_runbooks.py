"""The first five minutes of the alerts' runbooks: their commands, and a system with several outages to run them on."""

import asyncio
import os
import re
import shlex
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from gameday.stage import Stage

from athlete_ally.core.broker.topology import ADVISORY, CORE_HOT, build_topology, normalize_durable
from athlete_ally.measurements import KINDS
from support.runbook import ROOT
from support.wait import eventually

FOLDER = ROOT / "docs" / "runbooks" / "alerts"
IMPOSSIBLE_MS = 900.0
# What has to be seen before the commands are run: each of them has something to show then.
SYMPTOMS = (
    "aa:dead_letters:messages > 0",
    "aa:dead_letters_arrived:increase10m > 0",
    "aa:consumer_missing:bool == 1",
    "aa:stream_missing:bool == 1",
    "aa:ingest_refusals:increase5m > 0",
    "aa:consumer_paused:bool == 1",
    "aa:config_differences:fields > 0",
    "aa:consumer_lag:messages > 2",
    "aa:readings_late:ratio1h",
    "aa:webhooks_unverified:increase30m > 0",
    "aa:vendor_paused:bool",
    "aa:ingest_errors:ratio1h",
)
_FENCE = re.compile(
    r"```sh(?: exit=(?P<exit>\d+))?\n(?P<command>[^\n]+)\n```(?:\n\n```text\n(?P<expected>.*?)```)?", re.DOTALL
)
# What differs from run to run and from machine to machine: instants, ids, counts and sizes.
_MASKS = (
    (re.compile(r"\x1b\[[0-9;]*m"), ""),
    (re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2})?(\.\d+)?(Z|\+00:00| UTC)?"), "TIME"),
    (re.compile(r"\b(?=\d*[a-f])[0-9a-f]{8,}\b"), "ID"),
    (re.compile(r"[▁▂▃▄▅▆▇█]+"), "BARS"),
    (re.compile(r"127\.0\.0\.1:\d+"), "ADDRESS"),
    (re.compile(r"-?\d+([.,]\d+)*(e[+-]?\d+)?"), "N"),
    (re.compile(r"[─━]+"), "-"),
    (re.compile(r"\s+"), " "),
)


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a page, its exit code and its output on the broken system."""

    page: str
    command: str
    exit_code: int
    expected: str | None

    @property
    def is_run(self) -> bool:
        """Tell whether it can be run here: Docker can't."""
        return not self.command.startswith("docker ")


def commands() -> Iterator[Command]:
    """Yield every command of the first five minutes, page by page."""
    for page in sorted(FOLDER.glob("*.md")):
        first = page.read_text(encoding="utf-8").partition("\n## First five minutes\n")[2].partition("\n## ")[0]
        for found in _FENCE.finditer(first):
            yield Command(page.stem, found["command"], int(found["exit"] or 0), found["expected"])


def masked(text: str) -> list[str]:
    """Return the lines of an output without what differs from run to run."""
    for pattern, word in _MASKS[:-1]:
        text = pattern.sub(word, text)
    return [_MASKS[-1][0].sub(" ", line).strip() for line in text.splitlines() if line.strip()]


def agrees(expected: str, found: str) -> bool:
    """Tell whether an output is as expected; a line `...` stands for any number of lines."""
    said, rest = masked(expected), iter(masked(found))
    loose = False
    for line in said:
        if line == "...":
            loose = True
        elif loose:
            if line not in rest:
                return False
            loose = False
        elif next(rest, None) != line:
            return False
    return loose or next(rest, None) is None


class BrokenSystem:
    """A system with several outages at once, so that every command has something to show."""

    def __init__(self, stage: Stage) -> None:
        """Take a system that is well."""
        self._stage = stage

    async def break_down(self) -> None:
        """Get a letter, a refusal, a pause, a change by hand, a stream and a durable missing; return once it shows."""
        stage = self._stage
        # An increase counts from the first scrape on.
        await self._finds("sum(up) == 3", "aa:watch_success:bool == 1", "sum(normalize_hrv_readings_fresh_total) == 0")
        await stage.send(5)
        await stage.send(1, IMPOSSIBLE_MS)
        await stage.forge(3)
        await eventually(stage.site.is_settled, within_s=60)
        room = build_topology(KINDS, ()).stream(CORE_HOT).config()["max_bytes"]
        await stage.change_stream(CORE_HOT, {"max_bytes": await stage.bytes_in(CORE_HOT)})
        assert await stage.send(1) == [503]
        await stage.change_stream(CORE_HOT, {"max_bytes": room})
        until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        await stage.durable("PAUSE", normalize_durable("hrv"), {"pause_until": until})
        await stage.send(3)
        await stage.durable("DELETE", normalize_durable("body"))
        await stage.site.connection.api(f"STREAM.DELETE.{ADVISORY}")
        await stage.change_stream(CORE_HOT, {"duplicate_window": 60 * 10**9})
        await self._finds(*SYMPTOMS)

    async def _finds(self, *queries: str) -> None:
        missing = list(queries)

        async def none_is_missing() -> bool:
            missing[:] = [query for query in missing if not await self._stage.prometheus.query(query)]
            return not missing

        try:
            await eventually(none_is_missing, within_s=60)
        except AssertionError as error:
            raise AssertionError(f"nothing found: {missing}") from error

    async def answer(self, command: str) -> "subprocess.CompletedProcess[str]":
        """Run a command of a page; the addresses in it become those of this system."""
        stage = self._stage
        for port, url in (
            (9090, stage.prometheus.url),
            (9093, stage.alertmanager.url),
            (4101, stage.ingest.url),
            (4102, stage.normalize.url),
        ):
            command = command.replace(f"http://127.0.0.1:{port}", url)
        words = shlex.split(command.removeprefix("uv run "))
        if words[0] == "athlete-ally":
            words = [sys.executable, "-m", "athlete_ally", *words[1:]]
        scripts = sysconfig.get_path("scripts")
        environment = {**os.environ, **stage.command.environment, "COLUMNS": "150", "NO_COLOR": "1", "NO_PROXY": "*"}
        environment["PATH"] = os.pathsep.join((scripts, os.environ.get("PATH", os.defpath)))
        run: Any = subprocess.run
        return await asyncio.to_thread(
            run, words, env=environment, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, check=False, timeout=60,
        )  # fmt: skip
