"""The unpacker over fakes: the outcome of a webhook or document, and failures of servers and ours at every moment."""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.fake_webhook_store import FakeWebhookStore
from support.fakes import Effect, FakeInbox, FakeLog, FakeObserver, FakePublisher, dev_topology
from support.samples import NOON
from support.wait import eventually
from support.webhooks import SAMPLES

from athlete_ally.core.broker.topology import (
    CORE_HOT,
    DLQ,
    VENDOR_HOT,
    fetched_subject,
    raw_subject,
    unpack_durable,
    webhook_letter_subject,
    webhook_subject,
)
from athlete_ally.core.circuit_breaker import CircuitBreaker
from athlete_ally.core.messages import headers
from athlete_ally.core.messages.message import Delivery, OutgoingMessage
from athlete_ally.core.series import every, normalize_series, unpack_series
from athlete_ally.core.vendor.plugin import Vendor
from athlete_ally.core.vendor.webhook import Renamed, Unpacked, Webhook
from athlete_ally.core.vendor.webhook_store import Account, WebhookReceipt
from athlete_ally.core.verdict import RetryPolicy
from athlete_ally.measurements import KINDS, MEASUREMENTS
from athlete_ally.normalize import consumer_loop as consumer_loop_module
from athlete_ally.normalize import retry as retry_module
from athlete_ally.normalize.lane_breaker import LaneBreaker, unpacked_lane
from athlete_ally.normalize.retry import UnboundedRetry, shown_on
from athlete_ally.normalize.unpack import sort_out
from athlete_ally.normalize.unpack_worker import Unpacker, UnpackTools
from athlete_ally.vendors import generic
from athlete_ally.vendors.garmin import GARMIN
from athlete_ally.vendors.whoop import WHOOP

WORK, UNPACK = normalize_series(KINDS, ["garmin", "whoop"]), unpack_series(["garmin", "whoop"], ["whoop"])
UNREADABLE, UNKNOWN, DEAD_LETTERED = (
    webhook_letter_subject("garmin", reason) for reason in ("schema-invalid", "unknown-account", "max-deliver")
)
ANNA, BERT = Account("garmin", "g-1", "anna"), Account("garmin", "g-2", "bert")
OWNER = Account("whoop", "4000", "carla")
_PARTS = ("inbox", "webhook_store", "publisher")


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait milliseconds where the worker waits seconds."""
    monkeypatch.setattr(retry_module, "_FIRST_DELAY_S", 0.001)
    monkeypatch.setattr(retry_module, "_LONGEST_DELAY_S", 0.002)
    monkeypatch.setattr(consumer_loop_module, "_LINGER_S", 0.02)


def hrv(account: str = "g-1", rmssd_ms: Any = 44) -> dict[str, Any]:
    """Return a night's HRV as Garmin sends it."""
    times = {"startTimeInSeconds": 1795474800, "startTimeOffsetInSeconds": 3600, "durationInSeconds": 25200}
    return {"userId": account, "calendarDate": "2026-11-20", "lastNightAvg": rmssd_ms, **times}


def weight(account: str = "g-1") -> dict[str, Any]:
    """Return a weighing as Garmin sends it."""
    at = {"measurementTimeInSeconds": 1795500000, "measurementTimeOffsetInSeconds": 3600}
    return {"userId": account, "weightInGrams": 75450, **at}


def sleep() -> dict[str, Any]:
    """Return a sleep as WHOOP's API answers it."""
    samples = json.loads((SAMPLES / "whoop.json").read_text(encoding="utf-8"))
    return next(each["payload"] for each in samples if each["says"].startswith("a sleep over midnight"))


class Bench:
    """An unpacker over fakes, and everything that can be seen of what it does."""

    def __init__(self, vendor: Vendor = GARMIN) -> None:
        """Build all but the worker."""
        self.vendor = vendor
        self.durable = unpack_durable(vendor.name)
        self.effects: list[Effect] = []
        self.webhook_store = FakeWebhookStore([ANNA, BERT], self.effects)
        self.webhook_store.owners["whoop", 17] = OWNER
        self.publisher = FakePublisher(effects=self.effects)
        self.inbox = FakeInbox(dev_topology().durable(self.durable), self.effects)
        self.observer = FakeObserver(every(WORK, UNPACK))
        self.log = FakeLog()
        self.stop = asyncio.Event()
        self.breaker = CircuitBreaker()

    def worker(self, unpack: Callable[[Webhook], Unpacked] | None = None, **parts: Any) -> Unpacker:
        """Return a new worker, as after a restart; `unpack` and `parts` take the place of the bench's."""
        on_hold = shown_on(self.observer, WORK.holding, self.durable)
        given: dict[str, Any] = {
            "inbox": self.inbox,
            "webhook_store": self.webhook_store,
            "publisher": self.publisher,
            **parts,
        }
        tools = UnpackTools(
            **given,
            retry=UnboundedRetry(self.durable, stop=self.stop, log=self.log, on_hold=on_hold, jitter=lambda: 0.5),
            observer=self.observer,
            series=UNPACK,
            work_series=WORK,
            log=self.log,
            now=lambda: NOON,
        )
        kinds = {measurement.kind: measurement for measurement in MEASUREMENTS}
        vendor = replace(self.vendor, unpack=unpack) if unpack else self.vendor
        breaker = LaneBreaker(
            unpacked_lane(vendor.name),
            self.breaker,
            observer=self.observer,
            series=WORK,
            log=self.log,
            now=lambda: NOON,
        )
        return Unpacker(vendor, kinds, tools, breaker, policy=RetryPolicy(), batch=100)

    def send(self, payload: Any, *, attempts: int = 0, message_id: str | None = None, **own: Any) -> int:
        """Put one webhook, or document, into the stream; return its sequence."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        return self.inbox.put(body, stored_at=NOON, attempts=attempts, message_id=message_id, **own)

    def send_document(self, payload: Any, grant: str = "17") -> int:
        """Put what was fetched with a permission into the stream."""
        stated = {headers.GRANT: grant, headers.RESOURCE_TYPE: "sleep"}
        return self.send(payload, headers=stated, subject=fetched_subject(self.vendor.name))

    async def work_once(self, worker: Unpacker | None = None) -> None:
        """Fetch what is due and handle it."""
        await (worker or self.worker()).handle(await self.inbox.fetch(100, 0))

    def on(self, stream: str) -> list[OutgoingMessage]:
        """Return what was published onto a stream."""
        return [message for message in self.publisher.published if message.stream == stream]

    def receipts(self) -> list[WebhookReceipt]:
        """Return the receipts in order."""
        return sorted(self.webhook_store.receipts.values(), key=lambda each: each.sequence)

    def counted(self, result: str) -> float:
        """Return how many webhooks ended with this result, by the series."""
        return self.observer.value(UNPACK.webhooks, self.vendor.name, result)


@pytest.fixture
def bench() -> Bench:
    """Give the test a bench of its own."""
    return Bench()


# The outcome of a webhook


async def test_readings_are_published_before_the_receipt_and_the_end(bench: Bench) -> None:
    """
    A message for each person and kind, then the receipt, then the acknowledgement, and nothing else; the messages name
    the webhook as their parent.
    """
    bench.send({"hrv": [hrv("g-1"), hrv("g-2")], "bodyComps": [weight("g-1")]}, message_id="w1")
    await bench.work_once()
    (receipt,) = bench.receipts()

    published = [("publish", raw_subject(kind)) for kind in ("hrv", "hrv", "body")]
    assert bench.effects == [*published, ("remember", 1), ("ack", 1)]
    people = [json.loads(each.body)["readings"][0]["userId"] for each in bench.on(CORE_HOT)]
    assert people == ["anna", "bert", "anna"]
    assert {
        (each.headers[headers.PARENT_ID], each.headers[headers.PARENT_SEQUENCE]) for each in bench.on(CORE_HOT)
    } == {("w1", "1")}
    assert (receipt.result, receipt.readings, receipt.dead_lettered) == ("unpacked", 3, 0)
    assert bench.observer.value(UNPACK.readings, "garmin") == 3


async def test_what_can_not_be_used_takes_no_good_reading_along(bench: Bench) -> None:
    """
    One item of somebody unknown, one unreadable, one good: the good one is published, a letter for each reason holds
    the whole webhook, and the webhook is acknowledged.
    """
    sequence = bench.send({"hrv": [hrv("g-9"), hrv("g-1", "forty"), hrv("g-1")]})
    await bench.work_once()
    letters = {each.subject: each for each in bench.on(DLQ)}

    assert {subject: each.headers[headers.READING_INDEXES] for subject, each in letters.items()} == {
        UNKNOWN: "0",
        UNREADABLE: "1",
    }
    assert len({each.body for each in letters.values()}) == 1
    assert (len(bench.on(CORE_HOT)), bench.inbox.acked, bench.inbox.terminated) == (1, [sequence], [])
    (receipt,) = bench.receipts()
    assert (receipt.result, receipt.readings, receipt.dead_lettered) == ("schema_invalid", 1, 2)
    assert "g-9" not in str([each.headers for each in bench.on(DLQ)]) + str(bench.log.lines)


async def test_a_useless_webhook_is_terminated_after_its_letter(bench: Bench) -> None:
    """
    Bytes that are nothing: the letter, byte for byte, the receipt, and only then its end.
    """
    bench.send(b"\xff\x00")
    await bench.work_once()
    (letter,) = bench.on(DLQ)

    assert bench.effects == [("publish", UNREADABLE), ("remember", 1), ("terminate", 1)]
    assert (letter.body, bench.counted("schema_invalid")) == (b"\xff\x00", 1)
    assert bench.observer.value(WORK.dead_letters, bench.durable, "schema-invalid", UNREADABLE) == 1


async def test_what_is_of_no_use_is_counted_and_acknowledged(bench: Bench) -> None:
    """
    A type that nobody uses, an id, and a person who withdraws: no letter, a count for each, and the person on record.
    """
    bench.send({"epochs": [{"userId": "g-1"}]})
    bench.send({"dailies": [{"userId": "g-1", "callbackURL": "https://example.org"}]})
    bench.send({"deregistrations": [{"userId": "g-1"}]})
    await bench.work_once()

    assert [each.result for each in bench.receipts()] == ["ignored", "named", "withdrawn"]
    assert (bench.inbox.acked, bench.publisher.published) == ([1, 2, 3], [])
    assert bench.webhook_store.withdrawn == {("garmin", "g-1")}
    assert [bench.counted(result) for result in ("ignored", "named", "withdrawn")] == [1, 1, 1]


async def test_an_account_that_has_another_id_is_the_same_persons(bench: Bench) -> None:
    """
    The new id is the person's from now on, the old one is withdrawn, and what comes for the new one is read.
    """
    renamed = Unpacked(renamed=(Renamed("g-1", "g-5"),), withdrawn=("g-1",))
    bench.send({"user_reauth": 1})
    await bench.work_once(bench.worker(lambda _: renamed))
    bench.send({"hrv": [hrv("g-5")]})
    await bench.work_once()

    assert [each.result for each in bench.receipts()] == ["withdrawn", "unpacked"]
    assert bench.webhook_store.withdrawn == {("garmin", "g-1")}
    assert bench.webhook_store.accounts["garmin", "g-5"] == "anna"


async def test_what_has_a_receipt_is_only_acknowledged(bench: Bench) -> None:
    """
    Its acknowledgement was lost: nothing is published or counted again but a duplicate.
    """
    bench.send({"hrv": [hrv()]})
    deliveries = await bench.inbox.fetch(1, 0)
    await bench.worker().handle(deliveries)
    before = list(bench.publisher.tried)
    await bench.worker().handle(deliveries)

    assert (before, bench.inbox.acked) == (bench.publisher.tried, [1, 1])
    assert (bench.counted("unpacked"), bench.counted("duplicate")) == (1, 1)


async def test_equal_readings_in_two_webhooks_are_one_message(bench: Bench) -> None:
    """
    The id of what is published is its content's: the second is a duplicate for the stream, and has its own receipt.
    """
    bench.send({"hrv": [hrv()]})
    bench.send({"hrv": [hrv()], "epochs": []})
    await bench.work_once()

    assert (len(bench.on(CORE_HOT)), len(bench.publisher.tried), len(bench.receipts())) == (1, 2, 2)


def test_a_kind_that_is_none_of_ours_is_ignored() -> None:
    """
    A sender of Standard Webhooks may send more than we have a table for: counted as such, and no letter.
    """
    body = json.dumps({"type": "mood", "data": [{"userId": "c-1", "score": 3}]}).encode()
    clinic = generic("clinic")
    delivery = Delivery(VENDOR_HOT, 1, webhook_subject("clinic"), unpack_durable("clinic"), body, {}, 1, NOON, None)
    kinds = {measurement.kind: measurement for measurement in MEASUREMENTS}
    parcel = sort_out(clinic.unpack(Webhook(body, {}, NOON)), {"c-1": "anna"}, kinds, delivery, NOON)

    assert (parcel.result, parcel.messages, parcel.failed) == ("ignored", (), ())


# Documents


async def test_a_document_is_its_owners() -> None:
    """
    What was fetched belongs to the person of its permission; its receipt counts the readings.
    """
    bench = Bench(WHOOP)
    bench.send_document(sleep())
    await bench.work_once()

    people = {json.loads(each.body)["readings"][0]["userId"] for each in bench.on(CORE_HOT)}
    assert people == {"carla"}
    assert [(each.result, each.readings) for each in bench.receipts()] == [("unpacked", 2)]


@pytest.mark.parametrize("grant", ["18", "x", "9" * 40])
async def test_a_document_of_no_permission_waits_as_a_letter(grant: str) -> None:
    """
    A permission that is not there, or no number: `unknown-account`, which waits for a person, and not retried.
    """
    bench = Bench(WHOOP)
    bench.send_document(sleep(), grant)
    await bench.work_once()
    (letter,) = bench.on(DLQ)

    assert letter.subject == webhook_letter_subject("whoop", "unknown-account")
    assert (bench.inbox.terminated, bench.on(CORE_HOT)) == ([(1, "unknown-account")], [])


async def test_a_replay_that_fails_again_writes_no_second_letter(bench: Bench) -> None:
    """
    The letter that is replayed stands for what failed again; the receipt says what that was, and the rest is published.
    """
    stated = {headers.REPLAY_OF: "letter-1"}
    lane = f"vendor.redrive.{bench.durable}.1"
    bench.send({"hrv": [hrv("g-9"), hrv("g-1")]}, headers=stated, subject=lane)
    await bench.work_once()
    (receipt,) = bench.receipts()

    assert (bench.on(DLQ), len(bench.on(CORE_HOT)), receipt.replay_of) == ([], 1, "letter-1")
    assert [(each.index, each.reason) for each in receipt.rejected] == [(0, "unknown-account")]


# Outages


@pytest.mark.parametrize("away", ["webhook_store", "publisher", "inbox"])
async def test_an_absent_world_is_waited_for(bench: Bench, away: str) -> None:
    """
    Database or broker gone: the worker holds, says so, settles nothing and writes no letter; then it goes on.
    """
    bench.send({"hrv": [hrv()], "bodyComps": [weight("g-9")]})
    deliveries = await bench.inbox.fetch(1, 0)
    getattr(bench, away).unavailable = True
    work = asyncio.create_task(bench.worker().handle(deliveries))

    async def holds() -> bool:
        return bench.observer.value(WORK.holding, bench.durable) == 1

    await eventually(holds)
    assert (bench.inbox.acked, bench.inbox.terminated, bench.inbox.retried) == ([], [], [])
    getattr(bench, away).unavailable = False
    await work

    assert (bench.inbox.acked, len(bench.on(CORE_HOT)), len(bench.on(DLQ))) == ([1], 1, 1)


@pytest.mark.parametrize("away", ["webhook_store", "publisher"])
async def test_a_stop_while_holding_leaves_all_unacknowledged(bench: Bench, away: str) -> None:
    """
    The service stops during an outage: nothing is settled, and the next worker gets it again.
    """
    bench.send({"hrv": [hrv()]})
    getattr(bench, away).unavailable = True
    work = asyncio.create_task(bench.worker().run(bench.stop))

    async def holds() -> bool:
        return bench.observer.value(WORK.holding, bench.durable) == 1

    await eventually(holds)
    bench.stop.set()
    await work

    assert (bench.inbox.unacknowledged, bench.receipts()) == ([1], [])
    assert len(bench.log.named("stopped-while-holding")) == 1


@pytest.mark.parametrize("full", [CORE_HOT, DLQ])
async def test_a_full_stream_holds_up_only_what_needs_it(bench: Bench, full: str) -> None:
    """
    No room for readings, or for letters: that webhook is given back with a delay and has no receipt; others pass.
    """
    bench.publisher.full = {full}
    bench.send({"hrv": [hrv()]})
    bench.send(b"nonsense")
    bench.send({"epochs": [{"userId": "g-1"}]})
    await bench.work_once()
    held_up = 1 if full == CORE_HOT else 2
    assert bench.inbox.retried == [(held_up, 30.0)]
    assert [each.sequence for each in bench.receipts()] == sorted({1, 2, 3} - {held_up})

    bench.publisher.full = set()
    bench.inbox.redeliver()
    await bench.work_once()
    assert (bench.inbox.unacknowledged, len(bench.receipts())) == ([], 3)


@pytest.mark.parametrize("full", [CORE_HOT, DLQ])
async def test_what_waits_for_room_is_never_taken_for_a_killer(bench: Bench, full: str) -> None:
    """
    However often a webhook comes back for want of room, it ends as what it is, once, and not as `max-deliver`.
    """
    bench.publisher.full = {full}
    bench.send({"hrv": [hrv(), hrv("nobody")]})
    for _ in range(12):
        await bench.work_once()
        bench.inbox.redeliver()
    assert (bench.receipts(), len(bench.on(CORE_HOT))) == ([], int(full == DLQ))
    bench.publisher.full = set()
    await bench.work_once()

    assert [each.subject for each in bench.on(DLQ)] == [UNKNOWN]
    assert [(each.result, each.readings) for each in bench.receipts()] == [("unknown_account", 1)]
    assert len(bench.on(CORE_HOT)) == 1


# Alarm of our own


def _broken(_webhook: Webhook) -> Unpacked:
    raise ZeroDivisionError("rmssd=44 of g-1")


async def test_a_bug_is_retried_with_backoff_and_dead_lettered_in_the_end(bench: Bench) -> None:
    """
    An error that nobody foresaw concerns its webhook only, which is tried again more and more slowly, and becomes a
    letter in the end; neither log nor letter quotes the error's text, which may hold a reading.
    """
    bench.send({"hrv": [hrv()]})
    for _ in range(5):
        await bench.work_once(bench.worker(_broken))
        bench.inbox.redeliver()
    (letter,) = bench.on(DLQ)

    assert [delay_s for _, delay_s in bench.inbox.retried] == [1.0, 5.0, 30.0, 120.0]
    assert (letter.subject, bench.counted("retry"), bench.inbox.unacknowledged) == (DEAD_LETTERED, 4, [])
    assert "44" not in str(bench.log.lines) + str(letter.headers)


async def test_a_webhook_that_kills_is_found_and_its_neighbours_live(bench: Bench) -> None:
    """
    The process dies whenever it opens one webhook: the other is unpacked, that one becomes a letter, unopened.
    """

    def deadly(webhook: Webhook) -> Unpacked:
        if b"g-2" in webhook.body:
            raise Killed
        return GARMIN.unpack(webhook)

    bench.send({"hrv": [hrv("g-2")]})
    bench.send({"hrv": [hrv("g-1")]})
    for _ in range(10):
        try:
            await bench.work_once(bench.worker(deadly))
        except Killed:
            bench.inbox.redeliver()
    (letter,) = bench.on(DLQ)

    assert (letter.headers[headers.ORIGINAL_SEQUENCE], letter.subject) == ("1", DEAD_LETTERED)
    assert (bench.inbox.unacknowledged, [each.result for each in bench.receipts()]) == ([], ["dlq", "unpacked"])
    assert bench.webhook_store.lone_starts == {}


# The circuit breaker


async def test_the_circuit_breaker_stops_a_worker_that_rejects_everything(bench: Bench) -> None:
    """
    So many letters in a row: it stops, says how to go on, and leaves the rest in the stream.
    """
    sent = bench.breaker.limits.consecutive + 5
    for number in range(sent):
        bench.send(f"nonsense {number}".encode())
    work = asyncio.create_task(bench.worker().run(bench.stop))

    async def is_open() -> bool:
        return bench.observer.value(WORK.breaker, bench.durable) == 1

    await eventually(is_open)
    bench.stop.set()
    await work

    assert (len(bench.on(DLQ)), len(bench.inbox.unacknowledged)) == (bench.breaker.limits.consecutive, 5)
    assert len(bench.log.named("fuse-open")) == 1


async def test_people_who_are_not_linked_yet_do_not_open_the_circuit_breaker(bench: Bench) -> None:
    """
    A vendor may deliver of many before an import says whose they are: letters, and work goes on.
    """
    sent = 2 * bench.breaker.limits.consecutive
    for number in range(sent):
        bench.send({"hrv": [hrv(f"new-{number}")]})
    await bench.work_once()

    assert (bench.breaker.state, len(bench.on(DLQ)), bench.inbox.unacknowledged) == ("running", sent, [])


# Dying


class Killed(BaseException):
    """The end of the process: nothing of ours may catch it."""


@dataclass(slots=True)
class Mortal:
    """A port of a process that dies at a certain one of its calls, before or after that call took effect."""

    real: Any
    left: list[int]

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Return the call of that name, with a moment before and one after it."""
        call = getattr(self.real, name)

        async def mortal(*arguments: Any) -> Any:
            self._tick()
            answer = await call(*arguments)
            self._tick()
            return answer

        return mortal

    def _tick(self) -> None:
        self.left[0] -= 1
        if self.left[0] <= 0:
            raise Killed


async def live_through(bench: Bench, deaths: Sequence[int]) -> None:
    """Work until everything is settled, dying once at each of these moments."""
    for at in deaths:
        left = [at]
        parts: dict[str, Any] = {
            name: Mortal(getattr(bench, name), left) for name in ("inbox", "webhook_store", "publisher")
        }
        try:
            await bench.worker(**parts).handle(await bench.inbox.fetch(100, 0))
        except Killed:
            bench.inbox.redeliver()
    while bench.inbox.unacknowledged:
        await bench.work_once()


payloads = st.sampled_from(
    [
        {"hrv": [hrv("g-1"), hrv("g-2")], "bodyComps": [weight("g-1")]},
        {"hrv": [hrv("g-1"), hrv("g-9"), {"userId": 3}]},
        {"deregistrations": [{"userId": "g-2"}], "dailies": [{"userId": "g-1", "callbackURL": "https://example.org"}]},
        b"nonsense",
        {"epochs": []},
    ]
)


@given(sent=st.lists(payloads, min_size=1, max_size=5), deaths=st.lists(st.integers(1, 40), max_size=2))
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_death_at_any_moment_changes_nothing(sent: list[Any], deaths: list[int]) -> None:
    """
    For any webhooks, and any two moments at which the process is killed: the same messages, letters, receipts and
    withdrawals as without outages, each once, and each webhook is settled.
    """
    quiet, disturbed = Bench(), Bench()
    for one in (quiet, disturbed):
        for number, payload in enumerate(sent):
            one.send(payload, message_id=f"w{number}")
    await live_through(quiet, [])
    await live_through(disturbed, deaths)

    assert _published(quiet) == _published(disturbed)
    assert quiet.receipts() == disturbed.receipts()
    assert (quiet.webhook_store.withdrawn, quiet.webhook_store.lone_starts) == (
        disturbed.webhook_store.withdrawn,
        disturbed.webhook_store.lone_starts,
    )


def _published(bench: Bench) -> list[tuple[str, str, bytes]]:
    return sorted((each.subject, each.message_id, each.body) for each in bench.publisher.published)
