"""What the `Inbox` port promises, kept by a durable of NATS JetStream and by the fake alike."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import nats.aio.client
import pytest
from support.fakes import FakeInbox, dev_topology
from support.wait import eventually

from athlete_ally.adapters.nats.admin import NatsAdmin
from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.adapters.nats.inbox import NatsInbox
from athlete_ally.core.broker.topology import CORE_HOT, Durable, Topology, normalize_durable, raw_subject
from athlete_ally.core.errors import Unavailable
from athlete_ally.core.messages import headers
from athlete_ally.core.ports import Inbox

DURABLE = normalize_durable("hrv")
LANE = f"athlete-ally.redrive.{DURABLE}.again"
# Long enough that a test which had to wait for it would be seen to hang.
LONG_S = 30.0


class Bench(Protocol):
    """A durable's inbox, and what can be done to its stream."""

    inbox: Inbox

    async def put(self, body: bytes, *, subject: str = raw_subject("hrv"), **own: str) -> None:
        """Add a message with these headers, none of them ours."""
        ...

    async def left(self) -> int:
        """Return how many messages are not settled."""
        ...

    async def without_durable(self) -> Inbox:
        """Return an inbox whose durable is not there."""
        ...


class FakeBench:
    """The fake."""

    def __init__(self) -> None:
        """Start with an empty stream."""
        self._fake = FakeInbox(dev_topology().durable(DURABLE))
        self.inbox: Inbox = self._fake

    async def put(self, body: bytes, *, subject: str = raw_subject("hrv"), **own: str) -> None:
        """See the bench."""
        self._fake.put(body, subject=subject, headers=own)

    async def left(self) -> int:
        """See the bench."""
        return len(self._fake.unacknowledged)

    async def without_durable(self) -> Inbox:
        """See the bench."""
        self._fake.missing = True
        return self._fake


class RealBench:
    """A real nats-server."""

    def __init__(self, connection: Connection, inbox: NatsInbox) -> None:
        """Use this connection, and pull by this inbox."""
        self._connection = connection
        self.inbox: Inbox = inbox

    async def put(self, body: bytes, *, subject: str = raw_subject("hrv"), **own: str) -> None:
        """See the bench."""
        client: Any = self._connection.client
        await client.jetstream().publish(subject, body, headers=own or None)

    async def left(self) -> int:
        """See the bench."""
        durable = await NatsAdmin(self._connection).durable(CORE_HOT, DURABLE)
        assert durable is not None
        return durable.pending + durable.ack_pending

    async def without_durable(self) -> Inbox:
        """See the bench."""
        inbox = NatsInbox(self._connection, Durable("missing", CORE_HOT, ("x",)))
        await inbox.open()
        return inbox


@pytest.fixture
async def real_bench(connection: Connection, topology: Topology) -> AsyncGenerator[RealBench]:
    """Pull from the durable of HRV."""
    inbox = NatsInbox(connection, topology.durable(DURABLE))
    await inbox.open()
    yield RealBench(connection, inbox)
    await inbox.close()


@pytest.fixture(params=["fake", "real"])
def bench(request: pytest.FixtureRequest) -> Bench:
    """Run each test over the fake and over the real server."""
    if request.param == "fake":
        return FakeBench()
    bench: RealBench = request.getfixturevalue("real_bench")
    return bench


async def test_a_fetch_takes_what_is_there(bench: Bench) -> None:
    """
    Up to the limit at once, the rest with the next fetch, then nothing once the wait is over; in the stream's order.
    """
    for number in range(5):
        await bench.put(str(number).encode())
    async with asyncio.timeout(LONG_S / 2):
        first, second = await bench.inbox.fetch(3, LONG_S), await bench.inbox.fetch(3, LONG_S)
    third = await bench.inbox.fetch(3, 0.05)

    assert tuple([each.body for each in batch] for batch in (first, second, third)) == (
        [b"0", b"1", b"2"],
        [b"3", b"4"],
        [],
    )


@pytest.mark.broker_clock
async def test_a_delivery_says_where_it_comes_from(bench: Bench) -> None:
    """
    Stream, sequence, subject, consumer, attempt, headers as they were sent, and an aware instant of storage.
    """
    await bench.put(b"body", **{headers.MSG_ID: "m1", "X-Test": "Zürich"})
    (delivery,) = await bench.inbox.fetch(1, LONG_S)

    assert (CORE_HOT, 1, raw_subject("hrv"), DURABLE, b"body", 1) == (
        delivery.stream,
        delivery.sequence,
        delivery.subject,
        delivery.consumer,
        delivery.body,
        delivery.attempt,
    )
    assert dict(delivery.headers) == {headers.MSG_ID: "m1", "X-Test": "Zürich"}
    assert datetime.now(UTC) - delivery.stored_at < timedelta(minutes=5)


async def test_a_message_without_headers_has_none(bench: Bench) -> None:
    """
    Not every sender knows of headers: there is an empty mapping then.
    """
    await bench.put(b"bare")
    (delivery,) = await bench.inbox.fetch(1, LONG_S)

    assert dict(delivery.headers) == {}


@pytest.mark.parametrize("status", ["404", "409", "503"])
async def test_a_senders_status_header_is_just_a_header(bench: Bench, status: str) -> None:
    """
    A message may carry a header of the name by which the server ends a pull, and is delivered all the same.
    """
    await bench.put(b"", Status=status)
    await bench.put(b"next")

    assert [each.body for each in await bench.inbox.fetch(10, LONG_S)] == [b"", b"next"]


async def test_a_waiting_fetch_is_woken_by_a_message(bench: Bench) -> None:
    """
    Nothing there: the fetch lingers, and returns as soon as a message arrives.
    """
    waiting = asyncio.create_task(bench.inbox.fetch(10, LONG_S))
    await asyncio.sleep(0)
    await bench.put(b"late")
    async with asyncio.timeout(LONG_S / 2):
        assert [each.body for each in await waiting] == [b"late"]


async def test_each_settlement_does_what_it_says(bench: Bench) -> None:
    """
    Acknowledged and terminated messages never return; a retried one does, with its attempts counted.
    """
    for number in range(3):
        await bench.put(str(number).encode())
    acked, terminated, retried = await bench.inbox.fetch(3, LONG_S)
    await bench.inbox.keep(acked)
    await bench.inbox.ack(acked)
    await bench.inbox.terminate(terminated, "non-retryable")
    for _ in range(3):
        await bench.inbox.retry(retried, 0.01)
        (retried,) = await bench.inbox.fetch(3, LONG_S)

    assert (retried.body, retried.attempt) == (b"2", 4)
    assert await bench.inbox.fetch(3, 0.05) == []
    await bench.inbox.ack(retried)

    async def nothing_is_left() -> bool:
        return await bench.left() == 0

    assert await eventually(nothing_is_left)


async def test_a_retry_waits_as_long_as_it_was_told(bench: Bench) -> None:
    """
    The message is not there before its delay has passed, however often one asks, and there afterwards.
    """
    loop = asyncio.get_running_loop()
    await bench.put(b"again")
    (delivery,) = await bench.inbox.fetch(1, LONG_S)
    given_back_at_s = loop.time()
    await bench.inbox.retry(delivery, 1.0)

    async def fetched() -> Any:
        return await bench.inbox.fetch(1, 0.05)

    ((again,), waited_s) = await eventually(fetched), loop.time() - given_back_at_s
    assert (again.attempt, waited_s > 0.9) == (2, True)


async def test_settling_twice_is_harmless(bench: Bench) -> None:
    """
    A repeated acknowledgement, or one for an earlier attempt, settles the message once.
    """
    await bench.put(b"{}")
    (first,) = await bench.inbox.fetch(1, LONG_S)
    await bench.inbox.retry(first, 0.01)
    (second,) = await bench.inbox.fetch(1, LONG_S)
    for delivery in (first, second, second):
        await bench.inbox.ack(delivery)
    await bench.inbox.retry(second, 0)

    assert (await bench.inbox.fetch(1, 0.2), await bench.left()) == ([], 0)


async def test_a_replay_reaches_the_consumer_that_failed(bench: Bench) -> None:
    """
    What is published on a durable's redrive lane is delivered to that durable.
    """
    await bench.put(b"{}", subject=LANE)

    assert [each.subject for each in await bench.inbox.fetch(1, LONG_S)] == [LANE]


async def test_a_cancelled_fetch_loses_nothing(bench: Bench) -> None:
    """
    What arrives after a fetch was cancelled is there for the next one.
    """
    waiting = asyncio.create_task(bench.inbox.fetch(1, LONG_S))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await bench.put(b"{}")

    assert [each.body for each in await bench.inbox.fetch(5, LONG_S)] == [b"{}"]


async def test_a_missing_durable_is_unavailable(bench: Bench) -> None:
    """
    Pulling from nothing says so at once instead of waiting for messages that can't come.
    """
    inbox = await bench.without_durable()
    async with asyncio.timeout(LONG_S / 2):
        with pytest.raises(Unavailable):
            await inbox.fetch(1, LONG_S)


async def test_reporting_progress_prevents_a_redelivery(connection: Connection) -> None:
    """
    A delivery that is kept outlives its time to be settled many times; no longer kept, it is delivered again.
    """
    durable = {"name": "short", "durable_name": "short", "ack_policy": "explicit", "ack_wait": 500_000_000}
    await connection.api(f"CONSUMER.CREATE.{CORE_HOT}.short", {"stream_name": CORE_HOT, "config": durable})
    inbox = NatsInbox(connection, Durable("short", CORE_HOT, ()))
    await inbox.open()
    client: nats.aio.client.Client = connection.client
    await client.publish(raw_subject("hrv"), b"{}")
    (delivery,) = await inbox.fetch(1, LONG_S)
    loop = asyncio.get_running_loop()
    enough_s = loop.time() + 2
    while loop.time() < enough_s:
        await inbox.keep(delivery)
        assert await inbox.fetch(1, 0.1) == []
    (again,) = await inbox.fetch(1, LONG_S)

    assert again.attempt == 2
    await inbox.close()
