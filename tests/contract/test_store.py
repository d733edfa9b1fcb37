"""What the `Store` port promises, kept by PostgreSQL and by the fake alike."""

import asyncio
import json
import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations
from typing import Any, Protocol

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.fakes import FakeStore
from support.samples import hrv_record, request

from athlete_ally.adapters.postgres.pool import close_pool, open_pool
from athlete_ally.adapters.postgres.store import PostgresStore
from athlete_ally.core.errors import Unavailable
from athlete_ally.core.ports import Store
from athlete_ally.core.readings.record import Record
from athlete_ally.core.receipts import Receipt, Rejected, StoreRequest
from athlete_ally.measurements.hrv import HRV

Row = tuple[Any, ...]

_ROWS = """
SELECT user_id, period, source, context, rmssd_ms, captured_at, message_id, stream_sequence, reading_index
FROM hrv_data ORDER BY user_id COLLATE "C"
"""
_RECEIPTS = """
SELECT message_id, stream, sequence, kind, readings, stored, superseded, duplicate, dead_lettered, rejected
FROM receipt ORDER BY message_id COLLATE "C", sequence
"""
# Above the size of any pool here: as many workers as write at the same moment.
_WORKERS = 6


class Bench(Protocol):
    """A store, and what is in it."""

    store: Store

    async def rows(self) -> list[Row]:
        """Return key, rMSSD and lineage of each record, sorted by person."""
        ...

    async def receipts(self) -> list[Row]:
        """Return what is on record of each message, sorted by id and sequence."""
        ...

    async def empty(self) -> None:
        """Forget everything."""
        ...

    async def take_away(self) -> None:
        """Make the database unreachable."""
        ...


def like_postgresql(record: Record) -> str | None:
    """Return the SQLSTATE with which PostgreSQL refuses the flawed records of these tests."""
    if "\0" in record.user_id:
        return "22021"
    return "22P02" if record.raw == "no json" else None


class FakeBench:
    """The fake."""

    def __init__(self) -> None:
        """Start empty."""
        self._fake = FakeStore(like_postgresql)
        self.store: Store = self._fake

    async def rows(self) -> list[Row]:
        """See the bench."""
        return [
            (*record.key, _rmssd(record), record.captured_at, record.message_id, *record.order[1:])
            for record in self._fake.current("hrv")
        ]

    async def receipts(self) -> list[Row]:
        """See the bench."""
        return [
            (*here, row.kind, row.readings, row.stored, row.superseded, row.duplicate, row.dead_lettered, row.rejected)
            for here, row in sorted(self._fake.receipts.items())
        ]

    async def empty(self) -> None:
        """See the bench."""
        self._fake.rows.clear()
        self._fake.receipts.clear()

    async def take_away(self) -> None:
        """See the bench."""
        self._fake.unavailable = True


class RealBench:
    """A real PostgreSQL."""

    def __init__(self, pool: Any) -> None:
        """Use this pool."""
        self._pool = pool
        self.store: Store = PostgresStore(pool)

    async def rows(self) -> list[Row]:
        """See the bench."""
        return [tuple(row) for row in await self._pool.fetch(_ROWS)]

    async def receipts(self) -> list[Row]:
        """See the bench."""
        return [
            (*tuple(row)[:-1], tuple(Rejected(**each) for each in json.loads(row["rejected"])))
            for row in await self._pool.fetch(_RECEIPTS)
        ]

    async def empty(self) -> None:
        """See the bench."""
        await self._pool.execute("TRUNCATE hrv_data, receipt, lone_start")

    async def take_away(self) -> None:
        """See the bench."""
        await self._pool.close()


@pytest.fixture(params=["fake", "real"])
def bench(request: pytest.FixtureRequest) -> Bench:
    """Run each test over the fake and over the real database."""
    return FakeBench() if request.param == "fake" else RealBench(request.getfixturevalue("pool"))


def _rmssd(record: Record) -> float:
    return getattr(record, "rmssd_ms")  # noqa: B009  # typed as Record


async def people(bench: Bench) -> dict[str, float]:
    """Return the rMSSD on record for each person."""
    return {row[0]: row[4] for row in await bench.rows()}


def flawed(record: Record, **changes: Any) -> Record:
    """Return a record that the database refuses: by default, its raw data are no JSON."""
    return msgspec.structs.replace(record, **(changes or {"raw": "no json"}))


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_the_newest_stays_whatever_the_order(bench: Bench, order: tuple[int, ...]) -> None:
    """
    Early or late, one by one or in one batch: the record with the later capture, then the higher sequence, stays.
    """
    captured = [(40, 90), (50, 30), (60, 30)]
    requests = [
        request(hrv_record(rmssd=value, minutes_ago=ago, sequence=at), sequence=at)
        for at, (value, ago) in enumerate(captured, 1)
    ]
    for number in order:
        await bench.store.store(HRV, [requests[number]])
    one_by_one = await bench.rows()
    await bench.empty()
    await bench.store.store(HRV, [requests[number] for number in order])

    assert one_by_one == await bench.rows()
    assert await people(bench) == {"a": 60.0}


async def test_a_newer_row_that_is_there_is_told_from_one_that_is_stored(bench: Bench) -> None:
    """
    A late record of an older capture is superseded, and the receipt of its message says so.
    """
    await bench.store.store(HRV, [request(hrv_record(minutes_ago=1))])
    late = hrv_record(rmssd=30, minutes_ago=9, sequence=2)
    (receipt,) = await bench.store.store(HRV, [request(late, hrv_record("b", sequence=2, index=1), sequence=2)])

    assert (
        [record.user_id for record in receipt.stored],
        receipt.superseded,
        receipt.is_redelivery,
        receipt.is_duplicate,
    ) == (["b"], 1, False, False)
    assert await people(bench) == {"a": 42.0, "b": 42.0}


async def test_two_records_of_one_key_in_one_message(bench: Bench) -> None:
    """
    Of two readings about the same night the newer is stored; at equal captures, the one that stands later.
    """
    newer_first = request(hrv_record("a", 50, 1), hrv_record("a", 40, 9, index=1))
    tie = request(hrv_record("b", 50, sequence=2), hrv_record("b", 40, sequence=2, index=1), sequence=2)
    receipts = await bench.store.store(HRV, [newer_first, tie])

    assert [(len(each.stored), each.superseded) for each in receipts] == [(1, 1), (1, 1)]
    assert await people(bench) == {"a": 50.0, "b": 40.0}


async def test_a_refused_row_goes_alone(bench: Bench) -> None:
    """
    What the database can't hold is rejected by itself, by index and SQLSTATE, and the others are stored.
    """
    records = [hrv_record(f"u{number}", index=number) for number in range(7)]
    records[2] = flawed(records[2])
    records[5] = flawed(records[5], user_id="u5\0")
    own = Rejected(7, "non-retryable", "rmssd: not in (0, 300]")
    (receipt,) = await bench.store.store(HRV, [request(*records, rejected=(own,))])

    assert [
        (7, "non-retryable", own.error),
        (2, "non-retryable", "the database refuses the row (SQLSTATE 22P02)"),
        (5, "non-retryable", "the database refuses the row (SQLSTATE 22021)"),
    ] == sorted(((each.index, each.reason, each.error) for each in receipt.rejected), key=lambda each: each[0] != 7)
    assert list(await people(bench)) == ["u0", "u1", "u3", "u4", "u6"]


async def test_the_next_newest_takes_the_place_of_a_refused_row(bench: Bench) -> None:
    """
    Two flawed records in front of a good one, across messages: the good one is stored, the flawed ones are rejected.
    """
    oldest = request(hrv_record("a", 30, 90, sequence=1), sequence=1)
    good = request(hrv_record("a", 40, 60, sequence=2), hrv_record("b", sequence=2, index=1), sequence=2)
    newest = request(
        flawed(hrv_record("a", 50, 20, sequence=3)), flawed(hrv_record("a", 60, 10, sequence=3, index=1)), sequence=3
    )
    receipts = await bench.store.store(HRV, [oldest, good, newest])

    assert [(len(each.stored), each.superseded, len(each.rejected)) for each in receipts] == [
        (0, 1, 0),
        (2, 0, 0),
        (0, 0, 2),
    ]
    assert await people(bench) == {"a": 40.0, "b": 42.0}


async def test_a_redelivery_is_told_what_is_still_current(bench: Bench) -> None:
    """
    The very message again stores nothing: its receipt names what is current, and the rejections of the first time.
    """
    own = Rejected(4, "schema-invalid", "rmssd: expected a number")
    first = request(
        hrv_record("a"),
        hrv_record("b", index=1),
        flawed(hrv_record("c", index=2)),
        flawed(hrv_record("d", index=3), user_id="d\0"),
        rejected=(own,),
    )
    (told_first,) = await bench.store.store(HRV, [first])
    await bench.store.store(HRV, [request(hrv_record("b", 50, 1, sequence=2), sequence=2)])
    before = await bench.receipts()
    (again,) = await bench.store.store(HRV, [first])

    assert (True, False, ["a"], 1, told_first.rejected) == (
        again.is_redelivery,
        again.is_duplicate,
        [record.user_id for record in again.stored],
        again.superseded,
        again.rejected,
    )
    assert before == await bench.receipts()


async def test_a_message_dead_lettered_later_keeps_its_first_receipt(bench: Bench) -> None:
    """
    Stored once, then redelivered and no longer readable: the receipt stays, and nothing is rejected.
    """
    await bench.store.store(HRV, [request(hrv_record())])
    dead_lettered = request(rejected=(Rejected(0, "max-deliver", "killed"),))
    (again,) = await bench.store.store(HRV, [dead_lettered])

    assert (again.is_redelivery, again.stored, again.superseded, again.rejected) == (True, (), 1, ())


async def test_equal_content_under_another_sequence_is_a_duplicate(bench: Bench) -> None:
    """
    In one batch or later: nothing is stored or rejected twice, and all its readings count as duplicate.
    """
    own = (Rejected(1, "non-retryable", "x"),)
    twice = [request(hrv_record(sequence=at), sequence=at, message_id="same", rejected=own) for at in (1, 2)]
    receipts = [
        *await bench.store.store(HRV, twice),
        *await bench.store.store(HRV, [replace(twice[0], sequence=3)]),
    ]

    assert [(each.is_duplicate, len(each.stored), len(each.rejected)) for each in receipts] == [
        (False, 1, 1),
        (True, 0, 0),
        (True, 0, 0),
    ]
    assert [row[4:9] for row in await bench.receipts()] == [(2, 1, 0, 0, 1), (2, 0, 0, 2, 0), (2, 0, 0, 2, 0)]


async def test_nothing_in_nothing_out(bench: Bench) -> None:
    """
    No lots, and a lot without any reading, are fine.
    """
    assert list(await bench.store.store(HRV, [])) == []
    (receipt,) = await bench.store.store(HRV, [request()])

    assert (receipt.stored, receipt.rejected) == ((), ())


async def test_starts_alone_are_counted_until_there_is_a_receipt(bench: Bench) -> None:
    """
    Each message has a count of its own, which counts earlier starts only and is forgotten once it is stored.
    """
    starts = [await bench.store.start_alone("m1", "AA_CORE_HOT", 1) for _ in range(3)]
    other = await bench.store.start_alone("m2", "AA_CORE_HOT", 2)
    await bench.store.store(HRV, [request(hrv_record())])
    after = [await bench.store.start_alone(identity, "AA_CORE_HOT", at) for identity, at in (("m1", 1), ("m2", 2))]

    assert (starts, other, after) == ([0, 1, 2], 0, [0, 1])


async def test_an_absent_database_is_unavailable(bench: Bench) -> None:
    """
    Both calls raise the error of an outage, which dead-letters no message.
    """
    await bench.take_away()
    with pytest.raises(Unavailable):
        await bench.store.store(HRV, [request(hrv_record())])
    with pytest.raises(Unavailable):
        await bench.store.start_alone("m1", "AA_CORE_HOT", 1)


async def test_workers_with_the_same_messages_agree(bench: Bench) -> None:
    """
    Overlapping batches written at the same moment, in any order: one worker stores each message, nobody deadlocks.
    """
    rng = random.Random(7)  # noqa: S311  # a reproducible shuffle
    for first in range(1, 80, 8):
        requests = [_crowded(sequence) for sequence in range(first, first + 8)]
        batches = [rng.sample(requests, rng.randint(1, 8)) for _ in range(_WORKERS)]
        receipts = await asyncio.gather(*(bench.store.store(HRV, batch) for batch in batches))
        fresh = [
            one.sequence
            for batch, got in zip(batches, receipts, strict=True)
            for one, receipt in zip(batch, got, strict=True)
            if not receipt.is_redelivery
        ]
        assert sorted({one.sequence for batch in batches for one in batch}) == sorted(fresh)


def _crowded(sequence: int) -> StoreRequest:
    """Return a lot on people whom all lots are about, in an order of its own; every fourth has no record at all."""
    if sequence % 4 == 0:
        return request(sequence=sequence, rejected=(Rejected(0, "schema-invalid", "x"),))
    users = [f"u{number}" for number in range(6)]
    random.Random(sequence).shuffle(users)  # noqa: S311  # as above
    records = (
        hrv_record(user, 20 + sequence, sequence % 5, sequence=sequence, index=at) for at, user in enumerate(users)
    )
    return request(*records, sequence=sequence)


@pytest.fixture
async def wide_pool(database_url: str) -> Any:
    """Give the test as many connections as there are workers."""
    pool = await open_pool(database_url, size=_WORKERS)
    yield pool
    await close_pool(pool, within_s=1)


async def test_wholly_rejected_messages_do_not_deadlock(wide_pool: Any) -> None:
    """
    Without records there are no rows to wait in line for; the receipts themselves are written in one order.
    """
    # So many that writing them takes long enough for the writers to meet.
    requests = [request(sequence=at, rejected=(Rejected(0, "schema-invalid", "x"),)) for at in range(3000)]
    batches = [requests, requests[::-1]] * 2
    receipts = await asyncio.gather(*(PostgresStore(wide_pool).store(HRV, batch) for batch in batches))

    assert sum(not each.is_redelivery for got in receipts for each in got) == len(requests)


class Content(msgspec.Struct, frozen=True):
    """What a message of a random history says: people, how long ago, and what is wrong with each record."""

    records: tuple[tuple[str, int, str], ...]
    rejected: int


contents = st.builds(
    Content,
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(1, 3), st.sampled_from(["", "", "", "raw", "nul"])), max_size=4
    ).map(tuple),
    st.integers(0, 1),
)
# Which content, under which of its two sequences.
batches_of_places = st.lists(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 1)), min_size=1, max_size=4, unique=True), max_size=6
)


def _store_request_of(content: Content, place: tuple[int, int]) -> StoreRequest:
    number, copy = place
    sequence = 1 + 2 * number + copy
    records = [
        _record_of(user, ago, flaw, f"c{number}", sequence, index)
        for index, (user, ago, flaw) in enumerate(content.records)
    ]
    rejected = tuple(Rejected(len(records) + index, "schema-invalid", "no number") for index in range(content.rejected))
    return request(*records, sequence=sequence, message_id=f"c{number}", rejected=rejected)


def _record_of(user: str, ago: int, flaw: str, message_id: str, sequence: int, index: int) -> Record:
    record = hrv_record(user, 20 + 10 * sequence + index, ago, sequence=sequence, index=index)
    changes = {"raw": {"raw": "no json"}, "nul": {"user_id": f"{user}\0"}}.get(flaw, {})
    return msgspec.structs.replace(record, message_id=message_id, **changes)


@given(world=st.lists(contents, min_size=5, max_size=5), history=batches_of_places)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_history_is_told_alike(pool: Any, world: list[Content], history: list[list[tuple[int, int]]]) -> None:
    """
    For random batches of overlapping, repeated and flawed messages the fake and the database give equal receipts, rows
    and ledger; and every reading of every message is accounted for.
    """
    model, real = FakeBench(), RealBench(pool)
    await real.empty()
    for places in history:
        requests = [_store_request_of(world[place[0]], place) for place in places]
        expected = await model.store.store(HRV, requests)
        assert list(expected) == list(await real.store.store(HRV, requests))
        assert _unbalanced(requests, expected) == []

    assert await model.rows() == await real.rows()
    assert await model.receipts() == await real.receipts()


def _unbalanced(requests: Sequence[StoreRequest], receipts: Sequence[Receipt]) -> list[Receipt]:
    return [
        receipt
        for one, receipt in zip(requests, receipts, strict=True)
        if not receipt.is_duplicate and one.readings != len(receipt.stored) + receipt.superseded + len(receipt.rejected)
    ]
