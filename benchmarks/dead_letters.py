"""Measure dead letters on one machine: read a hundred thousand of them, and fix five thousand readings.

    uv run benchmarks/dead_letters.py

`many`: letters are written into AA_DLQ; then `dlq top`, `list --reason`, `stats`, `test` and `export` run as processes
of their own, each with its time, the time that it kept a core busy, and its peak memory. `scenario`: readings with a
field that today's code rejects become dead letters; tomorrow's code predicts, replays them at 500 a second with a
canary, is killed half-way, and is resumed; the end state is checked. Machines are noisy: say which one, and compare
what kept a core busy. Linux only, for the peak memory of a running program.
"""

import argparse
import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from athlete_ally.adapters.logs import build_log
from athlete_ally.adapters.nats.admin import NatsAdmin
from athlete_ally.adapters.servers.ports import free_port
from athlete_ally.config.settings import load_settings
from athlete_ally.core.broker.topology import CORE_HOT, DLQ, normalize_durable, raw_subject
from athlete_ally.wiring.local.stack import Stack, start_stack

TOMORROW = Path(__file__).parents[1] / "tests" / "system" / "programs" / "tomorrow.py"
DURABLE = normalize_durable("hrv")
AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that ended: seconds, those of its own work, peak memory in MiB, exit code, and what it printed."""

    seconds: float
    cpu_s: float
    peak_mib: float
    code: int
    out: str

    def __str__(self) -> str:
        return f"{self.seconds:6.1f} s  {self.cpu_s:6.1f} s of a core  {self.peak_mib:5.0f} MiB peak"


def _peak_mib(pid: int) -> float:
    """Return the peak memory of a running program so far; 0 once it has ended.

    Not `ru_maxrss`: that of a child begins with what its parent had when it was started, here the letters it wrote.
    """
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(encoding="utf-8"))
    return int(found[1]) / 1024 if found else 0.0


class Bench:
    """A stack, and commands on it."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        """Use this stack; files go into the folder."""
        self.stack, self.folder = stack, folder

    def environment(self) -> dict[str, str]:
        """Return what a command needs to find the servers."""
        settings = self.stack.settings
        found = {
            "NATS_URL": settings.nats_url.get_secret_value(),
            "DATABASE_URL": settings.database_url.get_secret_value(),
            "PYTHONPATH": str(TOMORROW.parents[1]),
            "AA_LOG_LEVEL": "error",
        }
        return {**os.environ, **found}

    def run(self, *arguments: str, program: Sequence[str] = ("-m", "athlete_ally")) -> Ran:
        """Run a command to its end."""
        out = self.folder / "out"
        started_s = time.perf_counter()
        with out.open("wb") as file:
            argv = [sys.executable, *program, *arguments]
            process = subprocess.Popen(argv, env=self.environment(), stdout=file)  # noqa: S603  # our own
            peak_mib = 0.0
            while True:
                peak_mib = max(peak_mib, _peak_mib(process.pid))
                ended, status, usage = os.wait4(process.pid, os.WNOHANG)
                if ended:
                    break
                time.sleep(0.02)
        seconds = time.perf_counter() - started_s
        cpu_s = usage.ru_utime + usage.ru_stime
        return Ran(seconds, cpu_s, peak_mib, os.waitstatus_to_exitcode(status), out.read_text("utf-8"))

    def tomorrow(self, *arguments: str, dies: str = "never") -> Ran:
        """Run a command of tomorrow's code."""
        return self.run(*arguments, program=(str(TOMORROW), dies))

    async def publish(self, subject: str, bodies: Sequence[bytes], headers: dict[str, str]) -> None:
        """Publish messages, acknowledged, many at a time."""
        client: Any = self.stack.connection.client
        for first in range(0, len(bodies), AT_ONCE):
            some = bodies[first : first + AT_ONCE]
            stated = [{**headers, "Nats-Msg-Id": f"{subject}-{first + number}"} for number in range(len(some))]
            await asyncio.gather(
                *(
                    client.request(subject, body, timeout=30, headers=each)
                    for body, each in zip(some, stated, strict=True)
                )
            )

    async def settled(self) -> None:
        """Return when the durable has nothing left to do."""
        waiting = 1
        while waiting:
            await asyncio.sleep(0.05)
            live = await NatsAdmin(self.stack.connection).durable(CORE_HOT, DURABLE)
            assert live is not None
            waiting = live.pending + live.ack_pending

    async def letters(self) -> int:
        """Return how many letters there are."""
        stream = await NatsAdmin(self.stack.connection).stream(DLQ)
        assert stream is not None
        return stream.messages


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--letters", type=int, default=100_000, help="letters to look at (default 100000; 0 leaves it)")
    parser.add_argument(
        "--readings", type=int, default=5000, help="readings of the scenario (default 5000; 0 skips it)"
    )
    options = parser.parse_args()
    if options.readings:
        asyncio.run(with_stack(scenario, options.readings))
    if options.letters:
        asyncio.run(with_stack(many, options.letters))


async def with_stack(measure: Any, count: int) -> None:
    """Start everything in a throw-away directory, and measure."""
    settings = load_settings().model_copy(update={"ingest_port": free_port(), "normalize_port": free_port()})
    log = build_log("benchmark", level="error", form="auto")
    stack = await start_stack(settings, None, log, services_log_to_files=True)
    try:
        with tempfile.TemporaryDirectory() as folder:
            await measure(Bench(stack, Path(folder)), count)
    finally:
        await stack.close()


async def many(bench: Bench, count: int) -> None:
    """Look at many letters."""
    started_s = time.perf_counter()
    reasons = ("schema-invalid", "non-retryable", "max-deliver")
    for number, reason in enumerate(reasons):
        share = range(number, count, len(reasons))
        bodies = [json.dumps({"readings": [reading(each) for each in range(1 + at % 3)]}).encode() for at in share]
        await bench.publish(f"dlq.normalize.hrv.raw-received.{reason}", bodies, letter_headers(reason))
    print(f"{await bench.letters()} letters written in {time.perf_counter() - started_s:.0f} s")
    for words in (
        ("top", "--json"),
        ("list", "--reason", "schema-invalid", "--json"),
        ("list", "--reason", "schema-invalid"),
        ("stats", "--json"),
        ("test", "--all", "--json"),
        ("export", "--out", str(bench.folder / "letters.ndjson")),
    ):
        ran = await asyncio.to_thread(bench.run, "dlq", *words)
        print(f"dlq {' '.join(words[:3]):<36} {ran}")
    size = (bench.folder / "letters.ndjson").stat().st_size / 2**20
    print(f"the export has {size:.0f} MiB")


async def scenario(bench: Bench, count: int) -> None:
    """Let readings be dead-lettered because of a field, and fix them."""
    bodies = [json.dumps({"readings": [{**reading(number), "mood": 3}]}).encode() for number in range(count)]
    started_s = time.perf_counter()
    await bench.publish(raw_subject("hrv"), bodies, {"AA-Readings": "1"})
    await bench.settled()
    print(f"{await bench.letters()} letters from {count} readings in {time.perf_counter() - started_s:.0f} s")
    os.kill(bench.stack.pids["normalize"], signal.SIGKILL)
    top = await asyncio.to_thread(bench.run, "dlq", "top", "--json")
    (group,) = json.loads(top.out)["groups"]
    print(f"top: 1 group of {group['letters']}: {group['error'][:40]}  {top}")
    environment = {**bench.environment(), "AA_NORMALIZE_PORT": str(free_port())}
    argv = [sys.executable, str(TOMORROW), "never", "normalize"]
    worker = subprocess.Popen(argv, env=environment, stderr=subprocess.DEVNULL)  # noqa: ASYNC220, S603  # our own
    try:
        await fix(bench, count, group["fingerprint"])
        print(await ledger(environment["AA_NORMALIZE_PORT"]))
    finally:
        worker.kill()
        with suppress(ChildProcessError):
            worker.wait()


async def ledger(port: str) -> str:
    """Return what the worker says is unaccounted for, once it has looked."""
    async with httpx.AsyncClient(trust_env=False) as client:
        while True:
            text = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
            lines = [line for line in text.splitlines() if line.startswith("ledger_hrv_unaccounted_messages ")]
            if lines and lines[0].endswith(" 0.0"):
                return lines[0]
            await asyncio.sleep(0.5)


async def fix(bench: Bench, count: int, fingerprint: str) -> None:
    """Predict, replay, die half-way, resume, and look at what is left."""
    test = await asyncio.to_thread(bench.tomorrow, "dlq", "test", "--group", fingerprint, "--json")
    print(f"test: {json.loads(test.out)['share_passing']:.0%} would pass  {test}")
    words = ("dlq", "replay", "--group", fingerprint, "--rate", "500", "--canary", "20", "--yes")
    killed = await asyncio.to_thread(lambda: bench.tomorrow(*words, dies=f"after-publish-{count // 2}"))
    left = await bench.letters()
    print(f"replay at 500/s, killed at publish {count // 2}: {left} letters left  {killed}")
    entries = json.loads((await asyncio.to_thread(bench.run, "dlq", "journal", "--limit", "1", "--json")).out)
    run = entries["entries"][0]["run"]
    resumed = await asyncio.to_thread(bench.tomorrow, "dlq", "replay", "--resume", run, "--yes")
    print(f"resumed: exit code {resumed.code}  {resumed}")
    pool = bench.stack.pool
    rows = await pool.fetchrow("SELECT count(*), count(DISTINCT user_id) FROM hrv_data")
    settled = await pool.fetchrow(
        "SELECT count(*), count(DISTINCT letter) FROM dead_letter_journal WHERE step = 'settled' AND run = $1", run
    )
    totals = await pool.fetchrow(
        "SELECT sum(stored) AS stored, sum(readings) FILTER (WHERE replay_of IS NULL) AS readings FROM receipt"
    )
    print(f"records {list(rows or ())}, letters {await bench.letters()}, journal {list(settled or ())}, ", end="")
    print(f"totals {dict(totals or {})}")


def letter_headers(reason: str) -> dict[str, str]:
    """Return the headers of a letter."""
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    return {
        "AA-DLQ-Reason": reason,
        "AA-DLQ-Error": "rmssd: not in (0, 300] ms",
        "AA-DLQ-Fingerprint": f"{len(reason):012x}",
        "AA-DLQ-Attempts": "1",
        "AA-DLQ-At": at,
        "AA-DLQ-Worker-Version": "0.1.0",
        "AA-Original-Subject": raw_subject("hrv"),
        "AA-Original-Stream": CORE_HOT,
        "AA-Original-Sequence": "1",
        "AA-Original-Time": at,
        "AA-Original-Msg-Id": "0123456789abcdef0123456789abcdef",
        "AA-Original-Consumer": DURABLE,
        "AA-Readings": "1",
        "ce-id": "0123456789abcdef0123456789abcdef",
        "ce-time": at,
        "ce-type": raw_subject("hrv"),
    }


def reading(number: int) -> dict[str, Any]:
    """Return a reading of a person of its own."""
    return {
        "userId": f"benchmark-{number}",
        "date": "2026-11-20",
        "rmssd": 42 + number % 20,
        "capturedAt": "2026-11-20T06:41:00+01:00",
        "source": "benchmark",
        "context": "overnight",
    }


if __name__ == "__main__":
    main()
