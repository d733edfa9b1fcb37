"""Measure an import of an Apple Health export: time and peak memory of the importer, and how long until all is stored.

Starts `athlete-ally up` in a throw-away directory. Make the export first. Peak memory is asked of the kernel (Linux).

    uv run benchmarks/apple_health_export.py --records 5000000 export.zip
    uv run benchmarks/apple_health_import.py export.zip

Machines are noisy: say which machine. Nothing is asserted here.
"""

import argparse
import asyncio
import json
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import asyncpg

START_TIMEOUT_S = 60
SETTLE_TIMEOUT_S = 1800
ROWS = "SELECT count(*) FROM samples_data"
SETTLED = "SELECT coalesce(sum(readings), 0) FROM receipt"
SIZE = "SELECT pg_database_size(current_database())"


def main() -> None:
    """Import, wait until all is stored, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("export", type=Path, help="the zip to import")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="athlete-ally-benchmark-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        data = Path(folder) / "data"
        port = _free_port()
        command = [sys.executable, "-m", "athlete_ally", "up", "--data-dir", str(data), "--port", str(port)]
        command += ["--normalize-port", str(_free_port())]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as up:  # noqa: S603  # our own
            try:
                url = _url(data / "connections.env", port)
                figures = measure(options.export, port, Path(folder) / "state", url)
            finally:
                up.send_signal(signal.SIGINT)
                up.wait(START_TIMEOUT_S)
    for name, value in figures.items():
        print(f"{name:<40} {value}")


def measure(export: Path, port: int, state: Path, url: str) -> dict[str, Any]:
    """Return the figures."""
    command = [sys.executable, "-m", "athlete_ally", "import", "apple-health", str(export), "--user", "me", "--json"]
    started_s = time.monotonic()
    result = subprocess.run(  # noqa: S603  # our own
        [*command, "--url", f"http://127.0.0.1:{port}", "--state-dir", str(state)], check=True, capture_output=True
    )
    imported_s = time.monotonic() - started_s
    peak_mib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    document: dict[str, Any] = json.loads(result.stdout)["files"][0]
    readings = sum(kind["readings"] for kind in document["kinds"].values())
    entries = sum(kind["entries"] for kind in document["kinds"].values()) + sum(document["skipped"].values())
    rows, size = asyncio.run(settled(url, readings))
    stored_s = time.monotonic() - started_s
    return {
        "entries of the export": f"{entries:,}",
        "size of the zip (MiB)": round(export.stat().st_size / 2**20),
        "readings sent": f"{readings:,}",
        "import (s)": round(imported_s, 1),
        "entries a second": f"{entries / imported_s:,.0f}",
        "peak memory of the importer (MiB)": round(peak_mib),
        "until all is stored (s)": round(stored_s, 1),
        "points stored": f"{rows:,}",
        "size of the database (MiB)": round(size / 2**20),
    }


async def settled(url: str, readings: int) -> tuple[int, int]:
    """Return rows and size of the database, once all readings are dealt with."""
    connection: Any = await asyncpg.connect(url)
    async with asyncio.timeout(SETTLE_TIMEOUT_S):
        while await connection.fetchval(SETTLED) < readings:  # noqa: ASYNC110  # it is the database that is asked
            await asyncio.sleep(0.5)
    return int(await connection.fetchval(ROWS)), int(await connection.fetchval(SIZE))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _url(file: Path, port: int) -> str:
    """Return the address of the database, once ingest takes readings."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if file.is_file() and probe.connect_ex(("127.0.0.1", port)) == 0:
                lines = file.read_text(encoding="utf-8").splitlines()
                return next(line for line in lines if line.startswith("DATABASE_URL=")).partition("=")[2]
        time.sleep(0.1)
    raise TimeoutError("athlete-ally up did not start")


if __name__ == "__main__":
    main()
