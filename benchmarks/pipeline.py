"""Measure the whole path on one machine: latency from the 202 to the row, readings a second, and memory.

Starts `athlete-ally up` in a throw-away directory and talks to it as clients do. Run it from the project:

    uv run --with psutil benchmarks/pipeline.py

Machines are noisy: quote ratios of one run, or say which machine. Nothing is asserted here.
"""

import argparse
import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import asyncpg
import httpx
import psutil

from athlete_ally.adapters.servers.ports import free_port

START_TIMEOUT_S = 60
SETTLE_TIMEOUT_S = 300


def main() -> None:
    """Run all measurements and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=200, help="single readings a second for the latency (default 200)")
    parser.add_argument("--seconds", type=float, default=15.0, help="how long to send singles (default 15)")
    parser.add_argument("--batches", type=int, default=400, help="batches of 500 for the throughput (default 400)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    figures = asyncio.run(measure(options.rate, options.seconds, options.batches))
    if options.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:<42} {value}")


async def measure(rate: int, seconds: float, batches: int) -> dict[str, Any]:
    """Return all figures."""
    with tempfile.TemporaryDirectory(prefix="athlete-ally-benchmark-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        with Up(Path(folder) / "data") as up:
            await up.wait()
            figures: dict[str, Any] = {f"memory idle {name} (MiB)": size for name, size in up.memory().items()}
            async with httpx.AsyncClient(base_url=up.url, timeout=30, trust_env=False) as client:
                figures |= await latency(client, up, rate, seconds)
                figures |= await throughput(client, up, batches)
            figures |= {f"memory under load {name} (MiB)": size for name, size in up.memory().items()}
            return figures


async def latency(client: httpx.AsyncClient, up: "Up", rate: int, seconds: float) -> dict[str, Any]:
    """Send singles at a steady rate; compare each 202 with the time at which its row was stored."""
    answered: dict[str, datetime] = {}
    request_ms: list[float] = []

    async def send(number: int) -> None:
        started = time.perf_counter()
        response = await client.post("/api/v1/ingest/hrv", json=reading("single", number))
        request_ms.append((time.perf_counter() - started) * 1000)
        response.raise_for_status()
        answered[response.json()["id"]] = datetime.now(UTC)

    await paced(send, rate, seconds)
    await up.settled(len(answered))
    rows = await up.query("SELECT message_id, settled_at FROM receipt")
    row_ms = [
        max(0.0, (row["settled_at"] - answered[row["message_id"]]).total_seconds() * 1000)
        for row in rows
        if row["message_id"] in answered
    ]
    return {
        f"singles at {rate}/s: sent": len(request_ms),
        "request to 202, p50 / p99 (ms)": spread(request_ms),
        "202 to row, p50 / p99 (ms)": spread(row_ms),
    }


async def throughput(client: httpx.AsyncClient, up: "Up", batches: int) -> dict[str, Any]:
    """Send batches of 500 as fast as they are taken; time until accepted, and until stored."""
    bodies = [json.dumps([reading(f"batch-{number}", at) for at in range(500)]).encode() for number in range(batches)]
    queue = iter(bodies)
    before = await up.stored()
    started = time.perf_counter()

    async def sender() -> None:
        for body in queue:
            headers = {"Content-Type": "application/json"}
            (await client.post("/api/v1/ingest/hrv", content=body, headers=headers)).raise_for_status()

    await asyncio.gather(*(sender() for _ in range(8)))
    accepted_s = time.perf_counter() - started
    await up.settled(before + batches * 500)
    stored_s = time.perf_counter() - started
    stored = await up.stored() - before
    return {
        f"{batches} batches of 500: stored": stored,
        "readings accepted a second": round(batches * 500 / accepted_s),
        "readings stored a second, end to end": round(stored / stored_s),
    }


async def paced(send: Any, rate: int, seconds: float) -> None:
    """Start `rate` sends a second for so long, whether the earlier ones are back or not."""
    started = time.perf_counter()
    tasks: list[asyncio.Task[None]] = []
    for number in range(int(rate * seconds)):
        pause_s = started + number / rate - time.perf_counter()
        if pause_s > 0:
            await asyncio.sleep(pause_s)
        tasks.append(asyncio.create_task(send(number)))
    await asyncio.gather(*tasks)


def reading(person: str, number: int) -> dict[str, Any]:
    """Return a plain HRV reading, different for each person and number."""
    day = datetime(2026, 1, 1, 6, tzinfo=UTC) + timedelta(days=number % 300)
    return {
        "userId": f"benchmark-{person}-{number // 300}",
        "date": day.date().isoformat(),
        "rmssd": 20 + number % 80,
        "sdnn": 30 + number % 80,
        "capturedAt": day.isoformat(),
        "source": "benchmark",
        "context": "overnight",
    }


def spread(values_ms: Sequence[float]) -> str:
    """Return median and 99th percentile."""
    cuts = statistics.quantiles(values_ms, n=100)
    return f"{cuts[49]:.1f} / {cuts[98]:.1f}"


class Up:
    """`athlete-ally up` in a folder of its own, on free ports."""

    def __init__(self, folder: Path, more: Mapping[str, str] | None = None) -> None:
        """Start it, with more in its environment."""
        self._folder = folder
        self._ports = [free_port(), free_port()]
        self.url = f"http://127.0.0.1:{self._ports[0]}"
        options = ["--data-dir", str(folder), "--port", str(self._ports[0]), "--normalize-port", str(self._ports[1])]
        ports = {name: str(free_port()) for name in ("AA_API_PORT", "AA_CONSOLE_PORT")}
        environment = {**os.environ, "AA_LOG_LEVEL": "error", **ports, **(more or {})}
        command = [sys.executable, "-m", "athlete_ally", "up", *options]
        self._process = subprocess.Popen(  # noqa: S603  # our own command
            command, env=environment, stdout=subprocess.DEVNULL
        )

    def __enter__(self) -> Self:
        """Use it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it, and wait until everything has ended."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait(60)

    async def wait(self) -> None:
        """Return when both services are ready."""
        deadline_s = time.monotonic() + START_TIMEOUT_S
        async with httpx.AsyncClient(trust_env=False) as client:
            for port in self._ports:
                while time.monotonic() < deadline_s:
                    try:
                        if (await client.get(f"http://127.0.0.1:{port}/health/ready")).is_success:
                            break
                    except httpx.TransportError:
                        pass
                    await asyncio.sleep(0.1)

    async def query(self, statement: str) -> list[Any]:
        """Ask the database."""
        lines = (self._folder / "connections.env").read_text().splitlines()
        url = dict(line.split("=", 1) for line in lines)["DATABASE_URL"]
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetch(statement)
        finally:
            await connection.close()

    async def stored(self) -> int:
        """Return how many readings are stored."""
        return int((await self.query("SELECT coalesce(sum(stored), 0) AS stored FROM receipt"))[0]["stored"])

    async def settled(self, readings: int) -> None:
        """Return when so many readings are stored in all."""
        deadline_s = time.monotonic() + SETTLE_TIMEOUT_S
        while await self.stored() < readings:
            if time.monotonic() > deadline_s:
                raise TimeoutError(f"{await self.stored()} of {readings} readings stored after {SETTLE_TIMEOUT_S} s")
            await asyncio.sleep(0.1)

    def memory(self) -> dict[str, float]:
        """Return the resident memory of each process, in MiB."""
        sizes: dict[str, float] = {}
        for name, child in self._children():
            sizes[name] = round(sizes.get(name, 0) + child.memory_info().rss / 2**20, 1)
        return sizes

    def cpu_s(self) -> dict[str, float]:
        """Return the processor time that each of our services has used, in seconds."""
        return {name: sum(child.cpu_times()[:2]) for name, child in self._children() if name in {"ingest", "normalize"}}

    def _children(self) -> Iterator[tuple[str, psutil.Process]]:
        for child in psutil.Process(self._process.pid).children(recursive=True):
            # PostgreSQL ends a process with each connection.
            with suppress(psutil.NoSuchProcess):
                words = child.cmdline()
                ours = ("ingest", "normalize", "supervisor")
                name = next((each for each in ours if any(each in word for word in words)), None)
                yield name or ("postgres" if "postgres" in child.name() else child.name()), child


if __name__ == "__main__":
    main()
