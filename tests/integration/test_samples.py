"""Time series in PostgreSQL: a row for each point, the newest of an instant, and the same receipts as for any kind."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import msgspec
import pytest
from support.samples import request

from athlete_ally.adapters.postgres.store import PostgresStore
from athlete_ally.core.readings.measurement import Rules
from athlete_ally.core.readings.record import Arrival
from athlete_ally.core.readings.sample_batch import SampleBatch
from athlete_ally.measurements import SAMPLES

START = datetime(2026, 11, 20, 7, tzinfo=UTC)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def run(values: list[float], *, sequence: int = 1, first: int = 0, minutes_ago: int = 60, **more: Any) -> SampleBatch:
    """Return a run with a heart rate each second, from second `first` on."""
    reading = {
        "userId": "a",
        "start": (START + timedelta(seconds=first)).isoformat(),
        "end": (START + timedelta(seconds=first + len(values))).isoformat(),
        "code": "heart_rate",
        "unit": "/min",
        "values": values,
        "intervalSeconds": 1,
        "capturedAt": (NOON - timedelta(minutes=minutes_ago)).isoformat(),
        **more,
    }
    arrival = Arrival(message_id=f"m{sequence}", stream_sequence=sequence, received_at=NOON)
    record = SAMPLES.normalise(msgspec.convert(reading, SAMPLES.decoder.reading_type), arrival, 0, Rules())
    assert isinstance(record, SampleBatch)
    return record


async def points(pool: Any, user: str = "a") -> list[float]:
    """Return the values of a person, in the order of time."""
    rows = await pool.fetch("SELECT value FROM samples WHERE user_id = $1 ORDER BY at", user)
    return [row["value"] for row in rows]


async def test_a_run_is_a_row_for_each_point(pool: Any) -> None:
    """
    What an analyst reads: instant, value, unit, LOINC code, how long a point lasts, and whether it is plausible.
    """
    steps = run([112, 0], code="steps", unit="{steps}", lastsSeconds=[1, 0.5], source="fitbit", device="Charge 6")
    await PostgresStore(pool).store(SAMPLES, [request(steps), request(run([0.0], sequence=2), sequence=2)])
    rows = await pool.fetch(
        "SELECT code, unit, loinc, source, device, at, lasts_s, value, is_plausible FROM samples ORDER BY code, at"
    )

    assert [tuple(row) for row in rows] == [
        ("heart_rate", "/min", "8867-4", "client", "", START, None, 0.0, False),
        ("steps", "{steps}", "55423-8", "fitbit", "Charge 6", START, 1.0, 112.0, True),
        ("steps", "{steps}", "55423-8", "fitbit", "Charge 6", START + timedelta(seconds=1), 0.5, 0.0, True),
    ]


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("together", [True, False])
async def test_the_newest_point_of_an_instant_stays(pool: Any, order: tuple[int, ...], together: bool) -> None:  # noqa: FBT001  # a parameter of the test
    """
    Runs that overlap are merged point by point, whatever the order of arrival, in one batch or in several.
    """
    runs = [
        run([60, 61, 62, 63], sequence=1, minutes_ago=60),
        run([70, 71], sequence=2, first=1, minutes_ago=30),
        run([80, 81], sequence=3, first=3, minutes_ago=45),
    ]
    requests = [request(runs[number], sequence=number + 1) for number in order]
    store = PostgresStore(pool)
    for batch in [requests] if together else [[each] for each in requests]:
        await store.store(SAMPLES, batch)

    assert await points(pool) == [60.0, 70.0, 71.0, 80.0, 81.0]


async def test_a_run_of_which_nothing_is_new_is_superseded(pool: Any) -> None:
    """
    A run counts as stored as long as one of its points is; with none it is superseded.
    """
    store = PostgresStore(pool)
    await store.store(SAMPLES, [request(run([60, 61], sequence=1, minutes_ago=10))])
    within, beyond = await store.store(
        SAMPLES,
        [
            request(run([50, 51], sequence=2, minutes_ago=20), sequence=2),
            request(run([52, 53], sequence=3, first=1, minutes_ago=20), sequence=3),
        ],
    )

    assert (
        await points(pool),
        (len(within.stored), within.superseded),
        (len(beyond.stored), beyond.superseded),
    ) == ([60.0, 61.0, 53.0], (0, 1), (1, 0))


async def test_a_redelivery_changes_nothing_and_is_announced_again(pool: Any) -> None:
    """
    The same message twice: the same points, one receipt, and the run is handed back so that it can be announced.
    """
    store = PostgresStore(pool)
    record = run([60, 61, 62])
    await store.store(SAMPLES, [request(record)])
    (again,) = await store.store(SAMPLES, [request(record)])

    assert (True, (record,), [60.0, 61.0, 62.0], 1) == (
        again.is_redelivery,
        again.stored,
        await points(pool),
        await pool.fetchval("SELECT count(*) FROM receipt"),
    )


async def test_a_refused_run_takes_no_other_with_it(pool: Any) -> None:
    """
    A run that the database refuses is rejected by itself; the others of the batch are stored.
    """
    bad = msgspec.structs.replace(run([99], sequence=2), device="\0")
    requests = [request(run([60])), request(bad, sequence=2), request(run([61], sequence=3, first=1), sequence=3)]
    receipts = await PostgresStore(pool).store(SAMPLES, requests)

    assert (
        [len(each.stored) for each in receipts],
        [each.error[-6:-1] for each in receipts[1].rejected],
        await points(pool),
    ) == ([1, 0, 1], ["22021"], [60.0, 61.0])


async def test_a_run_crosses_the_year(pool: Any) -> None:
    """
    Points go into the partition of their year, and nobody has to make one.
    """
    start = datetime(2025, 12, 31, 23, 59, 58, tzinfo=UTC)
    record = run([60, 61, 62, 63], start=start.isoformat(), end=(start + timedelta(seconds=4)).isoformat())
    await PostgresStore(pool).store(SAMPLES, [request(record)])
    rows = await pool.fetch(
        "SELECT tableoid::regclass::text AS place, count(*) FROM samples_data GROUP BY 1 ORDER BY 1"
    )

    assert [tuple(row) for row in rows] == [("samples_data_2025", 2), ("samples_data_2026", 2)]


async def test_workers_that_write_the_same_series_never_deadlock(pool: Any) -> None:
    """
    Many batches over the same people at once, in different orders: all are stored, and each instant has the newest.
    """
    random.seed(7)
    store = PostgresStore(pool)
    batches: list[list[Any]] = [[] for _ in range(6)]
    for sequence in range(1, 61):
        user = f"person-{sequence % 5}"
        record = run([float(sequence)] * 40, sequence=sequence, minutes_ago=61 - sequence, userId=user)
        batches[sequence % 6].append(request(record, sequence=sequence))
    for batch in batches:
        random.shuffle(batch)
    await asyncio.gather(*(store.store(SAMPLES, batch) for batch in batches))
    newest = [await points(pool, f"person-{number}") for number in range(5)]

    assert [[60.0] * 40, *([float(55 + number)] * 40 for number in range(1, 5))] == newest
