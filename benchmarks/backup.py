"""Measure backup, proof and restore of a stream: time and peak memory of each command, and whether anything was lost.

Starts two nats-servers in a throw-away directory, fills the stream of the first, settles a part of it, backs it up,
proves the backup, kills the server, deletes its disk, and restores into the second, which is empty. Run it from the
project, on Linux or macOS:

    uv run benchmarks/backup.py --messages 1000000

Machines are noisy: say which machine. It ends with an error when count, checksum or progress differ afterwards.
"""

import argparse
import asyncio
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nats

from athlete_ally.adapters.servers.nats_server import find_nats_server
from athlete_ally.adapters.servers.ports import free_port

STREAM, SUBJECT, DURABLE = "AA_CORE_HOT", "athlete-ally.hrv.raw-received", "normalize-hrv-durable"
BODY = b'{"readings":[{"userId":"u%07d","date":"2026-11-20","rmssd":%.2f,"capturedAt":"2026-11-20T06:30:00+01:00"}]}'
IN_FLIGHT = 500
_MIB = 1024 * 1024
# Filling is not what is measured: the first server flushes now and then.
_CONFIGURATION = """
listen: "127.0.0.1:{port}"
jetstream {{ store_dir: "{folder}", sync_interval: {sync}, max_file_store: 8GB }}
"""


def main() -> None:
    """Run everything and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=1_000_000, help="messages in the stream (default 1000000)")
    parser.add_argument("--sync", default="2m", help="sync_interval of the server that is restored into (default 2m)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="athlete-ally-benchmark-", ignore_cleanup_errors=True) as folder:
        figures = measure(Path(folder), options.messages, options.sync)
    if options.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:<30} {value}")


def measure(folder: Path, messages: int, sync: str) -> dict[str, Any]:
    """Return all figures."""
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    figures: dict[str, Any] = {"machine": machine, "sync_interval of the restore": sync}
    old = Server(folder / "old", sync="2m")
    timed(old, folder, "apply", "--yes")
    started = time.monotonic()
    asyncio.run(fill(old.url, messages))
    figures["filling (s)"] = round(time.monotonic() - started, 1)
    backup = timed(old, folder, "backup", STREAM, "--out", str(folder / "backups"), "--json")
    (made,) = json.loads(backup.output)["backups"]
    proof = timed(old, folder, "verify-backup", made["folder"], "--json")
    old.wipe()
    new = Server(folder / "new", sync=sync)
    restored = timed(new, folder, "restore", made["folder"], "--yes", "--json")
    again = timed(new, folder, "backup", STREAM, "--out", str(folder / "again"), "--json")
    new.wipe()
    (there,) = json.loads(again.output)["backups"]
    for what in ("messages", "first_sequence", "last_sequence", "durables", "fingerprint"):
        if made[what] != there[what]:
            sys.exit(f"{what}: {made[what]} before, {there[what]} after")
    figures |= {"messages": made["messages"], "settled": made["durables"][DURABLE], "same afterwards": True}
    figures["backup (MiB)"] = round(made["bytes"] / _MIB, 1)
    for name, done in (("backup", backup), ("verify-backup", proof), ("restore", restored)):
        figures |= {f"{name} (s)": done.seconds, f"{name} peak memory (MiB)": done.memory_mib}
    return figures


async def fill(url: str, messages: int) -> None:
    """Fill the stream, and settle two fifths of it in order."""
    client: Any = await nats.connect(url)  # pyright: ignore[reportUnknownMemberType]  # untyped
    for start in range(0, messages, IN_FLIGHT):
        bodies = [BODY % (n % 10_000_000, 20 + n % 80) for n in range(start, min(start + IN_FLIGHT, messages))]
        await asyncio.gather(*(client.request(SUBJECT, body, timeout=60) for body in bodies))
    pulls: Any = await client.jetstream().pull_subscribe_bind(DURABLE, STREAM)
    left = messages * 2 // 5
    while left:
        batch = await pulls.fetch(min(IN_FLIGHT, left), timeout=60)
        for message in batch:
            await message.ack()
        left -= len(batch)
    await client.flush()
    await client.close()


class Server:
    """A nats-server with a disk of its own."""

    def __init__(self, folder: Path, *, sync: str) -> None:
        """Start it, and return when it answers."""
        folder.mkdir()
        port = free_port()
        self.url = f"nats://127.0.0.1:{port}"
        self._folder = folder
        configuration = folder / "nats.conf"
        store = (folder / "jetstream").as_posix()
        configuration.write_text(_CONFIGURATION.format(port=port, folder=store, sync=sync), encoding="utf-8")
        self._process = subprocess.Popen(  # noqa: S603  # our own server
            [find_nats_server(), "-c", str(configuration)], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        asyncio.run(self._answers())

    async def _answers(self) -> None:
        async def quiet(_: Exception) -> None: ...

        client: Any = await nats.connect(  # pyright: ignore[reportUnknownMemberType]  # untyped
            self.url, error_cb=quiet, reconnect_time_wait=0, max_reconnect_attempts=1000
        )
        await client.close()

    def wipe(self) -> None:
        """Kill it and delete its disk."""
        self._process.kill()
        self._process.wait()
        shutil.rmtree(self._folder)


@dataclass(frozen=True)
class Timed:
    """A command that was run."""

    output: str
    seconds: float
    memory_mib: float


def timed(server: Server, folder: Path, *arguments: str) -> Timed:
    """Run a command on streams; its peak memory is that of its own process."""
    environment = {**os.environ, "NATS_URL": server.url, "AA_STREAMS_JOURNAL": str(folder / "journal.jsonl")}
    started = time.monotonic()
    with (folder / "output").open("w+", encoding="utf-8") as output:
        process = subprocess.Popen(  # noqa: S603  # our own command
            [sys.executable, "-m", "athlete_ally", "streams", *arguments], env=environment, stdout=output
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - started
        if process.returncode != 0:
            sys.exit(f"streams {' '.join(arguments)} exited with {process.returncode}")
        output.seek(0)
        per_mib = _MIB if sys.platform == "darwin" else 1024
        return Timed(output.read(), round(seconds, 1), round(used.ru_maxrss / per_mib, 1))


if __name__ == "__main__":
    main()
