"""What the `Publisher` and `Inbox` ports promise, kept by a real nats-server, also during its outages."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator

import pytest
from support.servers import Guard, Nats, new_nats
from support.streams import make_streams
from support.wait import eventually

from athlete_ally.adapters.nats.admin import NatsAdmin
from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.adapters.nats.inbox import NatsInbox
from athlete_ally.adapters.nats.publisher import NatsPublisher
from athlete_ally.core.broker.topology import (
    CORE_HOT,
    DLQ,
    MAX_MESSAGE_BYTES,
    Durable,
    Topology,
    normalize_durable,
    raw_subject,
)
from athlete_ally.core.errors import MessageTooLarge, Misconfigured, StreamFull, Unavailable
from athlete_ally.core.messages.message import OutgoingMessage
from athlete_ally.core.ports import Log


def message(
    identity: str = "m1", body: bytes = b"{}", stream: str = CORE_HOT, subject: str | None = None
) -> OutgoingMessage:
    """Return a message for the stream of readings."""
    return OutgoingMessage(stream, subject or raw_subject("hrv"), body, identity, {"x-test": "1"})


@pytest.fixture
def publisher(connection: Connection) -> NatsPublisher:
    """Publish with a bound that a healthy server never needs."""
    return NatsPublisher(connection, timeout_s=5)


@pytest.fixture
async def inbox(connection: Connection, topology: Topology) -> NatsInbox:
    """Pull from the durable of HRV."""
    inbox = NatsInbox(connection, topology.durable(normalize_durable("hrv")))
    await inbox.open()
    return inbox


async def test_a_repeated_publish_is_a_duplicate(connection: Connection, publisher: NatsPublisher) -> None:
    """
    The second time the stream says so, names the first message's place, and holds one message.
    """
    first, again = await publisher.publish(message()), await publisher.publish(message())
    stream = await NatsAdmin(connection).stream(CORE_HOT)

    assert (False, True, first.sequence, 1) == (
        first.duplicate,
        again.duplicate,
        again.sequence,
        stream and stream.messages,
    )


@pytest.mark.parametrize(
    ("outgoing", "error"),
    [
        (message(stream=DLQ), Misconfigured),
        (message(body=bytes(MAX_MESSAGE_BYTES)), MessageTooLarge),
        (message(body=bytes(2 * 1024 * 1024)), MessageTooLarge),
        (message(stream="NOWHERE", subject="nobody.listens"), Unavailable),
    ],
    ids=["another stream's subject", "above max_msg_size", "above max_payload", "no stream"],
)
async def test_what_the_stream_refuses_has_its_own_error(
    publisher: NatsPublisher, outgoing: OutgoingMessage, error: type[Exception]
) -> None:
    """
    A mis-pointed subject, a message that is too large, a stream that is not there: each says what to do about it.
    """
    with pytest.raises(error):
        await publisher.publish(outgoing)


async def test_a_full_stream_says_so(connection: Connection, publisher: NatsPublisher) -> None:
    """
    Discard is `new`: the publish fails, and what is in the stream stays.
    """
    await resize(connection, CORE_HOT, 4096)
    with pytest.raises(StreamFull):
        for number in range(100):
            await publisher.publish(message(f"m{number}", bytes(200)))


async def resize(connection: Connection, stream: str, max_bytes: int) -> None:
    """Change a stream's limit, as an operator would."""
    live = await NatsAdmin(connection).stream(stream)
    assert live is not None
    await connection.api(f"STREAM.UPDATE.{stream}", {**live.config, "max_bytes": max_bytes})


async def test_a_fetch_takes_what_is_there(publisher: NatsPublisher, inbox: NatsInbox) -> None:
    """
    Up to the limit at once, the rest with the next fetch, then nothing; each delivery says where it comes from.
    """
    for number in range(5):
        await publisher.publish(message(f"m{number}", str(number).encode()))
    first, second, third = await inbox.fetch(3, 0.1), await inbox.fetch(3, 0.1), await inbox.fetch(3, 0.1)

    assert tuple([each.body for each in batch] for batch in (first, second, third)) == (
        [b"0", b"1", b"2"],
        [b"3", b"4"],
        [],
    )
    assert (
        first[0].stream,
        first[0].sequence,
        first[0].subject,
        first[0].consumer,
        first[0].attempt,
        first[0].headers["x-test"],
    ) == (CORE_HOT, 1, "athlete-ally.hrv.raw-received", "normalize-hrv-durable", 1, "1")
    assert first[0].stored_at.tzinfo is not None


async def test_a_waiting_fetch_is_woken_by_a_message(publisher: NatsPublisher, inbox: NatsInbox) -> None:
    """
    Nothing there: the fetch lingers, and returns with the first message that arrives.
    """
    waiting = asyncio.create_task(inbox.fetch(10, 10))
    await asyncio.sleep(0)
    await publisher.publish(message())

    assert [each.body for each in await waiting] == [b"{}"]


async def test_each_settlement_does_what_it_says(
    publisher: NatsPublisher, inbox: NatsInbox, connection: Connection
) -> None:
    """
    Acknowledged and terminated messages never return; a retried one does, with its attempts counted.
    """
    for number in range(3):
        await publisher.publish(message(f"m{number}", str(number).encode()))
    acked, terminated, retried = await inbox.fetch(3, 1)
    await inbox.keep(acked)
    await inbox.ack(acked)
    await inbox.terminate(terminated, "non-retryable")
    await inbox.retry(retried, 0.01)
    (again,) = await inbox.fetch(3, 5)
    await inbox.ack(again)

    assert (again.body, again.attempt) == (b"2", 2)

    async def nothing_left() -> bool:
        durable = await NatsAdmin(connection).durable(CORE_HOT, "normalize-hrv-durable")
        return durable is not None and (durable.pending, durable.ack_pending) == (0, 0)

    assert await eventually(nothing_left)


async def test_a_replay_reaches_the_consumer_that_failed(publisher: NatsPublisher, inbox: NatsInbox) -> None:
    """
    What is published on a durable's redrive lane is delivered to that durable.
    """
    lane = "athlete-ally.redrive.normalize-hrv-durable.athlete-ally.hrv.raw-received"
    await publisher.publish(message(subject=lane))

    assert [lane] == [each.subject for each in await inbox.fetch(1, 5)]


async def test_a_durable_that_is_not_there_is_unavailable(connection: Connection) -> None:
    """
    Pulling from nothing says that nobody answers, and creates nothing.
    """
    inbox = NatsInbox(connection, Durable("missing", CORE_HOT, ("x",)))
    await inbox.open()
    with pytest.raises(Unavailable, match="missing"):
        await inbox.fetch(1, 0.1)

    assert await NatsAdmin(connection).durable(CORE_HOT, "missing") is None


class Alarm:
    """A server of the test's own, to be stopped and killed."""

    def __init__(self, server: Nats, connection: Connection) -> None:
        """Use these."""
        self.server = server
        self.connection = connection

    def signal(self, number: int) -> None:
        """Send a signal to the server."""
        os.kill(self.server.pid, number)


@pytest.fixture
async def problem(guard: Guard, topology: Topology, log: Log) -> AsyncGenerator[Alarm]:
    """Give the test a server that nobody else uses, with streams."""
    server = await asyncio.to_thread(new_nats, guard)
    connection = Connection(server.url, name="test", log=log)
    await connection.open()
    await make_streams(connection, topology)
    yield Alarm(server, connection)
    await connection.close()
    os.kill(server.pid, signal.SIGTERM)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows can't suspend a process by signal")
async def test_a_stalled_server_costs_one_timeout_and_then_nothing(problem: Alarm) -> None:
    """
    The first publish fails when its time is up, the next ones at once: nothing piles up; then all is well again.
    """
    publisher = NatsPublisher(problem.connection, timeout_s=0.5)
    await publisher.publish(message("before"))
    problem.signal(signal.SIGSTOP)

    async def times_out() -> bool:
        try:
            await publisher.publish(message("during"))
        except Unavailable as error:
            return "no acknowledgement" in str(error)
        return False

    assert await eventually(times_out)
    for number in range(100):
        # Refused without waiting: a hundred timeouts would pass the test's own.
        with pytest.raises(Unavailable, match="does not answer"):
            await publisher.publish(message(f"during-{number}"))
    problem.signal(signal.SIGCONT)

    async def works() -> bool:
        try:
            return bool(await publisher.publish(message("after")))
        except Unavailable:
            return False

    assert await eventually(works)


async def test_a_killed_server_is_waited_for_and_found_again(problem: Alarm, topology: Topology) -> None:
    """
    Killed: publishes fail in bounded time. Back on its port: publishing and pulling go on, and nothing is lost.
    """
    publisher = NatsPublisher(problem.connection, timeout_s=0.5)
    inbox = NatsInbox(problem.connection, topology.durable(normalize_durable("hrv")))
    await inbox.open()
    await publisher.publish(message("before", b"before"))
    problem.signal(signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)

    async def refused() -> bool:
        try:
            await publisher.publish(message("during", b"during"))
        except Unavailable:
            return True
        return False

    assert await eventually(refused)
    await asyncio.to_thread(problem.server.start)
    found: list[bytes] = []

    async def both_are_there() -> bool:
        try:
            await publisher.publish(message("after", b"after"))
            found.extend(each.body for each in await inbox.fetch(10, 0.2))
        except Unavailable:
            return False
        return {b"before", b"after"} <= set(found)

    assert await eventually(both_are_there)


async def test_a_wrong_password_is_said(nats_server: Nats, log: Log) -> None:
    """
    Connecting with wrong credentials goes on trying, and `last_error` says what is wrong, without the credentials.
    """
    connection = Connection(nats_server.url.replace("nats://", "nats://wrong"), name="test", log=log)
    opening = asyncio.create_task(connection.open())

    async def complaint() -> bool:
        return "Authorization" in connection.last_error

    # A server that hangs up may be what the last attempt saw; the next one hears why.
    await eventually(complaint)
    opening.cancel()
    await asyncio.gather(opening, return_exceptions=True)
    await connection.close()
    assert "wrong" not in connection.address


async def test_nats_settings_are_the_documented_ones(nats_server: Nats) -> None:
    """
    The servers that we start flush before they acknowledge.
    """
    configuration = (nats_server.folder / "nats.conf").read_text(encoding="utf-8")

    assert "sync_interval: always" in configuration
