"""Versions of one session are one row, whatever the order of arrival; what is taken back stays away."""

from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from typing import Any, Protocol

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.fakes import FakeStore
from support.samples import request
from support.sessions import MIDNIGHT, expected_rows, night

from athlete_ally.adapters.postgres.store import PostgresStore
from athlete_ally.core.readings.sessions import Removal, Removed
from athlete_ally.core.receipts import Receipt, StoreRequest
from athlete_ally.measurements import SLEEP
from athlete_ally.measurements.sleep import SleepRecord


class Bench(Protocol):
    """A store, and the nights in it."""

    store: Any

    async def rows(self) -> set[tuple[str, float]]:
        """Return period and minutes of each night."""
        ...

    async def empty(self) -> None:
        """Forget everything."""
        ...


class FakeBench:
    """The fake."""

    def __init__(self) -> None:
        """Start empty."""
        self.store: Any = FakeStore()

    async def rows(self) -> set[tuple[str, float]]:
        """See the protocol."""
        return {(each.period, each.asleep_min) for each in self.store.current("sleep")}

    async def empty(self) -> None:
        """See the protocol."""
        self.store = FakeStore()


class PostgresBench:
    """PostgreSQL."""

    def __init__(self, pool: Any) -> None:
        """Use this database."""
        self.pool = pool
        self.store: Any = PostgresStore(pool)

    async def rows(self) -> set[tuple[str, float]]:
        """See the protocol."""
        return {tuple(row) for row in await self.pool.fetch("SELECT period, asleep_min FROM sleep_data")}

    async def empty(self) -> None:
        """See the protocol."""
        await self.pool.execute("TRUNCATE sleep_data, receipt, replaced_session")


@pytest.fixture(params=["fake", "postgres"])
def bench(request: pytest.FixtureRequest) -> Bench:
    """Return each kind of store."""
    return FakeBench() if request.param == "fake" else PostgresBench(request.getfixturevalue("pool"))


def one(record: SleepRecord) -> StoreRequest:
    """Return the message that brings a record."""
    return request(record, sequence=record.stream_sequence)


async def in_each_order(bench: Bench, records: list[SleepRecord]) -> list[set[tuple[str, float]]]:
    """Return what is on record after each order of arrival, message by message, and all at once."""
    found: list[set[tuple[str, float]]] = []
    for order in permutations(records):
        await bench.empty()
        for each in order:
            await bench.store.store(SLEEP, [one(each)])
        found.append(await bench.rows())
        await bench.empty()
        await bench.store.store(SLEEP, [one(each) for each in order])
        found.append(await bench.rows())
    return found


@pytest.mark.parametrize(
    "records",
    [
        [night(60, 240, 300), night(65, 420, 500)],
        [night(60, 420, 300, session_id="s-1"), night(600, 60, 500, session_id="s-1")],
        [night(60, 420, 300), night(90, 400, 500, session_id="s-1")],
        [night(60, 420, 300, session_id="a"), night(90, 400, 500, session_id="b")],
        [night(0, 120, 300), night(5, 415, 400), night(180, 240, 500)],
    ],
    ids=["moves and grows", "named", "named later", "another name of the same sleep", "a chain"],
)
async def test_a_night_that_changes_is_one_night(bench: Bench, records: list[SleepRecord]) -> None:
    """
    The newest version is the only row, in whichever order its versions arrive.
    """
    newest = max(records, key=lambda each: each.order)
    assert [{(newest.period, newest.asleep_min)}] * len(await in_each_order(bench, records)) == await in_each_order(
        bench, records
    )


@pytest.mark.parametrize(
    "records",
    [
        [night(0, 240, 300), night(200, 240, 500)],
        [night(0, 420, 300), night(10, 420, 500, source="oura")],
        [night(0, 420, 300), night(10, 60, 500, context="nap")],
        [night(0, 420, 300, device="Watch"), night(10, 420, 500, device="Ring")],
    ],
    ids=["little shared", "sources", "a nap", "devices"],
)
async def test_what_is_not_one_session_stays_apart(bench: Bench, records: list[SleepRecord]) -> None:
    """
    Less than half of the shorter one shared, another source, another context, another device: two rows.
    """
    assert all(len(rows) == 2 for rows in await in_each_order(bench, records))


async def test_what_was_replaced_is_told(bench: Bench) -> None:
    """
    The receipt names the row that went, and names it again when its message is delivered again.
    """
    first, second = night(60, 240, 300, session_id="s-1"), night(65, 420, 500, session_id="s-1")
    await bench.store.store(SLEEP, [one(first)])
    gone = (Removed("ada", first.period, "apple-health", "overnight", "s-1", "replaced"),)

    assert [gone, gone] == [(await bench.store.store(SLEEP, [one(second)]))[0].removed for _ in range(2)]


def removal(captured_min: int, sequence: int, **what: Any) -> StoreRequest:
    """Return the message that takes something of Ada's back."""
    captured_at = MIDNIGHT + timedelta(minutes=captured_min)
    fields = {"session_id": None, "starts_at": None, "ends_at": None, **what}
    taken = Removal("ada", "apple-health", **fields, captured_at=captured_at, stream_sequence=sequence, reading_index=0)
    return replace(request(sequence=sequence), readings=1, removals=(taken,))


@pytest.mark.parametrize("named", [True, False])
async def test_what_is_taken_back_stays_away(bench: Bench, *, named: bool) -> None:
    """
    By its name or by its interval: the row goes and is told, an older version that comes late does not bring it back,
    a newer one does.
    """
    name = "s-1" if named else None
    interval = {"starts_at": MIDNIGHT, "ends_at": MIDNIGHT + timedelta(hours=12)}
    first, late, newer = (night(60 + at, 240, at, session_id=name) for at in (300, 200, 900))
    taken = removal(500, 7, **({"session_id": "s-1"} if named else interval))
    await bench.store.store(SLEEP, [one(first)])
    (receipt,) = await bench.store.store(SLEEP, [taken])
    after = await bench.rows()
    await bench.store.store(SLEEP, [one(late)])

    gone = (Removed("ada", first.period, "apple-health", "overnight", name, "deleted"),)
    assert (gone, set(), set()) == (receipt.removed, after, await bench.rows())
    assert _counts(taken, receipt) == (1, 0, 1)
    await bench.store.store(SLEEP, [one(newer)])
    assert {(newer.period, 240.0)} == await bench.rows()


def _counts(taken: StoreRequest, receipt: Receipt) -> tuple[int, int, int]:
    return (taken.readings, len(receipt.stored), receipt.superseded)


async def test_a_deletion_that_comes_first_keeps_its_night_away(bench: Bench) -> None:
    """
    What was captured before it was taken back never becomes a row.
    """
    await bench.store.store(SLEEP, [removal(500, 7, session_id="s-1")])
    (receipt,) = await bench.store.store(SLEEP, [one(night(60, 240, 300, session_id="s-1"))])

    assert ((), 1, set()) == (receipt.stored, receipt.superseded, await bench.rows())


versions = st.builds(
    night,
    st.integers(0, 40).map(lambda step: step * 15),
    st.integers(1, 30).map(lambda step: step * 15),
    st.just(0),
    session_id=st.sampled_from([None, None, "a", "b"]),
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
async def test_no_order_of_arrival_changes_what_is_on_record(bench: Bench, data: st.DataObject) -> None:
    """
    Any versions of any nights, in any order and in any batches: those of which no newer version was ever seen.
    """
    shapes = data.draw(st.lists(versions, min_size=1, max_size=5, unique_by=lambda each: each.period))
    records = [
        night(_minutes(each), round(each.asleep_min), 100 + number, session_id=each.session_id)
        for number, each in enumerate(shapes)
    ]
    order = data.draw(st.permutations(records))
    cut = data.draw(st.integers(0, len(order)))
    await bench.empty()
    for batch in (order[:cut], order[cut:]):
        if batch:
            await bench.store.store(SLEEP, [one(each) for each in batch])

    assert expected_rows(records) == await bench.rows()


def _minutes(record: SleepRecord) -> int:
    assert record.starts_at is not None
    return round((record.starts_at - MIDNIGHT).total_seconds() / 60)
