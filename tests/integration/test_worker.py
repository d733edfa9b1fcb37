"""The worker on a real stream and a real database: what the promises say of each message."""

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from typing import Any

import asyncpg
import pytest
from support.samples import hrv_reading
from support.servers import Postgres
from support.wait import eventually

from athlete_ally.adapters.nats.admin import NatsAdmin
from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.adapters.nats.dead_letters import NatsLetters
from athlete_ally.adapters.nats.inbox import NatsInbox
from athlete_ally.adapters.nats.publisher import NatsPublisher
from athlete_ally.adapters.postgres.receipts import PostgresReceipts
from athlete_ally.adapters.postgres.store import PostgresStore
from athlete_ally.adapters.prometheus import PrometheusObserver
from athlete_ally.core.broker.topology import CORE_HOT, DLQ, Topology, normalize_durable, raw_subject, stored_subject
from athlete_ally.core.circuit_breaker import BreakerLimits, CircuitBreaker
from athlete_ally.core.messages import headers
from athlete_ally.core.messages.dead_letter import Letter
from athlete_ally.core.messages.identity import message_id
from athlete_ally.core.messages.message import Delivery, OutgoingMessage
from athlete_ally.core.ports import Log
from athlete_ally.core.readings.measurement import Measurement, Rules
from athlete_ally.core.readings.record import Arrival, Record
from athlete_ally.core.series import every, normalize_series
from athlete_ally.core.verdict import RetryPolicy
from athlete_ally.measurements import HRV, KINDS
from athlete_ally.normalize.lane_breaker import LaneBreaker, stored_lane
from athlete_ally.normalize.report import Reporter
from athlete_ally.normalize.retry import UnboundedRetry, shown_on
from athlete_ally.normalize.worker import Tools, Work, Worker
from athlete_ally.wiring.builders import now

DURABLE = normalize_durable("hrv")


class Bench:
    """A worker, and everything that can be seen of what it does."""

    def __init__(self, connection: Connection, pool: Any, topology: Topology, log: Log) -> None:
        """Build it as the service does."""
        self.connection, self.pool, self.log = connection, pool, log
        self.series = normalize_series(KINDS, [])
        self.observer = PrometheusObserver(every(self.series))
        self.stop = asyncio.Event()
        self.inbox = NatsInbox(connection, topology.durable(DURABLE))
        self.publisher = NatsPublisher(connection, timeout_s=2)
        reporter = Reporter("hrv", self.series, self.observer, log)
        on_hold = shown_on(self.observer, self.series.holding, DURABLE)
        retry = UnboundedRetry(DURABLE, stop=self.stop, log=log, on_hold=on_hold, jitter=lambda: 0.5)
        self.tools = Tools(self.inbox, PostgresStore(pool), self.publisher, retry, reporter, now)
        self.work = Work(HRV, Rules(), RetryPolicy(backoff_s=(0.01,)), batch=500)
        self.breaker = CircuitBreaker()

    def worker(self, **changes: Any) -> Worker:
        """Return a worker, with parts of its work changed."""
        breaker = LaneBreaker(
            stored_lane("hrv"), self.breaker, observer=self.observer, series=self.series, log=self.log, now=now
        )
        return Worker(replace(self.work, **changes), self.tools, breaker)

    async def send(self, *readings: Any, body: bytes | None = None, extra: dict[str, str] | None = None) -> str:
        """Publish one message of readings; return its id."""
        body = body if body is not None else json.dumps({"readings": readings}).encode()
        identity = message_id(raw_subject("hrv"), body)
        attributes = {headers.READINGS: str(len(readings) or 1), **(extra or {})}
        await self.publisher.publish(OutgoingMessage(CORE_HOT, raw_subject("hrv"), body, identity, attributes))
        return identity

    async def work_once(self, worker: Worker | None = None, attempt: int | None = None) -> Sequence[Delivery]:
        """Fetch and handle what is there, as if delivered for the `attempt`-th time."""
        deliveries = await self.inbox.fetch(500, 1)
        if attempt is not None:
            deliveries = [replace(delivery, attempt=attempt) for delivery in deliveries]
        await (worker or self.worker()).handle(deliveries)
        return deliveries

    async def stored(self) -> dict[str, float]:
        """Return the rMSSD on record for each person."""
        return {row["user_id"]: row["rmssd_ms"] for row in await self.pool.fetch("SELECT * FROM hrv_data")}

    async def letters(self) -> list[Letter]:
        """Return all dead letters."""
        return [letter async for letter in NatsLetters(self.connection).all()]

    async def announced(self) -> list[str]:
        """Return the ids of all announcements in the stream."""
        stream = await NatsAdmin(self.connection).stream(CORE_HOT, stored_subject("hrv"))
        assert stream is not None
        return [f"{subject} {count}" for subject, count in stream.by_subject.items()]

    async def waiting(self) -> tuple[int, int]:
        """Return how many messages are undelivered, and how many unacknowledged."""
        durable = await NatsAdmin(self.connection).durable(CORE_HOT, DURABLE)
        assert durable is not None
        return durable.pending, durable.ack_pending

    async def settled(self) -> bool:
        """Tell whether nothing is left to do."""
        return await self.waiting() == (0, 0)


@pytest.fixture
async def bench(connection: Connection, pool: Any, topology: Topology, log: Log) -> AsyncGenerator[Bench]:
    """Give the test a bench of its own."""
    bench = Bench(connection, pool, topology, log)
    await bench.inbox.open()
    yield bench
    await bench.inbox.close()


async def test_good_readings_are_stored_and_announced(bench: Bench) -> None:
    """
    Two messages in one batch: their records are on record, each message is announced once, and all is settled.
    """
    await bench.send(hrv_reading("a"), hrv_reading("b"))
    await bench.send(hrv_reading("c"))
    await bench.work_once()

    assert await bench.stored() == {"a": 42.0, "b": 42.0, "c": 42.0}
    assert [f"{stored_subject('hrv')} 2"] == await bench.announced()
    assert await eventually(bench.settled)


async def test_only_what_fails_is_dead_lettered(bench: Bench) -> None:
    """
    One impossible among 499 good readings: 499 rows, one letter with that one reading, and the message acknowledged.
    """
    impossible = hrv_reading("impossible", 900)
    await bench.send(
        *(hrv_reading(f"u{number}") for number in range(250)),
        impossible,
        *(hrv_reading(f"v{number}") for number in range(249)),
    )
    await bench.work_once()
    (letter,) = await bench.letters()

    assert len(await bench.stored()) == 499
    assert {"readings": [impossible]} == json.loads(letter.body)
    assert tuple(letter.headers[name] for name in (headers.DLQ_REASON, headers.READING_INDEXES, headers.READINGS)) == (
        "non-retryable",
        "250",
        "1",
    )
    assert await eventually(bench.settled)


async def test_an_unreadable_message_is_kept_whole(bench: Bench) -> None:
    """
    Bytes that are no readings are dead-lettered as they came, counted as declared, and terminated.
    """
    await bench.send(body=b"\xff\x00 nothing", extra={headers.READINGS: "3"})
    await bench.work_once()
    (letter,) = await bench.letters()
    totals = await PostgresReceipts(bench.pool).totals()

    assert (letter.body, letter.headers[headers.DLQ_REASON]) == (b"\xff\x00 nothing", "schema-invalid")
    assert totals["hrv"] == {"readings": 3, "stored": 0, "superseded": 0, "duplicate": 0, "dead_lettered": 3}
    assert await eventually(bench.settled)


async def test_a_message_delivered_twice_has_its_effects_once(bench: Bench) -> None:
    """
    The same deliveries again, as after a crash before the acknowledgement: no second row, announcement or letter.
    """
    await bench.send(hrv_reading("a"), hrv_reading("b", 900))
    deliveries = await bench.work_once()
    await bench.worker().handle(deliveries)

    assert ({"a": 42.0}, 1, [f"{stored_subject('hrv')} 1"]) == (
        await bench.stored(),
        len(await bench.letters()),
        await bench.announced(),
    )


async def test_two_deliveries_of_one_message_in_one_batch(bench: Bench) -> None:
    """
    A redelivery that arrives beside its first delivery is recognised, and settled with it.
    """
    await bench.send(hrv_reading("a"))
    (delivery,) = await bench.inbox.fetch(10, 1)
    await bench.worker().handle([delivery, replace(delivery, attempt=2)])

    assert await bench.stored() == {"a": 42.0}
    assert await eventually(bench.settled)


def _buggy(bad_user: str) -> Measurement:
    def normalise(reading: Any, arrival: Arrival, index: int, rules: Rules) -> Record:
        if reading.user_id == bad_user:
            raise RuntimeError("a bug of ours, quoting 42")
        return HRV.normalise(reading, arrival, index, rules)

    return replace(HRV, normalise=normalise)


async def test_a_bug_concerns_its_own_message_only(bench: Bench) -> None:
    """
    The message that trips over a bug is retried, and on its last delivery dead-lettered; its neighbours are stored.
    """
    await bench.send(hrv_reading("a"))
    await bench.send(hrv_reading("bad"))
    worker = bench.worker(measurement=_buggy("bad"))
    await bench.work_once(worker)
    assert (await bench.stored(), await bench.letters()) == ({"a": 42.0}, [])

    for _ in range(4):
        await bench.work_once(worker)
    (letter,) = await bench.letters()

    assert tuple(letter.headers[name] for name in (headers.DLQ_REASON, headers.DLQ_ERROR, headers.DLQ_ATTEMPTS)) == (
        "max-deliver",
        "RuntimeError",
        "5",
    )
    assert await eventually(bench.settled)


async def test_a_message_that_kills_is_dead_lettered_and_its_neighbours_are_not(bench: Bench) -> None:
    """
    Past max_deliver only the message that was alone when the process died is dead-lettered; others are stored.
    """
    killer = await bench.send(hrv_reading("killer"))
    await bench.send(hrv_reading("bystander"))
    for _ in range(3):
        await bench.tools.store.start_alone(killer, CORE_HOT, 1)
    await bench.work_once(attempt=6)
    (letter,) = await bench.letters()

    assert (await bench.stored(), letter.headers[headers.DLQ_REASON]) == ({"bystander": 42.0}, "max-deliver")
    assert {"readings": [hrv_reading("killer")]} == json.loads(letter.body)


async def test_a_full_dead_letter_stream_delays_only_the_letter(bench: Bench) -> None:
    """
    AA_DLQ refuses: the original stays unacknowledged in its stream while good messages pass; later it is copied.
    """
    live = await NatsAdmin(bench.connection).stream(DLQ)
    assert live is not None
    await bench.connection.api(f"STREAM.UPDATE.{DLQ}", {**live.config, "max_bytes": 100})
    await bench.send(hrv_reading("a", 900))
    await bench.send(hrv_reading("b"))
    deliveries = await bench.work_once()

    assert (await bench.stored(), await bench.letters()) == ({"b": 42.0}, [])

    await bench.connection.api(f"STREAM.UPDATE.{DLQ}", live.config)
    await bench.worker().handle(deliveries)

    assert len(await bench.letters()) == 1


async def test_a_database_that_is_away_is_waited_for(
    bench: Bench, postgres_server: Postgres, database_url: str
) -> None:
    """
    Connections are refused: the worker holds its message, dead-letters nothing, and stores it later.
    """
    name = database_url.rpartition("/")[2]
    await bench.send(hrv_reading("a"))
    admin = await _connect(postgres_server.url)
    await admin.execute(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false")
    await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
    working = asyncio.create_task(bench.work_once())

    async def holds() -> bool:
        return bench.tools.retry.is_holding

    await eventually(holds)
    assert b'normalize_holding{durable="normalize-hrv-durable"} 1.0' in bench.observer.exposition()
    await admin.execute(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS true")
    await admin.close()
    await working

    assert (await bench.stored(), await bench.letters()) == ({"a": 42.0}, [])
    assert await eventually(bench.settled)


async def _connect(url: str) -> Any:
    return await asyncpg.connect(url)


async def test_the_circuit_breaker_stops_a_worker_that_rejects_everything(bench: Bench) -> None:
    """
    Sixty unreadable messages of two senders: fifty letters, ten messages still in the stream, and the worker waits.
    """
    for number in range(60):
        await bench.send(body=f"nonsense {number}".encode(), extra={headers.SENDER: f"key:{number % 2}"})
    worker = bench.worker()
    running = asyncio.create_task(worker.run(bench.stop))

    async def is_open() -> bool:
        return bool(worker.stopped) and (len(await bench.letters()), sum(await bench.waiting())) == (50, 10)

    await eventually(is_open)
    bench.stop.set()
    await running

    assert (len(await bench.letters()), sum(await bench.waiting())) == (50, 10)
    assert b'normalize_fuse_open{durable="normalize-hrv-durable"} 1.0' in bench.observer.exposition()


async def test_smaller_limits_open_it_sooner(bench: Bench) -> None:
    """
    The limits are the operator's.
    """
    bench.breaker = CircuitBreaker(BreakerLimits(consecutive=2))
    for number in range(5):
        await bench.send(body=f"nonsense {number}".encode(), extra={headers.SENDER: f"key:{number % 2}"})
    await bench.work_once()

    assert len(await bench.letters()) == 2


async def test_run_works_until_told_to_stop(bench: Bench) -> None:
    """
    Messages that arrive while it runs are dealt with; told to stop, it ends after the messages in progress.
    """
    running = asyncio.create_task(bench.worker().run(bench.stop))
    for number in range(20):
        await bench.send(hrv_reading(f"u{number}"))

    async def all_there() -> bool:
        return len(await bench.stored()) == 20

    await eventually(all_there)
    await eventually(bench.settled)
    bench.stop.set()
    await asyncio.wait_for(running, 10)
