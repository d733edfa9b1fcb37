"""The running service dead-letters messages that the server abandons for a consumer that is not ours."""

import asyncio
import json
from typing import Any

import pytest
from support.samples import hrv_reading
from support.wait import eventually

from athlete_ally.adapters.nats.admin import NatsAdmin
from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.adapters.nats.dead_letters import NatsLetters
from athlete_ally.adapters.nats.inbox import NatsInbox
from athlete_ally.adapters.nats.messages import NatsMessages
from athlete_ally.adapters.nats.publisher import NatsPublisher
from athlete_ally.adapters.prometheus import PrometheusObserver
from athlete_ally.core.broker.topology import ADVISORY, CORE_HOT, REAP_ADVISORIES_DURABLE, Topology, raw_subject
from athlete_ally.core.messages import headers
from athlete_ally.core.messages.dead_letter import Letter
from athlete_ally.core.messages.message import Delivery, OutgoingMessage
from athlete_ally.core.ports import Log
from athlete_ally.core.series import every, normalize_series
from athlete_ally.measurements import KINDS
from athlete_ally.normalize.advisory_worker import AdvisoryWorker
from athlete_ally.normalize.retry import UnboundedRetry
from athlete_ally.wiring.builders import now


class Bench:
    """An advisory worker on a real server, and a consumer of another application with few deliveries."""

    def __init__(self, connection: Connection, topology: Topology, log: Log) -> None:
        """Build it as the service does."""
        self.connection = connection
        self.series = normalize_series(KINDS, [])
        self.observer = PrometheusObserver(every(self.series))
        self.stop = asyncio.Event()
        self.inbox = NatsInbox(connection, topology.durable(REAP_ADVISORIES_DURABLE))
        self.publisher = NatsPublisher(connection, timeout_s=2)
        self.advisory_worker = AdvisoryWorker(
            topology=topology,
            inbox=self.inbox,
            messages=NatsMessages(connection),
            publisher=self.publisher,
            retry=UnboundedRetry(
                REAP_ADVISORIES_DURABLE, stop=self.stop, log=log, on_hold=lambda _: None, jitter=lambda: 0.5
            ),
            observer=self.observer,
            series=self.series,
            log=log,
            now=now,
        )

    async def send(self, user: str) -> bytes:
        """Put one message into AA_CORE_HOT; return its body."""
        body = json.dumps({"readings": [hrv_reading(user)]}).encode()
        attributes = {headers.READINGS: "1", "traceparent": "00-1-2-01"}
        await self.publisher.publish(OutgoingMessage(CORE_HOT, raw_subject("hrv"), body, f"m-{user}", attributes))
        return body

    async def consumer(self, name: str, max_deliver: int = 1) -> None:
        """Create a consumer of another application, with `max_deliver` deliveries."""
        config = {
            "name": name,
            "durable_name": name,
            "ack_policy": "explicit",
            "ack_wait": 100_000_000,
            "max_deliver": max_deliver,
            "filter_subject": raw_subject("hrv"),
        }
        payload = {"stream_name": CORE_HOT, "config": config}
        await self.connection.api(f"CONSUMER.CREATE.{CORE_HOT}.{name}.{raw_subject('hrv')}", payload)

    async def pull(self, name: str) -> Any:
        """Let that consumer take a message and do nothing with it."""
        client: Any = self.connection.client
        inbox, arrived = client.new_inbox(), asyncio.Queue[Any]()
        await client.subscribe(inbox, cb=arrived.put)
        pull = b'{"batch":1,"expires":10000000000}'
        await client.publish(f"$JS.API.CONSUMER.MSG.NEXT.{CORE_HOT}.{name}", pull, reply=inbox)
        return await asyncio.wait_for(arrived.get(), 15)

    async def advisories(self, count: int = 1) -> list[Delivery]:
        """Return this many advisories, once the server has written them."""
        found: list[Delivery] = []

        async def all_there() -> bool:
            found.extend(await self.inbox.fetch(10, 0.2))
            return len(found) >= count

        await eventually(all_there)
        return found

    async def letters(self) -> list[Letter]:
        """Return all dead letters."""
        return [letter async for letter in NatsLetters(self.connection).all()]

    def counted(self, result: str) -> bool:
        """Tell whether exactly one advisory ended like this."""
        return f'advisories_reaped_total{{result="{result}"}} 1.0'.encode() in self.observer.exposition()


@pytest.fixture
async def bench(connection: Connection, topology: Topology, log: Log) -> Bench:
    """Give the test a bench of its own."""
    bench = Bench(connection, topology, log)
    await bench.inbox.open()
    return bench


async def test_a_message_beyond_its_last_delivery_is_kept(bench: Bench) -> None:
    """
    A foreign consumer never acknowledges; the server gives the message up, and it is in AA_DLQ, byte for byte, once.
    """
    await bench.consumer("analytics")
    body = await bench.send("a")
    await bench.pull("analytics")
    # The server notices at the next pull.
    pulling = asyncio.create_task(bench.pull("analytics"))
    (advisory,) = await bench.advisories()
    await bench.advisory_worker.handle(advisory)
    await bench.advisory_worker.handle(advisory)
    pulling.cancel()
    (letter,) = await bench.letters()

    assert (letter.subject, letter.body) == ("dlq.consumer.analytics.max-deliver", body)
    assert (letter.reason, letter.durable, letter.headers["traceparent"]) == ("max-deliver", "analytics", "00-1-2-01")
    assert letter.headers[headers.ORIGINAL_SUBJECT] == raw_subject("hrv")


async def test_what_a_foreign_consumer_terminates_is_kept(bench: Bench) -> None:
    """
    Terminated by somebody else's consumer means: never again. The message is in AA_DLQ with that reason.
    """
    await bench.consumer("analytics", max_deliver=-1)
    await bench.send("a")
    message = await bench.pull("analytics")
    await bench.connection.client.publish(message.reply, b"+TERM no use")
    for advisory in await bench.advisories():
        await bench.advisory_worker.handle(advisory)
    (letter,) = await bench.letters()

    assert (letter.reason, letter.subject) == ("terminated", "dlq.consumer.analytics.terminated")


async def test_our_own_workers_write_their_letters_themselves(bench: Bench) -> None:
    """
    A message that one of our durables terminated gets no second letter.
    """
    await bench.send("a")
    message = await bench.pull("normalize-hrv-durable")
    await bench.connection.client.publish(message.reply, b"+TERM schema-invalid")
    for advisory in await bench.advisories():
        await bench.advisory_worker.handle(advisory)

    assert (await bench.letters(), bench.counted("ours")) == ([], True)


async def test_a_message_that_is_gone_is_counted(bench: Bench) -> None:
    """
    When the message was deleted before its advisory was read, that is counted and logged, and the next one follows.
    """
    await bench.consumer("analytics", max_deliver=-1)
    await bench.send("a")
    message = await bench.pull("analytics")
    await bench.connection.client.publish(message.reply, b"+TERM no use")
    advisories = await bench.advisories()
    await bench.connection.api(f"STREAM.MSG.DELETE.{CORE_HOT}", {"seq": 1})
    for advisory in advisories:
        await bench.advisory_worker.handle(advisory)

    assert (await bench.letters(), bench.counted("gone")) == ([], True)


async def test_nonsense_among_the_advisories_is_counted(bench: Bench) -> None:
    """
    Whatever else is published there is counted, acknowledged, and harms nobody.
    """
    client: Any = bench.connection.client
    await client.publish("$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.x.y", b"\xff nonsense")
    for advisory in await bench.advisories():
        await bench.advisory_worker.handle(advisory)
    live = await NatsAdmin(bench.connection).durable(ADVISORY, REAP_ADVISORIES_DURABLE)

    assert live is not None
    assert (bench.counted("unreadable"), live.pending) == (True, 0)


async def test_it_runs_until_told_to_stop(bench: Bench) -> None:
    """
    The running worker handles what comes, and ends when told to.
    """
    running = asyncio.create_task(bench.advisory_worker.run(bench.stop))
    await bench.consumer("analytics", max_deliver=-1)
    await bench.send("a")
    message = await bench.pull("analytics")
    await bench.connection.client.publish(message.reply, b"+TERM no use")
    await eventually(bench.letters)
    bench.stop.set()
    await asyncio.wait_for(running, 10)

    assert len(await bench.letters()) == 1
