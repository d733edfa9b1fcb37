"""Measure what the order of changes costs the store, and how fast the pages of the change feed are read.

Two databases of one throw-away PostgreSQL: one as shipped, and one whose rows have no place in the order (indexes
dropped, the place a constant). Rounds of both alternate. Run it from the project:

    uv run benchmarks/change_feed.py

Machines are noisy: quote the ratios of one run. Nothing is asserted here.
"""

import argparse
import asyncio
import json
import secrets
import statistics
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import msgspec

from athlete_ally.adapters.postgres.change_feed import PostgresChangeFeed
from athlete_ally.adapters.postgres.migrate import migrate
from athlete_ally.adapters.postgres.pool import close_pool, open_pool
from athlete_ally.adapters.postgres.store import PostgresStore
from athlete_ally.adapters.servers.ports import free_port
from athlete_ally.adapters.servers.postgres_server import PostgresServer
from athlete_ally.adapters.servers.processes import Processes
from athlete_ally.core.changes import BEGINNING, ChangeFilter, Position
from athlete_ally.core.readings.measurement import Measurement, Rules
from athlete_ally.core.readings.record import Arrival
from athlete_ally.core.receipts import StoreRequest
from athlete_ally.measurements import HRV, MEASUREMENTS, SAMPLES

START = datetime(2026, 1, 1, tzinfo=UTC)
BATCH = 500
WITHOUT = """
DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT indexname FROM pg_indexes WHERE indexname ~ '(by_change|before_changes)$' LOOP
        EXECUTE 'DROP INDEX ' || name;
    END LOOP;
END $$;
CREATE OR REPLACE FUNCTION change_position() RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT 0::bigint';
"""


def main() -> None:
    """Run all measurements and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20, help="rounds of each database (default 20)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    figures = asyncio.run(measure(options.rounds))
    if options.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:<60} {value}")


async def measure(rounds: int) -> dict[str, Any]:
    """Return all figures."""
    processes = Processes()
    folder = await processes.open(None)
    try:
        port, password = free_port(), secrets.token_hex(8)
        server = PostgresServer(folder / "postgres", port=port, password=password)
        for command in server.prepare():
            await processes.run(command)
        await processes.start(server.command())
        url = f"postgresql://postgres:{password}@127.0.0.1:{port}"
        pools = {name: await database(url, name) for name in ("shipped", "without")}
        await pools["without"].execute(WITHOUT)
        figures: dict[str, Any] = {}
        for measurement in (HRV, SAMPLES):
            figures |= await cost(pools, measurement, rounds)
        figures |= await reading(pools["shipped"])
        for pool in pools.values():
            await close_pool(pool, within_s=1)
        return figures
    finally:
        await processes.close()


async def database(url: str, name: str) -> Any:
    """Return a pool on a new database with the current schema."""
    deadline_s = time.monotonic() + 60
    while True:
        try:
            connection = await asyncpg.connect(f"{url}/postgres", timeout=1)
            break
        except (OSError, asyncpg.PostgresError):
            if time.monotonic() > deadline_s:
                raise
            await asyncio.sleep(0.05)
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    pool = await open_pool(f"{url}/{name}", size=4)
    await migrate(pool)
    return pool


async def cost(pools: dict[str, Any], measurement: Measurement, rounds: int) -> dict[str, Any]:
    """Store new rows, and then newer ones of the same keys, in both databases in turn."""
    took_s: dict[tuple[str, str], list[float]] = {}
    for what, version in (("new rows", 0), ("newer rows", 1)):
        for number in range(rounds):
            requests = batch(measurement, number, version, rounds)
            names = list(pools) if number % 2 else list(reversed(pools))
            for name in names:
                started = time.perf_counter()
                await PostgresStore(pools[name]).store(measurement, requests)
                took_s.setdefault((what, name), []).append(time.perf_counter() - started)
    return {
        f"{measurement.kind}, {what}: rate with the feed, of that without": round(
            statistics.median(took_s[what, "without"]) / statistics.median(took_s[what, "shipped"]), 3
        )
        for what in ("new rows", "newer rows")
    }


def batch(measurement: Measurement, number: int, version: int, rounds: int) -> Sequence[StoreRequest]:
    """Return what one round stores: `BATCH` messages of a reading each (of a run of points, a tenth of that)."""
    requests: list[StoreRequest] = []
    for at in range(BATCH if measurement is HRV else BATCH // 10):
        sequence = (version * rounds + number) * BATCH + at + 1
        start = START + timedelta(days=number)
        captured_at = start + timedelta(hours=1 + version)
        example = measurement.examples[0] | {"userId": f"athlete-{at}", "capturedAt": captured_at.isoformat()}
        if measurement is HRV:
            example |= {"date": f"{start:%Y-%m-%d}"}
            example = {name: value for name, value in example.items() if name not in {"start", "end"}}
        else:
            points = {"values": [60.0 + each % 50 for each in range(300)], "intervalSeconds": 1}
            example |= {"start": start.isoformat(), "end": (start + timedelta(seconds=300)).isoformat(), **points}
            example.pop("offsetsSeconds")
        reading = msgspec.convert(example, measurement.decoder.reading_type)
        arrival = Arrival(message_id=f"m{sequence}", stream_sequence=sequence, received_at=captured_at)
        record = measurement.normalise(reading, arrival, 0, Rules())
        requests.append(
            StoreRequest(
                f"{measurement.kind}-{sequence}",
                "AA_CORE_HOT",
                sequence,
                1,
                captured_at,
                captured_at,
                records=(record,),
            )
        )
    return requests


async def reading(pool: Any) -> dict[str, Any]:
    """Read the feed from its beginning to its end, in pages of 1,000."""
    feed, after, changes = PostgresChangeFeed(pool, MEASUREMENTS), BEGINNING, 0
    started = time.perf_counter()
    while True:
        page = await feed.read(after, 1000, ChangeFilter())
        changes, after = changes + len(page.changes), page.position
        if page.is_last:
            break
    passed_s = time.perf_counter() - started
    return {
        "changes read a second, pages of 1,000": round(changes / passed_s),
        "an empty page (ms)": round(1000 * await empty_page_s(feed, after), 2),
    }


async def empty_page_s(feed: PostgresChangeFeed, after: Position) -> float:
    """Return how long a reader waits that has heard of everything."""
    took_s: list[float] = []
    for _ in range(50):
        started = time.perf_counter()
        await feed.read(after, 1000, ChangeFilter())
        took_s.append(time.perf_counter() - started)
    return statistics.median(took_s)


if __name__ == "__main__":
    main()
