"""The change feed on PostgreSQL itself: no gap, in order, under concurrent writers."""

import asyncio
import random
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from support.samples import NOON, hrv_record, request

from athlete_ally.adapters.postgres.change_feed import PostgresChangeFeed
from athlete_ally.adapters.postgres.person_data import PostgresPersonData
from athlete_ally.adapters.postgres.pool import close_pool, open_pool
from athlete_ally.adapters.postgres.store import PostgresStore
from athlete_ally.core.changes import BEGINNING, Change, ChangeFilter, Position
from athlete_ally.core.errors import Unavailable
from athlete_ally.core.readings.measurement import Measurement, Rules
from athlete_ally.core.readings.record import Arrival, Record
from athlete_ally.core.readings.sessions import Removal
from athlete_ally.core.receipts import StoreRequest
from athlete_ally.measurements import HRV, MEASUREMENTS, SAMPLES, SLEEP

EVERYTHING = ChangeFilter()


def _tell_nobody(_what: str, _done: int, _of: int) -> None:
    """Show no progress."""


async def heard(feed: PostgresChangeFeed, after: Position, limit: int = 3) -> tuple[list[Change], Position]:
    """Return all changes behind a position, page by page, and the position behind them."""
    changes: list[Change] = []
    while True:
        page = await feed.read(after, limit, EVERYTHING)
        changes += page.changes
        after = page.position
        if page.is_last:
            return changes, after


@pytest.fixture
def feed(pool: Any) -> PostgresChangeFeed:
    """Return a feed on the test's own database."""
    return PostgresChangeFeed(pool, MEASUREMENTS)


async def test_what_is_stored_is_told_once(pool: Any, feed: PostgresChangeFeed) -> None:
    """
    Rows of several transactions come in order, each once, with their values; then there is nothing more.
    """
    for number in range(7):
        record = msgspec.structs.replace(hrv_record(rmssd=40.0 + number), user_id=f"athlete-{number}")
        await PostgresStore(pool).store(HRV, [request(record, sequence=number + 1)])
    changes, after = await heard(feed, BEGINNING)

    assert [f"athlete-{number}" for number in range(7)] == [each.user_id for each in changes]
    assert {"created"} == {each.type for each in changes}
    assert [40.0 + number for number in range(7)] == [
        msgspec.json.decode(each.record or b"")["rmssd_ms"] for each in changes
    ]
    assert ([], after) == await heard(feed, after)


async def test_erasing_a_person_is_told(pool: Any, feed: PostgresChangeFeed) -> None:
    """
    A reader that heard of a person's rows hears that they are erased; one that begins later hears of no row.
    """
    await PostgresStore(pool).store(HRV, [request(hrv_record())])
    _, after = await heard(feed, BEGINNING)
    await PostgresPersonData(pool, MEASUREMENTS).erase(hrv_record().user_id, _tell_nobody)
    changes, _ = await heard(feed, after)

    assert [("erased", hrv_record().user_id)] == [(each.type, each.user_id) for each in changes]
    assert [each.type for each in (await heard(feed, BEGINNING))[0]] == ["erased"]


# At every commit, after the store's own work: a pause, now and then a long one, and sometimes a failure. So numbers of
# transactions are handed out in another order than that of the commits.
FAULTS = """
CREATE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_sleep(CASE WHEN random() < 0.03 THEN 0.4 ELSE random() * 0.02 END);
    IF random() < 0.15 THEN
        RAISE EXCEPTION 'a fault' USING ERRCODE = 'serialization_failure';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER fault AFTER INSERT ON receipt DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (NEW.sequence % 5 = 0) EXECUTE FUNCTION fault();
"""
PEOPLE, MESSAGES, WRITERS = 6, 60, 5


@dataclass(slots=True)
class Reader:
    """What a reader of the feed knows: by kind and key, the record; of series, the days."""

    after: Position = BEGINNING
    records: dict[tuple[str | None, ...], Any] = field(default_factory=dict[tuple[str | None, ...], Any])
    days: set[tuple[str | None, ...]] = field(default_factory=set[tuple[str | None, ...]])
    violations: list[str] = field(default_factory=list[str])

    async def catch_up(self, feed: PostgresChangeFeed, limit: int) -> None:
        """Read to the end, as a reader does that keeps the position of each page."""
        changes, self.after = await heard(feed, self.after, limit)
        for change in changes:
            self.take(change)

    def take(self, change: Change) -> None:
        """Do what a change says."""
        key = (change.kind, change.user_id, change.period, change.source, change.context)
        if change.type == "erased":
            self.records = {known: each for known, each in self.records.items() if known[1] != change.user_id}
            self.days = {known for known in self.days if known[0] != change.user_id}
        elif change.type == "deleted":
            self.records.pop(key, None)
        elif change.record is None:
            self.days.add((change.user_id, change.period, change.source, change.context, change.code))
        else:
            record = msgspec.json.decode(change.record)
            known = self.records.get(key)
            if known is not None and record["captured_at"] < known["captured_at"]:
                self.violations.append(f"older after newer: {key}")
            self.records[key] = record


def _batches(writer: int, chance: random.Random) -> list[tuple[Measurement, StoreRequest]]:
    """Return what a writer stores: values, nights that move or are taken back, points; much of it about one thing."""
    batches: list[tuple[Measurement, StoreRequest]] = []
    for number in range(MESSAGES):
        sequence = writer * MESSAGES + number + 1
        user, ago = f"athlete-{chance.randrange(PEOPLE)}", chance.randrange(1, 300)
        arrival = Arrival(message_id=f"m{sequence}", stream_sequence=sequence, received_at=NOON)
        captured_at = NOON - timedelta(minutes=ago)
        if number % 3 == 0:
            records: tuple[Record, ...] = (hrv_record(user, 40 + ago / 10, ago, sequence),)
            batches.append((HRV, request(*records, sequence=sequence)))
        elif number % 3 == 1:
            start = NOON - timedelta(hours=10, minutes=chance.randrange(4) * 90)
            night = {"userId": user, "start": start.isoformat(), "end": (start + timedelta(hours=7)).isoformat()}
            night |= {"durationMinutes": 400 + ago / 10, "capturedAt": captured_at.isoformat(), "source": "oura"}
            reading = msgspec.convert(night | {"context": "overnight"}, SLEEP.decoder.reading_type)
            batch = request(SLEEP.normalise(reading, arrival, 0, Rules()), sequence=sequence)
            if chance.random() < 0.2:
                gone = Removal(user, "oura", None, NOON - timedelta(days=1), NOON, captured_at, sequence, 1)
                batch = replace(batch, readings=2, removals=(gone,))
            batches.append((SLEEP, batch))
        else:
            run = {**SAMPLES.examples[0], "userId": user, "capturedAt": captured_at.isoformat()}
            reading = msgspec.convert(run, SAMPLES.decoder.reading_type)
            batches.append((SAMPLES, request(SAMPLES.normalise(reading, arrival, 0, Rules()), sequence=sequence)))
    return batches


async def _write(url: str, writer: int, seed: int) -> None:
    pool = await open_pool(url, size=2)
    store = PostgresStore(pool)
    for measurement, batch in _batches(writer, random.Random(seed + writer)):  # noqa: S311  # so that a failure comes again
        while True:
            with suppress(Unavailable):
                await store.store(measurement, [batch])
                break
    await close_pool(pool, within_s=1)


async def _erase(pool: Any, done: asyncio.Event) -> None:
    people = PostgresPersonData(pool, MEASUREMENTS)
    number = 0
    while not done.is_set():
        await people.erase(f"athlete-{number % 2}", _tell_nobody)
        number += 1


async def _read(reader: Reader, feed: PostgresChangeFeed, limit: int, done: asyncio.Event) -> None:
    while not done.is_set():
        await reader.catch_up(feed, limit)


async def _tables(pool: Any) -> tuple[dict[tuple[str, ...], str], set[tuple[str, ...]]]:
    """Return what is stored: the captures of rows by kind and key, and the days of series."""
    rows = {
        (kind, *tuple(row)[:4]): row["captured_at"].isoformat()
        for kind in ("hrv", "sleep")
        for row in await pool.fetch(f"SELECT user_id, period, source, context, captured_at FROM {kind}_data")  # noqa: S608  # kinds of this file
    }
    days = await pool.fetch(
        "SELECT DISTINCT user_id, (at AT TIME ZONE 'UTC')::date::text, source, context, code FROM samples"
    )
    return rows, {tuple(row) for row in days}


@pytest.mark.parametrize("seed", [1, 2])
async def test_nothing_is_missed_under_concurrent_writers(database_url: str, pool: Any, seed: int) -> None:
    """
    Writers pause before their commits, fail and try again, nights are replaced and taken back, people are erased, and
    readers with pages of different size begin at different times: each ends with exactly what the tables hold, and
    never hears of an older value after a newer one.
    """
    await pool.execute(FAULTS)
    feed, done = PostgresChangeFeed(pool, MEASUREMENTS), asyncio.Event()
    readers = {1: Reader(), 7: Reader(), 500: Reader()}
    async with asyncio.TaskGroup() as group:
        for limit, reader in readers.items():
            group.create_task(_read(reader, feed, limit, done))
        group.create_task(_erase(pool, done))
        await asyncio.gather(*(_write(database_url, writer, seed) for writer in range(WRITERS)))
        done.set()
    readers[2] = Reader()
    rows, days = await _tables(pool)
    for limit, reader in readers.items():
        await reader.catch_up(feed, limit)
        assert rows == {key: record["captured_at"] for key, record in reader.records.items()}
        assert days == reader.days
        assert reader.violations == []
