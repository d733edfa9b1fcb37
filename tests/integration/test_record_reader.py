"""Reading records from PostgreSQL itself: pages that are right while rows change, and streams of any size."""

import json
from datetime import date, timedelta
from typing import Any

import msgspec
import pytest
from support.samples import hrv_record, request

from athlete_ally.adapters.postgres.record_reader import PostgresRecordReader
from athlete_ally.adapters.postgres.store import PostgresStore
from athlete_ally.core.readings.record import Record
from athlete_ally.core.record_queries import RecordPlace, RecordQuery
from athlete_ally.measurements import HRV

FIRST_DAY = date(2026, 11, 1)


def record(day: int, user: str = "ada", **columns: Any) -> Record:
    """Return a record of a day of November."""
    on = FIRST_DAY + timedelta(days=day)
    return msgspec.structs.replace(hrv_record(user, 40.0 + day), day=on, period=on.isoformat(), **columns)


@pytest.fixture
async def reader(pool: Any) -> PostgresRecordReader:
    """Return a reader of a database with twenty days of two people."""
    records = [record(day, user) for user in ("ada", "ben") for day in range(20)]
    await PostgresStore(pool).store(HRV, [request(*records)])
    return PostgresRecordReader(pool, pool)


async def days(reader: PostgresRecordReader, query: RecordQuery, limit: int = 3) -> list[str]:
    """Return person and day of all rows, read page by page."""
    found: list[str] = []
    after: RecordPlace | None = None
    while True:
        page = await reader.page(HRV, query, after, limit)
        rows = [json.loads(bytes(row)) for row in page.rows]
        found += [f"{row['user_id']} {row['day'][-2:]}" for row in rows]
        after = page.next
        if after is None:
            return found


async def test_pages_hold_every_row_once_in_order(reader: PostgresRecordReader) -> None:
    """
    Newest or oldest first, of one person or of all: the pages together are all rows, none twice.
    """
    ada = [f"ada {day:02}" for day in range(1, 21)]
    ben = [f"ben {day:02}" for day in range(1, 21)]

    assert ada == await days(reader, RecordQuery("ada", newest_first=False))
    assert ada[::-1] == await days(reader, RecordQuery("ada"))
    assert ada + ben == await days(reader, RecordQuery(newest_first=False), limit=7)


async def test_pages_are_right_while_rows_come_and_go(reader: PostgresRecordReader, pool: Any) -> None:
    """
    Rows that are stored or deleted between two pages move no other row: none is skipped, none comes twice.
    """
    first = await reader.page(HRV, RecordQuery("ada", newest_first=False), None, 10)
    await pool.execute("DELETE FROM hrv_data WHERE user_id = 'ada' AND day = '2026-11-05'")
    await PostgresStore(pool).store(HRV, [request(record(3, source="polar"), sequence=2)])
    second = await reader.page(HRV, RecordQuery("ada", newest_first=False), first.next, 20)

    assert [f"2026-11-{day:02}" for day in range(11, 21)] == [json.loads(bytes(row))["day"] for row in second.rows]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (RecordQuery("ada", first_day=date(2026, 11, 19)), ["ada 20", "ada 19"]),
        (RecordQuery("ada", last_day=date(2026, 11, 2)), ["ada 02", "ada 01"]),
        (RecordQuery("ada", sources=("nobody",)), []),
        (RecordQuery("ada", contexts=("unspecified",), last_day=FIRST_DAY), ["ada 01"]),
        (RecordQuery("ada", devices=("H10",)), []),
        (RecordQuery("ada", flags=("few-beats",)), []),
        (RecordQuery(prefix="b", last_day=FIRST_DAY), ["en 01"]),
        (RecordQuery("ben", prefix="a"), []),
    ],
)
async def test_filters_apply_before_the_limit(
    reader: PostgresRecordReader, query: RecordQuery, expected: list[str]
) -> None:
    """
    What is not asked for takes no room in a page.
    """
    assert expected == await days(reader, query, limit=1)


async def test_a_stream_holds_what_the_pages_hold(reader: PostgresRecordReader) -> None:
    """
    A line of NDJSON is byte for byte the row of a page, whatever its texts hold; CSV has the same columns.
    """
    odd = record(0, "odd", device='a "quoted" \\ name\nof two lines\t\x7f é', source="x,y")
    await PostgresStore(reader._pool).store(HRV, [request(odd, sequence=2)])  # pyright: ignore[reportPrivateUsage]  # its own database
    query = RecordQuery(newest_first=False)
    lines = b"".join([chunk async for chunk in reader.stream(HRV, query, "ndjson")]).splitlines()
    table = b"".join([chunk async for chunk in reader.stream(HRV, query, "csv")]).decode()
    page = await reader.page(HRV, query, None, 100)

    assert [bytes(row) for row in page.rows] == lines
    assert list(json.loads(lines[0])) == table.split("\n", 1)[0].split(",")
    assert odd.device == json.loads(lines[-1])["device"]


async def test_bulky_columns_and_lineage_come_on_demand(reader: PostgresRecordReader) -> None:
    """
    A row is small unless more of it is asked for.
    """
    small = await reader.page(HRV, RecordQuery("ada"), None, 1)
    whole = await reader.page(HRV, RecordQuery("ada", lineage=True, include=HRV.bulky), None, 1)
    names = set(json.loads(bytes(whole.rows[0]))) - set(json.loads(bytes(small.rows[0])))

    assert {"message_id", "stream_sequence", "reading_index", "raw", "rr_intervals_ms"} == names


async def test_an_estimate_is_no_count(reader: PostgresRecordReader, pool: Any) -> None:
    """
    How many rows there are is answered from the statistics of the planner.
    """
    await pool.execute("ANALYZE hrv_data")

    assert await reader.estimate(HRV, RecordQuery()) == 40
