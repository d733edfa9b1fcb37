"""What the watch makes of a real broker and a real database."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from support.fakes import FakeObserver
from support.samples import NOON, hrv_reading
from support.wait import eventually

from athlete_ally.adapters.nats.admin import NatsAdmin
from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.adapters.nats.publisher import NatsPublisher
from athlete_ally.adapters.postgres.receipts import PostgresReceipts
from athlete_ally.adapters.postgres.stream_lives import PostgresLives
from athlete_ally.adapters.postgres.webhook_store import PostgresWebhookStore
from athlete_ally.core.broker.topology import (
    CORE_HOT,
    DLQ,
    VENDOR_HOT,
    Topology,
    fetch_durable,
    fetched_subject,
    normalize_durable,
    raw_subject,
    redrive_subject,
    unpack_durable,
    webhook_subject,
)
from athlete_ally.core.messages.message import OutgoingMessage
from athlete_ally.core.ports import Log
from athlete_ally.core.series import Series, broker_series, every, normalize_series, unpack_series
from athlete_ally.core.vendor.webhook_store import FetchReceipt, WebhookReceipt
from athlete_ally.measurements import KINDS
from athlete_ally.normalize.ledger import LedgerLine, ReceiptLedger
from athlete_ally.normalize.metrics_poller import MetricsPoller
from athlete_ally.normalize.stream_lives import StreamLives
from athlete_ally.ops.streams.provision import inspect

DURABLE = normalize_durable("hrv")
UNPACK, FETCH = unpack_durable("whoop"), fetch_durable("whoop")
HRV = (CORE_HOT, DURABLE)
LATER = datetime.now(UTC) + timedelta(days=1)
RECEIPT = WebhookReceipt(
    message_id="m1",
    stream=VENDOR_HOT,
    sequence=1,
    vendor="whoop",
    result="named",
    readings=0,
    resources=1,
    dead_lettered=0,
    received_at=NOON,
    stored_at=LATER,
    trace_id=None,
)
REDRIVE = f"athlete-ally.redrive.{DURABLE}.1"
HOUR_S = 3600


class Outlook:
    """A watch over real servers, and what it has said."""

    def __init__(self, connection: Connection, pool: Any, topology: Topology, log: Log) -> None:
        """Build it as the service does, with a clock that can be set forward."""
        self.connection = connection
        self.pool = pool
        self.ahead = timedelta(0)
        self.syncs_always: bool | None = None
        self.work = normalize_series(KINDS, [])
        self.unpacking = unpack_series(["whoop"], ["whoop"])
        self.series = broker_series(topology, [subject for *_, subject in self.work.dead_letters.values])
        self.observer = FakeObserver(list(every(self.work, self.series, self.unpacking)))
        self._publisher = NatsPublisher(connection, timeout_s=2)
        admin = NatsAdmin(connection)
        lives = StreamLives(PostgresLives(pool), admin, log)

        async def differences() -> Mapping[str, int]:
            return Counter(finding.name for finding in await inspect(admin, topology))

        async def syncs_always() -> bool | None:
            return self.syncs_always

        self.watch = MetricsPoller(
            topology,
            admin,
            ReceiptLedger(self._lines(topology, PostgresReceipts(pool)), admin, lives, self.observer),
            differences,
            syncs_always,
            self.observer,
            self.series,
            log,
            lambda: datetime.now(UTC) + self.ahead,
            1,
        )

    def _lines(self, topology: Topology, receipts: PostgresReceipts) -> list[LedgerLine]:
        shown = self.unpacking.unaccounted
        return [
            LedgerLine(
                topology.durable(DURABLE),
                partial(receipts.stored, "hrv", CORE_HOT),
                self.work.kinds["hrv"].unaccounted,
            ),
            LedgerLine(topology.durable(UNPACK), partial(receipts.unpacked, "whoop", VENDOR_HOT), shown, (UNPACK,)),
            LedgerLine(topology.durable(FETCH), partial(receipts.fetched, "whoop", VENDOR_HOT), shown, (FETCH,)),
        ]

    async def publish(self, subject: str, body: bytes, stream: str = CORE_HOT) -> None:
        """Put a message into a stream."""
        await self._publisher.publish(OutgoingMessage(stream, subject, body, f"{subject}{len(body)}", {}))

    async def both(self) -> tuple[float, float]:
        """Look, and return what is unaccounted for of a vendor's webhooks, at unpack and at fetch."""
        await self.watch.look()
        value, shown = self.observer.value, self.unpacking.unaccounted
        return value(shown, UNPACK), value(shown, FETCH)

    async def look(self, series: Series, *labels: str) -> float:
        """Look, and return one figure."""
        await self.watch.look()
        return self.observer.value(series, *labels)


@pytest.fixture
def outlook(connection: Connection, pool: Any, topology: Topology, log: Log) -> Outlook:
    """Give the test a watch of its own."""
    return Outlook(connection, pool, topology, log)


def body(rmssd: float = 42) -> bytes:
    """Return a message of one reading."""
    return json.dumps({"readings": [hrv_reading("a", rmssd)]}).encode()


async def test_nothing_waits_on_a_fresh_system(outlook: Outlook) -> None:
    """
    The watch succeeds, nothing differs, nothing is missing, nobody's data is near its end.
    """
    success = await outlook.look(outlook.series.watch_success)
    value = outlook.observer.value

    assert (success, value(outlook.series.time_to_loss, *HRV)) == (1, float("inf"))
    assert value(outlook.series.watched_at) == pytest.approx(datetime.now(UTC).timestamp(), abs=5)
    quiet = (outlook.series.differences, outlook.series.consumer_missing, outlook.series.stream_missing)
    assert {value(series, *labels) for series in quiet for labels in series.values} == {0}
    assert value(outlook.series.replicas_current, DLQ) == value(outlook.series.replicas, DLQ) == 1


@pytest.mark.broker_clock
@pytest.mark.parametrize("subject", [raw_subject("hrv"), REDRIVE])
async def test_what_waits_has_an_age_and_an_end(outlook: Outlook, subject: str) -> None:
    """
    A message that waits, as a first delivery or in the redrive lane, is lag, grows old, and nears max_age.
    """
    await outlook.publish(subject, body())
    outlook.ahead = timedelta(hours=1)
    pending = await outlook.look(outlook.series.pending, *HRV)
    max_age_s = outlook.observer.value(outlook.series.stream_max_age, CORE_HOT)

    assert pending == 1
    assert outlook.observer.value(outlook.series.oldest_age, *HRV) == pytest.approx(HOUR_S, abs=30)
    assert outlook.observer.value(outlook.series.time_to_loss, *HRV) == pytest.approx(max_age_s - HOUR_S, abs=30)


async def test_the_ledger_counts_the_redrive_lane(outlook: Outlook) -> None:
    """
    A message is accounted for while it waits, wherever it waits, and missing once it neither waits nor has a receipt.
    """
    unaccounted = outlook.work.kinds["hrv"].unaccounted
    await outlook.publish(raw_subject("hrv"), body())
    await outlook.publish(REDRIVE, body(41.5))
    waiting = await outlook.look(unaccounted)
    await acknowledge_all(outlook.connection)

    async def two_are_missing() -> bool:
        return await outlook.look(unaccounted) == 2

    assert waiting == 0
    await eventually(two_are_missing)


@pytest.mark.broker_clock
async def test_the_ledger_has_a_line_for_unpack_and_one_for_fetch(outlook: Outlook, pool: Any) -> None:
    """
    A webhook is accounted for while it waits, for each of its two durables, and afterwards by each one's own receipt;
    a document is unpack's alone, and what is replayed to fetch is fetch's alone, although both write its outcome down.
    """
    lane = redrive_subject(VENDOR_HOT, FETCH).replace(">", "letter")
    for subject in (webhook_subject("whoop"), fetched_subject("whoop"), lane):
        await outlook.publish(subject, b"{}", VENDOR_HOT)
    assert await outlook.both() == (0, 0)
    for durable in (UNPACK, FETCH):
        await acknowledge_all(outlook.connection, durable, VENDOR_HOT)

    async def shows(*figures: int) -> bool:
        return await outlook.both() == figures

    await eventually(lambda: shows(2, 2))
    webhook_store = PostgresWebhookStore(pool)
    for sequence in (1, 3):
        await webhook_store.remember_fetch(FetchReceipt(f"m{sequence}", VENDOR_HOT, sequence, "whoop", 1, 0, LATER))
    await webhook_store.remember(replace(RECEIPT, message_id="m3", sequence=3, replay_of="letter-1"))
    assert await outlook.both() == (2, 0)
    for sequence in (1, 2):
        await webhook_store.remember(replace(RECEIPT, message_id=f"m{sequence}", sequence=sequence))
    assert await outlook.both() == (0, 0)


async def test_what_is_no_longer_delivered_is_abandoned(outlook: Outlook) -> None:
    """
    A durable whose max_deliver somebody lowered stops delivering: lag says 0, and the abandoned messages show.
    """
    await reconfigure(outlook.connection, max_deliver=1, ack_wait=100_000_000)
    await outlook.publish(raw_subject("hrv"), body())
    await take(outlook.connection)

    async def is_abandoned() -> bool:
        return await outlook.look(outlook.series.abandoned, *HRV) == 1

    await eventually(is_abandoned)
    figures = (outlook.series.pending, outlook.series.ack_pending)
    assert [outlook.observer.value(each, *HRV) for each in figures] == [0, 0]


async def test_a_missing_durable_shows_and_the_rest_is_still_seen(outlook: Outlook) -> None:
    """
    It is missing and a difference; the watch itself succeeds, and the other durables keep their figures.
    """
    await outlook.connection.api(f"CONSUMER.DELETE.{CORE_HOT}.{DURABLE}")
    await outlook.publish(raw_subject("sleep"), b"{}")
    missing = await outlook.look(outlook.series.consumer_missing, *HRV)

    assert (missing, outlook.observer.value(outlook.series.watch_success)) == (1, 1)
    assert outlook.observer.value(outlook.series.differences, DURABLE) == 1
    assert outlook.observer.value(outlook.series.pending, CORE_HOT, normalize_durable("sleep")) == 1


async def test_what_was_put_aside_does_not_grow_old(outlook: Outlook) -> None:
    """
    A letter in quarantine waits for nobody.
    """
    await outlook.publish("dlq.quarantine.normalize.hrv.raw-received.max-deliver", b"{}", DLQ)
    outlook.ahead = timedelta(hours=1)

    assert await outlook.look(outlook.series.dlq_oldest_age) == 0


async def test_a_missing_stream_shows(outlook: Outlook) -> None:
    """
    So does a stream, with all that it held.
    """
    await outlook.connection.api(f"STREAM.DELETE.{DLQ}")

    assert await outlook.look(outlook.series.stream_missing, DLQ) == 1


@pytest.mark.broker_clock
async def test_a_paused_durable_shows_until_it_is_resumed(outlook: Outlook) -> None:
    """
    A pause is a fact of its own, since lag alone does not tell it from a slow worker.
    """
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    await outlook.connection.api(f"CONSUMER.PAUSE.{CORE_HOT}.{DURABLE}", {"pause_until": until})
    paused = await outlook.look(outlook.series.paused, *HRV)
    await outlook.connection.api(f"CONSUMER.PAUSE.{CORE_HOT}.{DURABLE}", {})

    assert (paused, await outlook.look(outlook.series.paused, *HRV)) == (1, 0)


@pytest.mark.broker_clock
async def test_dead_letters_are_counted_by_subject_and_have_an_age(outlook: Outlook) -> None:
    """
    Ours each under its subject, all others together, and apart from them what a person has put aside.
    """
    ours = "dlq.normalize.hrv.raw-received.non-retryable"
    for subject in (ours, "dlq.of.a.stranger", "dlq.of.another", f"dlq.quarantine.{ours[4:]}"):
        await outlook.publish(subject, b"{}", DLQ)
    outlook.ahead = timedelta(hours=1)
    oldest_s = await outlook.look(outlook.series.dlq_oldest_age)
    depth = [outlook.observer.value(outlook.series.dlq_depth, subject) for subject in (ours, "other")]

    shelved = [outlook.observer.value(outlook.series.dlq_shelved, shelf) for shelf in ("quarantine", "resolved")]

    assert (depth, shelved) == ([1, 2], [1, 0])
    assert oldest_s == pytest.approx(HOUR_S, abs=30)


@pytest.mark.parametrize(("told", "figure"), [(True, 1), (False, 0), (None, -1)])
async def test_how_the_server_flushes_is_told_or_unknown(outlook: Outlook, told: bool | None, figure: int) -> None:  # noqa: FBT001
    """
    Not to know is neither yes nor no.
    """
    outlook.syncs_always = told

    assert await outlook.look(outlook.series.sync_always) == figure


async def test_without_an_answer_the_figures_stay_and_the_watch_has_failed(outlook: Outlook) -> None:
    """
    A silent database fails the watch; what was seen before stays, and the time of the last success tells how old it is.
    """
    await outlook.publish(raw_subject("hrv"), body())
    await outlook.look(outlook.series.watch_success)
    seen_at = outlook.observer.value(outlook.series.watched_at)
    await outlook.pool.close()
    success = await outlook.look(outlook.series.watch_success)

    assert (success, outlook.observer.value(outlook.series.watched_at)) == (0, seen_at)
    assert outlook.observer.value(outlook.series.pending, *HRV) == 1


async def reconfigure(connection: Connection, **changes: Any) -> None:
    """Change a durable behind everybody's back."""
    live = await NatsAdmin(connection).durable(CORE_HOT, DURABLE)
    assert live is not None
    payload = {"stream_name": CORE_HOT, "config": {**live.config, **changes}, "action": "update"}
    await connection.api(f"CONSUMER.CREATE.{CORE_HOT}.{DURABLE}", payload)


async def take(connection: Connection, durable: str = DURABLE, stream: str = CORE_HOT) -> Any:
    """Pull all pending messages, and settle nothing."""
    jetstream: Any = connection.client.jetstream()  # pyright: ignore[reportUnknownMemberType]
    subscription = await jetstream.pull_subscribe_bind(consumer=durable, stream=stream)
    return await subscription.fetch(10, timeout=2)


async def acknowledge_all(connection: Connection, durable: str = DURABLE, stream: str = CORE_HOT) -> None:
    """Settle all that waits, without a receipt: what no worker of ours does."""
    for message in await take(connection, durable, stream):
        await message.ack_sync()
