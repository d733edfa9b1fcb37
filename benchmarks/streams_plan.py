"""How long a plan takes on a stream of many messages: `uv run benchmarks/streams_plan.py --messages 1000000`."""

import argparse
import asyncio
import secrets
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from athlete_ally.adapters.logs import build_log
from athlete_ally.adapters.nats.broker import NatsBroker
from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.adapters.servers.nats_server import nats_command
from athlete_ally.adapters.servers.ports import free_port
from athlete_ally.core.broker.topology import DEV
from athlete_ally.ops.streams.difference import Wanted
from athlete_ally.ops.streams.planner import make_plan

_BATCH = 5000
_TOKEN = secrets.token_hex(8)
_BASE: dict[str, Any] = {
    "name": "BENCH",
    "subjects": ["bench.>"],
    "storage": "file",
    "retention": "limits",
    "discard": "old",
    "max_age": 48 * 3600 * 10**9,
    "max_bytes": 2**33,
    "max_msgs": -1,
    "duplicate_window": 10**9,
}


async def main(messages: int) -> None:
    """Fill a stream, and plan three ways of shrinking it."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        port = free_port()
        command = nats_command(Path(folder), port=port, monitor_port=free_port(), token=_TOKEN, max_file_store="16GB")
        server = await asyncio.create_subprocess_exec(
            *command.argv, env=dict(command.environment), stderr=asyncio.subprocess.DEVNULL
        )
        try:
            await measure(f"nats://{_TOKEN}@127.0.0.1:{port}", messages)
        finally:
            server.terminate()
            await server.wait()


async def measure(url: str, messages: int) -> None:
    """Print how long each plan takes."""
    connection = Connection(url, name="bench", log=build_log("bench", level="error", form="json"))
    await connection.open()
    await connection.api("STREAM.CREATE.BENCH", _BASE)
    for start in range(0, messages, _BATCH):
        for number in range(start, min(start + _BATCH, messages)):
            await connection.client.publish(f"bench.{number % 12}", b"x" * (200 + number % 100))
        # One acknowledged message in each batch keeps us from outrunning the server.
        await connection.client.request("bench.0", b"x", timeout=60)
    state = (await connection.api("STREAM.INFO.BENCH"))["state"]
    print(f"{state['messages']:,} messages, {state['bytes'] / 2**20:,.0f} MiB")
    half_age = max(2, int((datetime.now(UTC) - datetime.fromisoformat(state["first_ts"])).total_seconds() / 2))
    await plan_in_time(connection, "max_age", {**_BASE, "max_age": half_age * 10**9})
    await plan_in_time(connection, "max_msgs", {**_BASE, "max_msgs": messages // 2})
    await plan_in_time(connection, "max_bytes", {**_BASE, "max_bytes": state["bytes"] // 2})
    await connection.close()


async def plan_in_time(connection: Connection, name: str, config: dict[str, Any]) -> None:
    """Plan one change, and print what it found and how long it took."""
    wanted: Sequence[Wanted] = (Wanted("stream", "BENCH", "BENCH", config),)
    started_s = time.perf_counter()
    plan = await make_plan(NatsBroker(connection, timeout_s=60), DEV, wanted, datetime.now(UTC))
    took_ms = (time.perf_counter() - started_s) * 1000
    print(f"{name}: {took_ms:,.0f} ms, {plan.changes[0].reason}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=100_000)
    asyncio.run(main(parser.parse_args().messages))
