"""What the `Store` port promises, kept by PostgreSQL itself."""

import asyncio
import random
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.samples import hrv_record, request

from athlete_ally.adapters.postgres.pool import close_pool, open_pool
from athlete_ally.adapters.postgres.receipts import PostgresReceipts
from athlete_ally.adapters.postgres.store import PostgresStore
from athlete_ally.core.broker.topology import CORE_HOT
from athlete_ally.core.errors import Unavailable
from athlete_ally.core.readings.record import newest
from athlete_ally.core.receipts import Receipt, Rejected, StoreRequest
from athlete_ally.measurements import HRV

TRACE = "0af7651916cd43dd8448eb211c80319c"


async def rows(pool: Any) -> dict[str, float]:
    """Return the rMSSD on record for each person."""
    return {row["user_id"]: row["rmssd_ms"] for row in await pool.fetch("SELECT user_id, rmssd_ms FROM hrv_data")}


async def balance(pool: Any) -> tuple[int, ...]:
    """Return the sums of all receipts: readings, stored, superseded, duplicate, dead-lettered."""
    return tuple(
        await pool.fetchrow(
            "SELECT coalesce(sum(readings), 0), coalesce(sum(stored), 0), coalesce(sum(superseded), 0), "
            "coalesce(sum(duplicate), 0), coalesce(sum(dead_lettered), 0) FROM receipt"
        )
    )


async def test_every_column_survives(pool: Any) -> None:
    """
    What was normalised is what an analyst reads, intervals, raw data and flags included.
    """
    record = msgspec.structs.replace(
        hrv_record(),
        rr_intervals_ms=(800.0, 812.5),
        raw='{"a": [1, "\\u0000"]}',
        quality_flags=("few-beats", "clock-ahead"),
    )
    await PostgresStore(pool).store(HRV, [request(record)])
    row = dict(await pool.fetchrow("SELECT * FROM hrv_data"))
    for name in ("stored_at", "created_position", "changed_position"):
        del row[name]

    assert {
        **msgspec.structs.asdict(record),
        "rr_intervals_ms": [800.0, 812.5],
        "quality_flags": list(record.quality_flags),
    } == row


@pytest.mark.parametrize(("traceparent", "kept"), [(f"00-{TRACE}-b7ad6b7169203331-00", TRACE), ("no such thing", None)])
async def test_a_receipt_keeps_the_trace(pool: Any, traceparent: str, kept: str | None) -> None:
    """
    From a row one gets to the trace of its request when the message is gone; what is no trace context is not kept.
    """
    await PostgresStore(pool).store(HRV, [replace(request(hrv_record()), traceparent=traceparent)])

    assert kept == await pool.fetchval("SELECT trace_id FROM receipt")


async def test_senders_are_proven_by_their_latest_readings(pool: Any) -> None:
    """
    Proven are those most of whose readings were of use, late enough; a replay and an unnamed sender prove nothing.
    """
    store = PostgresStore(pool)
    past = [("good", False), ("bad", True), ("mixed", True), ("mixed", False), ("mixed", False), (None, False)]
    for number, (sender, fails) in enumerate(past, start=1):
        record = hrv_record(f"u{number}", sequence=number)
        asked = replace(request(record, sequence=number), sender=sender)
        if fails:
            asked = replace(asked, records=(), rejected=(Rejected(0, "schema-invalid", "rmssd: too large"),))
        await store.store(HRV, [asked])
    replay = replace(request(hrv_record("r"), sequence=99), sender="replayed", replay_of="a letter")
    await store.store(HRV, [replay])
    receipts, noon = PostgresReceipts(pool), await pool.fetchval("SELECT now() - interval '1 hour'")

    assert await receipts.proven_senders("hrv", CORE_HOT, noon) == {"good", "mixed"}
    assert await receipts.proven_senders("sleep", CORE_HOT, noon) == set()
    await pool.execute("UPDATE receipt SET settled_at = settled_at - interval '1 day' WHERE sender = 'good'")
    assert await receipts.proven_senders("hrv", CORE_HOT, noon) == {"mixed"}


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
async def test_the_newest_stays_whatever_the_order_of_arrival(pool: Any, order: tuple[int, ...]) -> None:
    """
    Later capture first, late or last, in one batch or several: the same record is on record in the end.
    """
    requests = [
        request(hrv_record(rmssd=value, minutes_ago=ago, sequence=at), sequence=at)
        for at, (value, ago) in enumerate([(40, 90), (50, 30), (60, 60)], 1)
    ]
    for number in order:
        await PostgresStore(pool).store(HRV, [requests[number]])
    one_by_one = await rows(pool)
    await pool.execute("TRUNCATE hrv_data, receipt")
    await PostgresStore(pool).store(HRV, [requests[number] for number in order])

    assert {"a": 50.0} == one_by_one == await rows(pool)


async def test_equal_captures_are_decided_by_the_stream(pool: Any) -> None:
    """
    Of two readings captured at one instant the one with the higher sequence stays, also when it came first.
    """
    requests = [request(hrv_record(rmssd=40 + at, sequence=at), sequence=at) for at in (1, 2)]
    for each in reversed(requests):
        await PostgresStore(pool).store(HRV, [each])

    assert await rows(pool) == {"a": 42.0}


async def test_a_redelivery_stores_nothing_twice(pool: Any) -> None:
    """
    The very message again: said to be a redelivery, with what is still current, so that it can be announced again.
    """
    store = PostgresStore(pool)
    rejected = (Rejected(2, "non-retryable", "rmssd: outside"),)
    first = request(hrv_record("a"), hrv_record("b", index=1), rejected=rejected)
    await store.store(HRV, [first])
    await store.store(HRV, [request(hrv_record("b", rmssd=50, minutes_ago=1, sequence=2), sequence=2)])
    (again,) = await store.store(HRV, [first])

    assert (True, False, ["a"], 1, rejected) == (
        again.is_redelivery,
        again.is_duplicate,
        [record.user_id for record in again.stored],
        again.superseded,
        again.rejected,
    )
    assert await balance(pool) == (4, 3, 0, 0, 1)


async def test_the_same_content_again_is_a_duplicate(pool: Any) -> None:
    """
    Another message with the same id, in the same batch or a later one, changes nothing and is counted as duplicate.
    """
    store = PostgresStore(pool)
    twice = [request(hrv_record(), sequence=at, message_id="same") for at in (1, 2)]
    first, second = await store.store(HRV, twice)
    (third,) = await store.store(HRV, [request(hrv_record(), sequence=3, message_id="same")])

    assert [each.is_duplicate for each in (first, second, third)] == [False, True, True]
    assert await balance(pool) == (3, 1, 0, 2, 0)


async def test_a_row_that_the_database_refuses_goes_alone(pool: Any) -> None:
    """
    Among 200 rows the two that can't be stored are found and rejected; the next newest of their key gets its chance.
    """
    good = [hrv_record(f"u{number:03}", index=number) for number in range(200)]
    poison = [
        msgspec.structs.replace(
            good[at], raw="no json", captured_at=good[at].captured_at.replace(minute=59), reading_index=200 + at
        )
        for at in (17, 151)
    ]
    (receipt,) = await PostgresStore(pool).store(HRV, [request(*good, *poison)])

    assert sorted(each.index for each in receipt.rejected) == [217, 351]
    assert {"the database refuses the row (SQLSTATE 22P02)"} == {each.error for each in receipt.rejected}
    assert await balance(pool) == (202, 200, 0, 0, 2)
    assert len(await rows(pool)) == 200


async def test_workers_with_the_same_message_agree(pool: Any) -> None:
    """
    Four workers with the same messages, in different orders: one stores each, the others see a redelivery; no deadlock.
    """
    requests = [
        request(
            *(hrv_record(f"u{user}", rmssd=30 + at, minutes_ago=at, sequence=at, index=user) for user in range(20)),
            sequence=at,
        )
        for at in range(1, 6)
    ]
    random.seed(1)
    batches = [random.sample(requests, len(requests)) for _ in range(4)]
    receipts = await asyncio.gather(*(PostgresStore(pool).store(HRV, batch) for batch in batches))

    fresh = [receipt for each in receipts for receipt in each if not receipt.is_redelivery]
    assert (len(fresh), (await balance(pool))[0]) == (5, 100)
    assert {f"u{user}": 31.0 for user in range(20)} == await rows(pool)


async def test_starts_alone_are_counted_until_the_message_is_done(pool: Any) -> None:
    """
    The number of earlier starts is returned, survives in the database, and is forgotten with the receipt.
    """
    store = PostgresStore(pool)
    starts = [await store.start_alone("m1", "AA_CORE_HOT", 1) for _ in range(3)]
    await store.store(HRV, [request(hrv_record())])

    assert [*starts, await store.start_alone("m1", "AA_CORE_HOT", 1)] == [0, 1, 2, 0]


async def test_a_database_that_is_away_is_unavailable() -> None:
    """
    Nobody listens: the error is that of an outage, and holds no secret.
    """
    pool = await open_pool("postgresql://user:hunter2@127.0.0.1:1/aa", size=1)
    with pytest.raises(Unavailable) as error:
        await PostgresStore(pool).store(HRV, [request(hrv_record())])
    await close_pool(pool, within_s=1)

    assert "hunter2" not in str(error.value)


async def test_a_missing_table_is_an_outage(pool: Any) -> None:
    """
    An operator's mistake is not the message's fault: nothing is rejected, the caller waits.
    """
    await pool.execute("ALTER TABLE hrv_data RENAME TO elsewhere")
    with pytest.raises(Unavailable, match="42P01"):
        await PostgresStore(pool).store(HRV, [request(hrv_record())])


steps = st.lists(
    st.lists(
        st.tuples(st.integers(1, 6), st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 3)), max_size=4)),
        min_size=1,
        max_size=3,
        unique_by=lambda each: each[0],
    ),
    max_size=5,
)


@given(batches=steps)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_history_gives_the_newest_and_a_balanced_ledger(pool: Any, batches: list[Any]) -> None:
    """
    For any batches of overlapping, repeated messages the table holds the newest of each key, and the ledger balances.
    """
    await pool.execute("TRUNCATE hrv_data, receipt")
    contents: dict[int, StoreRequest] = {}
    for batch in batches:
        requests = [contents.setdefault(sequence, _store_request(sequence, people)) for sequence, people in batch]
        receipts = await PostgresStore(pool).store(HRV, requests)
        assert [True] * len(requests) == [
            _adds_up(each, receipt) for each, receipt in zip(requests, receipts, strict=True)
        ]
    expected = newest(record for each in contents.values() for record in each.records)

    assert {record.user_id: getattr(record, "rmssd_ms") for record in expected} == await rows(pool)  # noqa: B009  # typed as Record
    assert sum(each.readings for each in contents.values()) == (await balance(pool))[0]


def _store_request(sequence: int, people: list[tuple[str, int]]) -> StoreRequest:
    return request(
        *(
            hrv_record(user, rmssd=10 * sequence + index + 10, minutes_ago=ago, sequence=sequence, index=index)
            for index, (user, ago) in enumerate(people)
        ),
        sequence=sequence,
    )


def _adds_up(each: StoreRequest, receipt: Receipt) -> bool:
    return each.readings == len(receipt.stored) + receipt.superseded + len(receipt.rejected)
