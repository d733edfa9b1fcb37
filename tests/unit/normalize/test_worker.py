"""The worker over fakes: every turn that a message can take, and every moment at which the world or we can fail."""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.fakes import Effect, FakeInbox, FakeLog, FakeObserver, FakePublisher, FakeStore, dev_topology
from support.samples import NOON, hrv_reading
from support.wait import eventually

from athlete_ally.core.broker.topology import (
    CORE_HOT,
    DLQ,
    dead_letter_subject,
    normalize_durable,
    stored_subject,
)
from athlete_ally.core.circuit_breaker import PROBE_MESSAGES, BreakerLimits, CircuitBreaker
from athlete_ally.core.errors import Misconfigured
from athlete_ally.core.messages import headers
from athlete_ally.core.messages.message import Acknowledgement, Delivery, OutgoingMessage
from athlete_ally.core.ports import Inbox, Publisher, Store
from athlete_ally.core.readings.measurement import Measurement, Rules
from athlete_ally.core.readings.record import Arrival, Record
from athlete_ally.core.receipts import Receipt, StoreRequest
from athlete_ally.core.series import every, normalize_series
from athlete_ally.core.verdict import RetryPolicy
from athlete_ally.measurements import KINDS
from athlete_ally.measurements.hrv import HRV
from athlete_ally.normalize import consumer_loop as consumer_loop_module
from athlete_ally.normalize import retry as retry_module
from athlete_ally.normalize.lane_breaker import LaneBreaker, stored_lane
from athlete_ally.normalize.report import Reporter
from athlete_ally.normalize.retry import Stopping, UnboundedRetry, kept_in_progress, shown_on
from athlete_ally.normalize.worker import Tools, Work, Worker

DURABLE = normalize_durable("hrv")
STORED = stored_subject("hrv")
IMPOSSIBLE = dead_letter_subject("hrv", "non-retryable")
UNREADABLE = dead_letter_subject("hrv", "schema-invalid")
DEAD_LETTERED = dead_letter_subject("hrv", "max-deliver")
SERIES = normalize_series(KINDS, [])


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait milliseconds where the worker waits seconds."""
    monkeypatch.setattr(retry_module, "_FIRST_DELAY_S", 0.001)
    monkeypatch.setattr(retry_module, "_LONGEST_DELAY_S", 0.002)
    monkeypatch.setattr(consumer_loop_module, "_KEEP_EVERY_S", 0.002)
    monkeypatch.setattr(consumer_loop_module, "_LINGER_S", 0.02)


class StrictInbox(FakeInbox):
    """Ends no message before AA_DLQ holds its letter."""

    def __init__(self, publisher: FakePublisher, effects: list[Effect]) -> None:
        """Look for letters at `publisher`."""
        super().__init__(dev_topology().durable(DURABLE), effects)
        self._publisher = publisher

    async def terminate(self, delivery: Delivery, reason: str) -> None:
        """See the port."""
        letters = [message for message in self._publisher.published if message.stream == DLQ]
        assert str(delivery.sequence) in {letter.headers[headers.ORIGINAL_SEQUENCE] for letter in letters}
        await super().terminate(delivery, reason)


class Bench:
    """A worker over fakes, and everything that can be seen of what it does."""

    def __init__(self) -> None:
        """Build all but the worker."""
        self.effects: list[Effect] = []
        self.store = FakeStore(effects=self.effects)
        self.publisher = FakePublisher(effects=self.effects)
        self.inbox = StrictInbox(self.publisher, self.effects)
        self.observer = FakeObserver(every(SERIES))
        self.log = FakeLog()
        self.stop = asyncio.Event()
        self.breaker = CircuitBreaker()
        self.now = NOON

    def worker(
        self,
        measurement: Measurement = HRV,
        *,
        inbox: Inbox | None = None,
        store: Store | None = None,
        publisher: Publisher | None = None,
    ) -> Worker:
        """Return a new worker, as after a restart."""
        reporter = Reporter("hrv", SERIES, self.observer, self.log)
        on_hold = shown_on(self.observer, SERIES.holding, DURABLE)
        tools = Tools(
            inbox=inbox or self.inbox,
            store=store or self.store,
            publisher=publisher or self.publisher,
            retry=UnboundedRetry(DURABLE, stop=self.stop, log=self.log, on_hold=on_hold, jitter=lambda: 0.5),
            reporter=reporter,
            now=lambda: NOON,
        )
        breaker = LaneBreaker(
            stored_lane("hrv"),
            self.breaker,
            observer=self.observer,
            series=SERIES,
            log=self.log,
            now=lambda: self.now,
        )
        return Worker(Work(measurement, Rules(), RetryPolicy(), batch=500), tools, breaker)

    def send(
        self,
        *readings: Any,
        body: bytes | None = None,
        message_id: str | None = None,
        attempts: int = 0,
        sender: str = "key:a",
    ) -> int:
        """Put one message of readings into the stream; return its sequence."""
        content = json.dumps({"readings": readings}).encode() if body is None else body
        own = {headers.READINGS: str(len(readings) or 1), headers.SENDER: sender}
        return self.inbox.put(content, message_id=message_id, headers=own, stored_at=NOON, attempts=attempts)

    async def work_once(self, worker: Worker | None = None) -> None:
        """Fetch what is due and handle it."""
        await (worker or self.worker()).handle(await self.inbox.fetch(500, 0))

    def stored(self) -> dict[str, float]:
        """Return the rMSSD on record for each person."""
        return {record.user_id: getattr(record, "rmssd_ms") for record in self.store.current("hrv")}  # noqa: B009  # typed as Record

    def letters(self) -> list[OutgoingMessage]:
        """Return all dead letters."""
        return [message for message in self.publisher.published if message.stream == DLQ]

    def announced(self) -> list[str]:
        """Return the people whose records were announced, in order."""
        return [
            record["user_id"] for message in self.publisher.on(STORED) for record in json.loads(message.body)["records"]
        ]

    def messages(self, result: str) -> float:
        """Return how many messages ended with this result, by the series."""
        return self.observer.total(SERIES.kinds["hrv"].messages, result)

    def readings(self, result: str) -> float:
        """Return how many readings ended with this result, by the series."""
        return self.observer.total(SERIES.kinds["hrv"].readings, result)

    async def until_holding(self) -> None:
        """Return once the worker waits for the world."""

        async def holds() -> bool:
            return self.observer.value(SERIES.holding, DURABLE) == 1

        await eventually(holds)


@pytest.fixture
def bench() -> Bench:
    """Give the test a bench of its own."""
    return Bench()


async def some_turns() -> None:
    """Give every other task more turns than a pull takes."""
    for _ in range(100):
        await asyncio.sleep(0)


def no_other_tasks() -> bool:
    """Tell whether the test's own task is the only one."""
    return len(asyncio.all_tasks()) == 1


# The outcome of a message


async def test_good_messages_are_stored_announced_and_acknowledged(bench: Bench) -> None:
    """
    Receipt, announcement, acknowledgement, in this order and nothing else; and every message of a batch gets its own.
    """
    bench.send(hrv_reading("a"), hrv_reading("b"))
    await bench.work_once()
    assert bench.effects == [("store", 1), ("publish", STORED), ("ack", 1)]

    for user in "cd":
        bench.send(hrv_reading(user))
    await bench.work_once()
    assert (bench.announced(), list(bench.stored())) == (["a", "b", "c", "d"], ["a", "b", "c", "d"])
    assert (sorted(bench.inbox.acked), bench.messages("success"), bench.readings("success")) == ([1, 2, 3], 3, 4)


async def test_one_bad_reading_takes_no_good_one_along(bench: Bench) -> None:
    """
    Of four readings the two good ones are stored; the others are dead-lettered, one letter for each reason, with their
    indexes; and the message is acknowledged.
    """
    bench.send(hrv_reading("a"), hrv_reading("b", 900), hrv_reading("c", "forty"), hrv_reading("d"))
    await bench.work_once()
    impossible, unreadable = bench.letters()

    assert [
        (
            letter.subject,
            [reading["userId"] for reading in json.loads(letter.body)["readings"]],
            letter.headers[headers.READING_INDEXES],
        )
        for letter in (impossible, unreadable)
    ] == [(IMPOSSIBLE, ["b"], "1"), (UNREADABLE, ["c"], "2")]
    assert (bench.inbox.acked, bench.inbox.terminated, list(bench.stored())) == ([1], [], ["a", "d"])
    assert tuple(map(bench.readings, ("success", "schema_invalid", "dlq"))) == (2.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"\xff\x00", "schema-invalid"),
        (json.dumps({"readings": [hrv_reading("a", 900)]}).encode(), "non-retryable"),
    ],
    ids=["unreadable", "impossible"],
)
async def test_a_useless_message_is_terminated_after_its_letter(bench: Bench, body: bytes, reason: str) -> None:
    """
    A message of which nothing is of use: receipt, then the letter in AA_DLQ byte for byte, and only then its end.
    """
    bench.send(body=body)
    await bench.work_once()
    (letter,) = bench.letters()

    assert [("store", 1), ("publish", letter.subject), ("terminate", 1)] == bench.effects
    assert (body, reason, [(1, reason)]) == (
        letter.body,
        letter.headers[headers.DLQ_REASON],
        bench.inbox.terminated,
    )
    assert bench.observer.value(SERIES.dead_letters, DURABLE, reason, letter.subject) == 1


async def test_a_row_that_the_database_refuses_is_dead_lettered_alone(bench: Bench) -> None:
    """
    Nobody could know before: the one row goes to AA_DLQ with its SQLSTATE, the rest of its message is announced.
    """
    bench.store.refuse = lambda record: "22021" if record.user_id == "b" else None
    bench.send(hrv_reading("a"), hrv_reading("b"))
    await bench.work_once()
    (letter,) = bench.letters()

    assert (
        letter.subject,
        letter.headers[headers.READING_INDEXES],
        "22021" in letter.headers[headers.DLQ_ERROR],
    ) == (IMPOSSIBLE, "1", True)
    assert (bench.announced(), bench.inbox.acked) == (["a"], [1])


async def test_a_late_reading_is_not_announced(bench: Bench) -> None:
    """
    A message whose records are all older than what is there is acknowledged without a word.
    """
    bench.send(hrv_reading("a", 50, minutes_ago=1))
    bench.send(hrv_reading("a", 40, minutes_ago=9))
    await bench.work_once()

    assert (bench.stored(), bench.announced(), sorted(bench.inbox.acked)) == ({"a": 50.0}, ["a"], [1, 2])
    assert bench.readings("superseded") == 1


async def test_equal_content_twice_has_its_effects_once(bench: Bench) -> None:
    """
    A second message with the same id is acknowledged as a duplicate: no row, no announcement, no letter.
    """
    for _ in range(2):
        bench.send(hrv_reading("a"), hrv_reading("b", 900), message_id="same")
    await bench.work_once()

    assert (len(bench.letters()), bench.announced(), sorted(bench.inbox.acked)) == (1, ["a"], [1, 2])
    assert (bench.messages("duplicate"), bench.readings("duplicate")) == (1, 2)


async def test_two_deliveries_of_one_message_in_one_batch_are_one(bench: Bench) -> None:
    """
    The later delivery stands for both: stored, announced and settled once.
    """
    bench.send(hrv_reading("a"))
    (first,) = await bench.inbox.fetch(1, 0)
    bench.inbox.redeliver(1)
    (second,) = await bench.inbox.fetch(1, 0)
    await bench.worker().handle([first, second])

    assert bench.effects == [("store", 1), ("publish", STORED), ("ack", 1)]


async def test_a_redelivery_after_the_receipt_repeats_the_same_effects(bench: Bench) -> None:
    """
    Stored, then stopped before anything was told: the next delivery tells it all, under the ids of the first attempt,
    and stores nothing again.
    """
    bench.send(hrv_reading("a"), hrv_reading("b", 900))
    await bench.work_once()
    (told_first, at_first), bench.publisher.tried = (bench.publisher.tried, list(bench.effects)), []
    bench.inbox._messages[1].is_settled = False  # pyright: ignore[reportPrivateUsage]  # its acknowledgement was lost
    bench.inbox.redeliver(1)
    await bench.work_once()

    ids = [[(message.message_id, message.body) for message in told] for told in (told_first, bench.publisher.tried)]
    assert ids[0] == ids[1]
    assert [*at_first, ("ack", 1)] == bench.effects
    assert (len(bench.letters()), bench.announced(), bench.messages("duplicate")) == (1, ["a"], 1)


# Outages


async def test_a_full_dead_letter_stream_holds_up_only_the_letter(bench: Bench) -> None:
    """
    AA_DLQ refuses: that message is given back with a delay, good ones pass; with room again, its letter comes first.
    """
    bench.publisher.full = {DLQ}
    bench.send(body=b"nonsense")
    bench.send(hrv_reading("a"))
    await bench.work_once()
    assert (bench.inbox.retried, bench.inbox.acked, bench.inbox.terminated) == ([(1, 30.0)], [2], [])

    bench.publisher.full = set()
    bench.inbox.redeliver()
    await bench.work_once()
    assert bench.effects[-2:] == [("publish", UNREADABLE), ("terminate", 1)]


async def test_a_letter_that_waits_for_space_counts_once_for_the_circuit_breaker(bench: Bench) -> None:
    """
    However often one bad message is given back because AA_DLQ is full, it is one bad message: it is counted once.
    """
    bench.publisher.full = {DLQ}
    bench.send(body=b"nonsense")
    for _ in range(3 * bench.breaker.limits.consecutive):
        await bench.work_once()
        bench.inbox.redeliver()

    assert (bench.breaker.state, bench.inbox.unacknowledged) == ("running", [1])


async def test_a_full_stream_of_announcements_is_retried_by_redelivery(bench: Bench) -> None:
    """
    The record is stored but nobody was told: given back, and told when there is room.
    """
    bench.publisher.full = {CORE_HOT}
    bench.send(hrv_reading("a"))
    await bench.work_once()
    assert (bench.stored(), bench.inbox.retried, bench.inbox.acked) == ({"a": 42.0}, [(1, 30.0)], [])

    bench.publisher.full = set()
    bench.inbox.redeliver()
    await bench.work_once()
    assert (bench.announced(), bench.inbox.acked) == (["a"], [1])


async def test_a_letter_that_is_too_large_is_given_back(bench: Bench) -> None:
    """
    An operator lowered the limit of AA_DLQ: the original stays, and nothing stops.
    """
    bench.publisher.limits[DLQ] = 100
    bench.send(body=b"nonsense")
    await bench.work_once()

    assert (bench.inbox.retried, bench.inbox.unacknowledged) == ([(1, 30.0)], [1])


@pytest.mark.parametrize("away", ["inbox", "store", "publisher"])
async def test_an_absent_world_is_waited_for(bench: Bench, away: str) -> None:
    """
    During any outage the worker says that it holds, settles nothing and dead-letters nothing; when all is back it goes
    on where it was.
    """
    bench.send(hrv_reading("a"), hrv_reading("b", 900))
    deliveries = await bench.inbox.fetch(10, 0)
    fake = {"inbox": bench.inbox, "store": bench.store, "publisher": bench.publisher}[away]
    fake.unavailable = True
    working = asyncio.create_task(bench.worker().handle(deliveries))
    await bench.until_holding()
    assert (bench.inbox.unacknowledged, working.done()) == ([1], False)

    fake.unavailable = False
    await working
    assert (bench.inbox.acked, bench.inbox.terminated, len(bench.letters())) == ([1], [], 1)
    assert (
        bench.letters()[0].headers[headers.DLQ_REASON],
        bench.observer.value(SERIES.holding, DURABLE),
    ) == ("non-retryable", 0.0)


async def test_what_is_held_is_kept_in_progress(bench: Bench) -> None:
    """
    While the database is away the broker hears of every delivery in progress, again and again; afterwards of none.
    """
    for user in "abc":
        bench.send(hrv_reading(user))
    bench.store.unavailable = True
    working = asyncio.create_task(bench.work_once())

    async def kept_often() -> bool:
        return min(bench.inbox.kept.count(sequence) for sequence in (1, 2, 3)) > 3

    await eventually(kept_often)
    bench.store.unavailable = False
    await working

    assert (bench.inbox.acked, no_other_tasks()) == ([1, 2, 3], True)


async def test_a_worker_that_can_not_pull_waits(bench: Bench) -> None:
    """
    With the broker away `run` holds; when it is back the message is handled, and a stop ends it.
    """
    bench.inbox.unavailable = True
    bench.send(hrv_reading("a"))
    running = asyncio.create_task(bench.worker().run(bench.stop))
    await bench.until_holding()
    bench.inbox.unavailable = False

    async def acked() -> bool:
        return bench.inbox.acked == [1]

    await eventually(acked)
    bench.stop.set()
    await running


@pytest.mark.parametrize("away", ["store", "publisher"])
async def test_a_stop_while_holding_leaves_all_unacknowledged(bench: Bench, away: str) -> None:
    """
    Told to stop during an outage, `run` ends; what was in progress is delivered again, to another worker.
    """
    bench.send(hrv_reading("a"))
    bench.send(body=b"nonsense")
    setattr(bench, f"{away}", _away(getattr(bench, away)))
    running = asyncio.create_task(bench.worker().run(bench.stop))
    await bench.until_holding()
    bench.stop.set()
    await asyncio.wait_for(running, 10)

    assert (bench.inbox.unacknowledged, bench.inbox.retried, bench.letters()) == ([1, 2], [], [])
    assert (len(bench.log.named("stopped-while-holding")), no_other_tasks()) == (1, True)


def _away(fake: Any) -> Any:
    fake.unavailable = True
    return fake


async def test_a_stop_lets_started_work_finish(bench: Bench) -> None:
    """
    Without an outage a stop interrupts nothing: the batch in progress is stored, announced and settled.
    """
    for user in "abc":
        bench.send(hrv_reading(user))
    bench.store.refuse = lambda _: bench.stop.set()
    await asyncio.wait_for(bench.worker().run(bench.stop), 10)

    assert (bench.inbox.acked, bench.announced()) == ([1, 2, 3], ["a", "b", "c"])


async def test_a_cancelled_worker_leaves_nothing_behind(bench: Bench) -> None:
    """
    Cut off in the middle of holding: no task of its own survives, and nothing was settled.
    """
    bench.send(hrv_reading("a"))
    bench.publisher.unavailable = True
    running = asyncio.create_task(bench.worker().run(bench.stop))
    await bench.until_holding()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert (bench.inbox.unacknowledged, no_other_tasks()) == ([1], True)


async def test_a_misconfigured_broker_stops_the_worker(bench: Bench) -> None:
    """
    A subject that belongs to another stream is for the operator: the error comes out, and nothing was settled.
    """

    class Mispointed(FakePublisher):
        async def publish(self, message: OutgoingMessage) -> Acknowledgement:
            raise Misconfigured(f"{message.subject} belongs to another stream")

    bench.send(hrv_reading("a"))
    with pytest.raises(Misconfigured):
        await bench.worker(publisher=Mispointed()).run(bench.stop)

    assert (bench.inbox.unacknowledged, no_other_tasks()) == ([1], True)


# Alarm of ours


def buggy(user: str, error: type[BaseException] = RuntimeError) -> Measurement:
    """Return HRV with a bug that one person's readings bring out."""

    def normalise(reading: Any, arrival: Arrival, index: int, rules: Rules) -> Record:
        if reading.user_id == user:
            raise error("a bug of ours, quoting 42")
        return HRV.normalise(reading, arrival, index, rules)

    return replace(HRV, normalise=normalise)


async def test_a_bug_is_retried_with_backoff_and_dead_lettered_in_the_end(bench: Bench) -> None:
    """
    The message that trips over a bug of ours is tried `max_deliver` times, less and less often, then dead-lettered; its
    neighbours are stored at once, and no log line quotes the reading.
    """
    bench.send(hrv_reading("a"))
    bench.send(hrv_reading("bad"))
    for _ in range(5):
        await bench.work_once(bench.worker(buggy("bad")))
        bench.inbox.redeliver()
    (letter,) = bench.letters()

    assert bench.inbox.retried == [(2, 1.0), (2, 5.0), (2, 30.0), (2, 120.0)]
    assert (
        letter.subject,
        letter.headers[headers.DLQ_ATTEMPTS],
        letter.headers[headers.DLQ_ERROR],
    ) == (DEAD_LETTERED, "5", "RuntimeError")
    assert (bench.inbox.acked, bench.inbox.terminated) == ([1], [(2, "max-deliver")])
    assert (len(bench.log.named("unforeseen")), "quoting" in str(bench.log.lines)) == (5, False)
    assert bench.messages("retry") == 4


async def test_a_fixed_bug_costs_nothing(bench: Bench) -> None:
    """
    The next deploy comes before `max_deliver`: the message is stored as if nothing had been.
    """
    bench.send(hrv_reading("bad"))
    for measurement in (buggy("bad"), buggy("bad"), buggy("bad"), HRV):
        await bench.work_once(bench.worker(measurement))
        bench.inbox.redeliver()

    assert (bench.stored(), bench.inbox.acked, bench.letters(), bench.store.lone_starts) == (
        {"bad": 42.0},
        [1],
        [],
        {},
    )


class Killed(BaseException):
    """The process died: nothing of ours gets to react."""


async def test_a_message_that_kills_is_found_and_its_neighbours_live(bench: Bench) -> None:
    """
    A message kills the process whenever it is handled: after more than `max_deliver` deliveries it is dead-lettered,
    unread; what was only ever fetched along with it is stored.
    """
    bench.send(hrv_reading("early"))
    bench.send(hrv_reading("killer"))
    bench.send(hrv_reading("late"))
    deaths = 0
    while bench.inbox.unacknowledged:
        try:
            await bench.work_once(bench.worker(buggy("killer", Killed)))
        except Killed:
            deaths += 1
            assert deaths < 20
            bench.inbox.redeliver()
    (letter,) = bench.letters()

    assert (list(bench.stored()), deaths) == (["early", "late"], 5)
    assert (DEAD_LETTERED, "6", {"readings": [hrv_reading("killer")]}) == (
        letter.subject,
        letter.headers[headers.DLQ_ATTEMPTS],
        json.loads(letter.body),
    )
    assert (sorted(bench.inbox.acked), bench.inbox.terminated) == ([1, 3], [(2, "max-deliver")])


async def test_bystanders_with_many_deliveries_are_handled(bench: Bench) -> None:
    """
    Many deliveries alone are no crime: only lone starts that never came to an end are. Each is handled by itself.
    """
    killer = bench.send(hrv_reading("killer"), message_id="killer", attempts=9)
    for user in "ab":
        bench.send(hrv_reading(user), attempts=9)
    bench.store.lone_starts["killer", CORE_HOT, killer] = 3
    await bench.work_once()

    assert (list(bench.stored()), bench.inbox.terminated) == (["a", "b"], [(1, "max-deliver")])
    assert [at for what, at in bench.effects if what in {"start-alone", "store"}] == [1, 1, 2, 2, 3, 3]


async def test_an_outage_does_not_count_as_a_crash(bench: Bench) -> None:
    """
    A message that was alone while the world was away, again and again, is stored when the world is back.
    """
    bench.send(hrv_reading("a"), attempts=4)
    for _ in range(8):
        bench.publisher.unavailable = True
        working = asyncio.create_task(bench.work_once())
        await bench.until_holding()
        bench.stop.set()
        with pytest.raises(Stopping):
            await working
        bench.stop.clear()
        bench.inbox.redeliver()
    bench.publisher.unavailable = False
    await bench.work_once()

    assert (bench.stored(), bench.letters(), bench.inbox.acked) == ({"a": 42.0}, [], [1])


async def test_a_bad_deploy_stops_the_worker(bench: Bench) -> None:
    """
    Two senders fail alike: fifty letters, ten messages untouched, and nothing is pulled. Log and readiness say since
    when, and of whom.
    """
    for number in range(60):
        bench.send(body=f"nonsense {number}".encode(), sender=f"key:{number % 2}")
    bench.breaker = CircuitBreaker(BreakerLimits(probe_after_s=60))
    worker = bench.worker()
    running = asyncio.create_task(worker.run(bench.stop))

    async def is_tripped() -> bool:
        return bench.breaker.state == "tripped" and len(bench.letters()) == 50

    await eventually(is_tripped)
    fetches = bench.inbox.fetches
    await some_turns()
    assert (running.done(), fetches) == (False, bench.inbox.fetches)
    bench.stop.set()
    await running
    assert (list(range(51, 61)), 1.0) == (bench.inbox.unacknowledged, bench.observer.value(SERIES.breaker, DURABLE))
    expected = "normalize stopped storing hrv at 12:00 UTC after 50 failed readings from key:0 (25), key:1 (25)"
    assert (f"{expected}; next probe at 12:01 UTC", expected) == (
        worker.stopped,
        bench.log.named("fuse-open")[0].fields["error"],
    )


async def trip(bench: Bench) -> Worker:
    """Let the database refuse the rows of two senders until the worker stops; return the worker."""
    bench.breaker = CircuitBreaker(BreakerLimits(consecutive=4))
    bench.store.refuse = lambda _: "23514"
    worker = bench.worker()
    for number in range(4):
        bench.send(hrv_reading(f"u{number}"), sender=f"key:{number % 2}")
        await bench.work_once(worker)
    assert (bench.breaker.state, len(bench.letters())) == ("tripped", 4)
    return worker


async def run_until_probed(bench: Bench, worker: Worker) -> None:
    """Let the worker run until the probe that is due now has ended."""
    bench.now += timedelta(seconds=bench.breaker.wait_s(bench.now))
    running = asyncio.create_task(worker.run(bench.stop))

    async def is_over() -> bool:
        return bench.breaker.state == "running" or bool(bench.log.named("fuse-probe-failed"))

    await eventually(is_over)
    bench.stop.set()
    await running


async def test_a_tripped_worker_runs_on_by_itself_once_the_cause_is_gone(bench: Bench) -> None:
    """
    Rows that the database refuses trip it like any bad deploy; after the fix the next probe stores, and it runs on.
    """
    worker = await trip(bench)
    bench.store.refuse = lambda _: None
    bench.send(hrv_reading("good"), sender="key:0")
    await run_until_probed(bench, worker)

    assert (bench.stored(), worker.stopped, bench.observer.value(SERIES.breaker, DURABLE)) == ({"good": 42.0}, "", 0.0)
    assert bench.observer.value(SERIES.breaker_state, DURABLE, "running") == 1
    assert (len(bench.log.named("fuse-probing")), len(bench.log.named("fuse-closed"))) == (1, 1)


async def test_a_probe_that_fails_keeps_the_rest_in_the_stream(bench: Bench) -> None:
    """
    While the cause is there, a probe makes a few letters at most, and readiness names when the next one is due.
    """
    worker = await trip(bench)
    for number in range(100):
        bench.send(hrv_reading(f"v{number}"), sender=f"key:{number % 2}")
    await run_until_probed(bench, worker)

    assert (len(bench.letters()) <= 4 + PROBE_MESSAGES, {}) == (True, bench.stored())
    assert "normalize stopped storing hrv at 12:00 UTC after 4 failed readings" in worker.stopped
    assert "next probe at 12:01 UTC" in worker.stopped


async def test_one_senders_failures_stop_nobody(bench: Bench) -> None:
    """
    Seventy single readings of one client in a wrong unit, among those of others: seventy letters, and every other
    reading is stored, without a stop.
    """
    for number in range(70):
        bench.send(hrv_reading("wrong", 9000, number), sender="key:wrong")
        if number % 7 == 0:
            bench.send(hrv_reading(f"u{number}"), sender="key:right")
    await bench.work_once()

    assert (bench.breaker.state, len(bench.letters()), len(bench.stored())) == ("running", 70, 10)
    assert {"key:wrong"} == {letter.headers[headers.SENDER] for letter in bench.letters()}


async def test_a_large_batch_with_one_bad_reading_counts_one(bench: Bench) -> None:
    """
    Batches of two senders, each with one bad reading among many good ones, leave the worker running.
    """
    bench.breaker = CircuitBreaker(BreakerLimits(consecutive=4))
    for number in range(20):
        good = [hrv_reading(f"u{number}-{place}") for place in range(30)]
        bench.send(*good, hrv_reading("wrong", 9000, number), sender=f"key:{number % 2}")
    await bench.work_once()

    assert (bench.breaker.state, len(bench.letters()), len(bench.stored())) == ("running", 20, 600)


async def test_a_tripped_breaker_leaves_lone_messages_alone(bench: Bench) -> None:
    """
    It trips in the middle of a batch: neither the rest of it nor the messages to be handled alone are touched.
    """
    bench.breaker = CircuitBreaker(BreakerLimits(consecutive=2))
    for number in range(4):
        bench.send(body=f"nonsense {number}".encode(), sender=f"key:{number % 2}")
    bench.send(hrv_reading("a"), attempts=3)
    await bench.work_once()

    assert (bench.inbox.unacknowledged, bench.stored(), bench.store.lone_starts) == ([3, 4, 5], {}, {})


# Every moment


@dataclass(slots=True)
class Death:
    """Kills the process at one of its calls to the world, before or after that call took effect."""

    at: int
    calls: int = 0
    is_dead: bool = field(default=False)

    def tick(self) -> None:
        """Count one moment; die if it is the one, and stay dead."""
        self.calls += 1
        self.is_dead = self.is_dead or self.calls == self.at
        if self.is_dead:
            raise Killed


class Mortal:
    """A port whose calls may be the last ones of the process."""

    def __init__(self, real: Any, death: Death) -> None:
        """Pass calls on to `real`."""
        self._real = real
        self._death = death

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Return the call of that name, with a moment before and one after it."""
        call = getattr(self._real, name)

        async def mortal(*arguments: Any) -> Any:
            self._death.tick()
            answer = await call(*arguments)
            self._death.tick()
            return answer

        return mortal


def mortal_worker(bench: Bench, death: Death) -> Worker:
    """Return a worker that dies at a certain moment."""
    inbox, store, publisher = (Mortal(real, death) for real in (bench.inbox, bench.store, bench.publisher))
    parts: Any = {"inbox": inbox, "store": store, "publisher": publisher}
    return bench.worker(**parts)


async def live_through(bench: Bench, deaths: Sequence[int]) -> None:
    """Work until everything is settled, dying once at each of these moments."""
    for at in deaths:
        try:
            await mortal_worker(bench, Death(at)).handle(await bench.inbox.fetch(500, 0))
        except Killed:
            bench.inbox.redeliver()
    for _ in range(len(bench.inbox.unacknowledged)):
        await bench.work_once()
    assert bench.inbox.unacknowledged == []


@st.composite
def some_messages(draw: st.DrawFn) -> list[tuple[str, list[dict[str, Any]] | bytes]]:
    """Return messages with their ids: readings of few people, good or not; nonsense; and repetitions."""
    readings = st.builds(hrv_reading, st.sampled_from("abc"), st.sampled_from([42, 60, 900, "x"]), st.integers(1, 9))
    bodies = st.one_of(st.lists(readings, min_size=1, max_size=4), st.just(b"nonsense"))
    contents = draw(st.lists(bodies, min_size=1, max_size=4))
    numbers = draw(st.lists(st.integers(0, len(contents) - 1), min_size=1, max_size=6))
    return [(f"c{number}", contents[number]) for number in numbers]


@given(messages=some_messages(), deaths=st.lists(st.integers(1, 30), max_size=2))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_death_at_any_moment_changes_nothing(messages: Any, deaths: list[int]) -> None:
    """
    For any messages, and any two moments at which the process is killed: the same rows and the same letters as in a
    life without outages, the ledger balances, whatever is on record was announced, and each message is settled.
    """
    quiet, disturbed = Bench(), Bench()
    for one in (quiet, disturbed):
        for identity, content in messages:
            body = content if isinstance(content, bytes) else None
            one.send(*([] if body else content), body=body, message_id=identity)
    await live_through(quiet, [])
    await live_through(disturbed, deaths)

    assert quiet.store.rows == disturbed.store.rows
    assert _receipts_of(quiet) == _receipts_of(disturbed)
    assert _contents(quiet.letters()) == _contents(disturbed.letters())
    assert _lineage(disturbed.store.current("hrv")) <= _announced(disturbed)
    assert disturbed.store.lone_starts == {}


def _contents(letters: Sequence[OutgoingMessage]) -> list[tuple[str, str, bytes]]:
    return sorted((letter.message_id, letter.subject, letter.body) for letter in letters)


def _receipts_of(bench: Bench) -> dict[tuple[str, str, int], tuple[int, int, int]]:
    """Return of each message what does not depend on when it was stored: which were current then is history."""
    rows = bench.store.receipts.items()
    return {here: (row.readings, row.duplicate, row.dead_lettered) for here, row in rows}


def _lineage(records: Sequence[Record]) -> set[tuple[int, int]]:
    return {(record.stream_sequence, record.reading_index) for record in records}


def _announced(bench: Bench) -> set[tuple[int, int]]:
    told = [record for message in bench.publisher.on(STORED) for record in json.loads(message.body)["records"]]
    return {(record["stream_sequence"], record["reading_index"]) for record in told}


# Keeping in progress


async def _one_delivery(bench: Bench) -> Delivery:
    bench.send(hrv_reading("a"))
    (delivery,) = await bench.inbox.fetch(1, 0)
    return delivery


async def test_keeping_ends_with_the_block(bench: Bench) -> None:
    """
    However the block ends, no task is left that would keep the message for ever.
    """
    delivery = await _one_delivery(bench)
    with pytest.raises(RuntimeError):
        async with kept_in_progress(bench.inbox, [delivery], 0.001):
            raise RuntimeError

    assert no_other_tasks()


async def test_keeping_survives_an_absent_broker(bench: Bench) -> None:
    """
    What can't be kept now is kept again as soon as the broker is back.
    """

    class Deaf(StrictInbox):
        heard = 0

        async def keep(self, delivery: Delivery) -> None:
            self.heard += 1
            self.unavailable = self.heard < 3
            await super().keep(delivery)

    inbox = Deaf(bench.publisher, [])
    inbox.put(b"{}")
    async with kept_in_progress(inbox, await inbox.fetch(1, 0), 0.001):

        async def kept() -> bool:
            return inbox.kept != []

        await eventually(kept)

    assert inbox.heard >= 3


async def test_a_store_request_and_its_receipt_add_up(bench: Bench) -> None:
    """
    The series count every reading of every settled message exactly once.
    """
    seen: list[tuple[StoreRequest, Receipt]] = []

    class Watched(FakeStore):
        async def store(self, measurement: Measurement, requests: Sequence[StoreRequest]) -> Sequence[Receipt]:
            receipts = await super().store(measurement, requests)
            seen.extend(zip(requests, receipts, strict=True))
            return receipts

    bench.send(hrv_reading("a"), hrv_reading("b", 900), hrv_reading("c", "x"), hrv_reading("a", minutes_ago=1))
    bench.send(hrv_reading("a"), message_id="same")
    bench.send(hrv_reading("a"), message_id="same")
    bench.send(body=b"nonsense")
    await bench.work_once(bench.worker(store=Watched()))

    counted = sum(map(bench.readings, ("success", "superseded", "duplicate", "schema_invalid", "dlq")))
    assert sum(one.readings for one, _ in seen) == counted == 7
