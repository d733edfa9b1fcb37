"""Measure two ways of writing the points of time series: arrays that are unnested, and COPY into a temporary table.

Both merge into the same partitioned table, the newest point of an instant staying. Starts `athlete-ally up` in a
throw-away directory for its PostgreSQL. Run it from the project:

    uv run benchmarks/sample_points.py

Machines are noisy: quote ratios of one run, or say which machine. Nothing is asserted here.
"""

import argparse
import asyncio
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg

START = datetime(2024, 1, 1, tzinfo=UTC)
CAPTURED = datetime(2026, 11, 20, tzinfo=UTC)
START_TIMEOUT_S = 60
RUN_POINTS = 300
UNNEST = (
    Path(__file__).parents[1] / "src" / "athlete_ally" / "adapters" / "postgres" / "sql" / "merge_points.sql"
).read_text(encoding="utf-8")
COLUMNS = "series, at, lasts_s, value, is_plausible, captured_at, stream_sequence, reading_index"
ORDER = ("captured_at", "stream_sequence", "reading_index")
NEW = f"({', '.join(f'held.{name}' for name in ORDER)}) < ({', '.join(f'excluded.{name}' for name in ORDER)})"
CHANGES = ", ".join(f"{name} = excluded.{name}" for name in COLUMNS.split(", ")[2:])
MERGE = f"""
INSERT INTO samples_data AS held ({COLUMNS}) SELECT DISTINCT ON (series, at) {COLUMNS} FROM incoming
ORDER BY series, at, captured_at DESC, stream_sequence DESC, reading_index DESC
ON CONFLICT (series, at) DO UPDATE SET {CHANGES} WHERE {NEW}
"""  # noqa: S608  # constants of this file

Write = Callable[[Any, int, int], Awaitable[None]]


async def by_unnest(connection: Any, batch: int, runs: int) -> None:
    """Write one batch as the store does."""
    numbers = range(runs)
    starts = [_start(batch, number, runs) for number in numbers]
    per_run = [list(numbers), [1] * runs, starts, [CAPTURED] * runs, [batch] * runs, list(numbers)]
    total = runs * RUN_POINTS
    values = [60.0 + point % 50 for point in range(total)]
    per_point: list[list[Any]] = [
        [number for number in numbers for _ in range(RUN_POINTS)],
        [point * 1000 for _ in numbers for point in range(RUN_POINTS)],
        [None] * total,
        values,
        [True] * total,
    ]
    await connection.fetch(UNNEST, *per_run, *per_point)


async def by_copy(connection: Any, batch: int, runs: int) -> None:
    """Write one batch by COPY into a temporary table, then merge."""
    await connection.execute("TRUNCATE incoming")
    second = timedelta(seconds=1)
    rows = (
        (1, _start(batch, number, runs) + point * second, None, 60.0 + point % 50, True, CAPTURED, batch, number)
        for number in range(runs)
        for point in range(RUN_POINTS)
    )
    await connection.copy_records_to_table("incoming", records=rows, columns=COLUMNS.split(", "))
    await connection.execute(MERGE)


def _start(batch: int, number: int, runs: int) -> datetime:
    return START + timedelta(seconds=(batch * runs + number) * RUN_POINTS)


async def measure(url: str, batches: int, points: int) -> None:
    """Print rows a second for each way: all new, then all the same again with a later sequence."""
    connection: Any = await asyncpg.connect(url)
    await connection.execute(f"CREATE TEMP TABLE incoming AS SELECT {COLUMNS} FROM samples_data LIMIT 0")  # noqa: S608  # a constant
    runs = points // RUN_POINTS
    ways: dict[str, Write] = {"unnest": by_unnest, "copy and merge": by_copy}
    for name, write in ways.items():
        await connection.execute("TRUNCATE samples_data")
        for what in ("new", "again"):
            started_s = time.perf_counter()
            for batch in range(batches):
                async with connection.transaction():
                    await write(connection, batch, runs)
            rate = batches * runs * RUN_POINTS / (time.perf_counter() - started_s)
            print(f"{name:<16} {what:<6} {rate:>9,.0f} points/s")
    await connection.close()


def main() -> None:
    """Start a database, measure, stop."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, default=20, help="batches (default 20)")
    parser.add_argument("--points", type=int, default=60_000, help="points in a batch (default 60000)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="athlete-ally-benchmark-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        data = Path(folder) / "data"
        command = [sys.executable, "-m", "athlete_ally", "up", "--data-dir", str(data)]
        command += ["--port", str(_free_port()), "--normalize-port", str(_free_port())]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as up:  # noqa: S603  # our own
            try:
                asyncio.run(measure(_url(data / "connections.env"), options.batches, options.points))
            finally:
                up.send_signal(signal.SIGINT)
                up.wait(START_TIMEOUT_S)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _url(file: Path) -> str:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if file.is_file() and "DATABASE_URL" in file.read_text(encoding="utf-8"):
            lines = file.read_text(encoding="utf-8").splitlines()
            return next(line for line in lines if line.startswith("DATABASE_URL=")).partition("=")[2]
        time.sleep(0.1)
    raise TimeoutError("athlete-ally up did not start")


if __name__ == "__main__":
    main()
