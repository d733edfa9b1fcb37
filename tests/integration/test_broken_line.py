"""The connection to PostgreSQL breaks at any byte: always the error of an outage."""

from collections.abc import AsyncGenerator
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
from support.cut import Line, line_to
from support.samples import hrv_record, request
from support.wait import eventually

from athlete_ally.adapters.postgres.pool import close_pool, open_pool
from athlete_ally.adapters.postgres.store import PostgresStore
from athlete_ally.core.errors import Unavailable
from athlete_ally.core.receipts import Receipt
from athlete_ally.measurements import HRV

# Answers to log-in, preparation, rows and commit are some 50 to 400 bytes each: every one of them is cut somewhere.
_STEP_BYTES = 61


class Bench:
    """A store whose connections go over a line that can be broken."""

    def __init__(self, line: Line, pool: Any) -> None:
        """Use this pool, whose only connection goes over this line."""
        self.line, self.pool = line, pool
        self._store = PostgresStore(pool)

    async def store(self, number: int, user: str = "a") -> Receipt:
        """Store message `number`."""
        (receipt,) = await self._store.store(HRV, [request(hrv_record(user, sequence=number), sequence=number)])
        return receipt

    async def prepare(self, *, is_warm: bool) -> None:
        """Have a connection that knows the statements, or none at all."""
        self.line.cut_after(None)
        if is_warm:
            await self.store(10_000, "warm")
        else:
            await self.pool.expire_connections()


@pytest.fixture
async def bench(database_url: str) -> AsyncGenerator[Bench]:
    """Give a store behind a line of its own."""
    where = urlsplit(database_url)
    assert where.hostname
    assert where.port
    async with line_to(where.hostname, where.port) as line:
        pool = await open_pool(database_url.replace(f":{where.port}", f":{line.port}"), size=1)
        yield Bench(line, pool)
        await close_pool(pool, within_s=1)


@pytest.mark.parametrize("is_warm", [False, True], ids=["while-connecting", "in-a-known-connection"])
async def test_a_line_that_breaks_anywhere_is_an_outage(bench: Bench, *, is_warm: bool) -> None:
    """
    Wherever the line breaks inside a store, the store says `Unavailable` or succeeds, and the next one succeeds.
    """
    await bench.prepare(is_warm=is_warm)
    bench.line.cut_after(None)
    await bench.store(1)
    places = range(0, bench.line.said, _STEP_BYTES)
    breaks = 0
    for number, place in enumerate(places, 2):
        await bench.prepare(is_warm=is_warm)
        bench.line.cut_after(place)
        try:
            await bench.store(number)
        except Unavailable:
            breaks += 1
            bench.line.cut_after(None)
            assert len((await bench.store(number)).stored) == 1

    assert breaks >= len(places) - 1
    assert await bench.pool.fetchval("SELECT count(*) FROM hrv_data WHERE user_id = 'a'") == 1


async def test_a_goodbye_to_an_idle_connection_is_an_outage(bench: Bench, database_url: str) -> None:
    """
    The server says goodbye between two statements, and the end of the line is not seen yet: `Unavailable`, and the next
    store succeeds.
    """
    bench.line.hides_the_end = True
    await bench.prepare(is_warm=True)
    other = await asyncpg.connect(database_url)
    bench.line.cut_after(None)
    await other.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = 'athlete-ally' AND datname = current_database()"
    )
    await other.close()

    async def goodbye_has_arrived() -> bool:
        return bench.line.said > 0

    await eventually(goodbye_has_arrived)
    with pytest.raises(Unavailable):
        await bench.store(1)

    assert len((await bench.store(1)).stored) == 1
