"""What the `Publisher` port promises, kept by NATS JetStream and by the fake alike."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, Protocol, cast

import pytest
from support.fakes import FakePublisher
from support.journals import Journals

from athlete_ally.adapters.files.message_journal.file_journal import FileJournal
from athlete_ally.adapters.files.message_journal.journaled_publisher import JournaledPublisher
from athlete_ally.adapters.nats.admin import NatsAdmin
from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.adapters.nats.publisher import NatsPublisher
from athlete_ally.core.broker.topology import (
    CORE_HOT,
    DLQ,
    MAX_BODY_BYTES,
    MAX_MESSAGE_BYTES,
    VENDOR_HOT,
    dead_letter_subject,
    raw_subject,
)
from athlete_ally.core.errors import MessageTooLarge, Misconfigured, StreamFull, Unavailable
from athlete_ally.core.messages import headers
from athlete_ally.core.messages.message import OutgoingMessage
from athlete_ally.core.ports import Publisher


class Bench(Protocol):
    """A publisher, and what can be done to its streams."""

    publisher: Publisher

    async def messages(self, stream: str) -> int:
        """Return how many messages a stream holds."""
        ...

    async def fill(self, stream: str) -> None:
        """Leave no room in a stream, not even for one small message."""
        ...

    async def delete(self, stream: str) -> None:
        """Take a stream away."""
        ...


class FakeBench:
    """The fake."""

    def __init__(self) -> None:
        """Start with empty streams."""
        self._fake = FakePublisher()
        self.publisher: Publisher = self._fake

    async def messages(self, stream: str) -> int:
        """See the bench."""
        return sum(message.stream == stream for message in self._fake.published)

    async def fill(self, stream: str) -> None:
        """See the bench."""
        self._fake.full.add(stream)

    async def delete(self, stream: str) -> None:
        """See the bench."""
        del self._fake.limits[stream]


class RealBench:
    """A real nats-server."""

    def __init__(self, connection: Connection) -> None:
        """Use this connection."""
        self._connection = connection
        self.publisher: Publisher = NatsPublisher(connection, timeout_s=10)

    async def messages(self, stream: str) -> int:
        """See the bench."""
        live = await NatsAdmin(self._connection).stream(stream)
        assert live is not None
        return live.messages

    async def fill(self, stream: str) -> None:
        """See the bench."""
        live = await NatsAdmin(self._connection).stream(stream)
        assert live is not None
        # A limit at what is there already leaves no room for the next one.
        await self._connection.api(f"STREAM.UPDATE.{stream}", {**live.config, "max_bytes": max(1, live.bytes)})

    async def delete(self, stream: str) -> None:
        """See the bench."""
        await self._connection.api(f"STREAM.DELETE.{stream}")


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncGenerator[FileJournal]:
    """Give a message journal."""
    async with Journals(tmp_path / "journal").open() as journal:
        yield journal


@pytest.fixture(params=["fake", "real", "journaled"])
def bench(request: pytest.FixtureRequest) -> Bench:
    """Run each test over the fake, over the real server, and with a message journal beside it."""
    if request.param == "fake":
        return FakeBench()
    bench = RealBench(cast("Connection", request.getfixturevalue("connection")))
    if request.param == "journaled":
        journal = cast("FileJournal", request.getfixturevalue("journal"))
        bench.publisher = JournaledPublisher(bench.publisher, journal, is_required=True, timeout_s=10)
    return bench


def message(identity: str = "m1", body: bytes = b"{}", **changes: Any) -> OutgoingMessage:
    """Return a message for the stream of readings."""
    values: dict[str, Any] = {"stream": CORE_HOT, "subject": raw_subject("hrv"), "headers": {"x-test": "1"}}
    return OutgoingMessage(body=body, message_id=identity, **{**values, **changes})


async def test_an_acknowledgement_names_stream_and_sequence(bench: Bench) -> None:
    """
    The stream says where it holds each message, in the order in which they came.
    """
    acknowledgements = [await bench.publisher.publish(message(identity)) for identity in ("a", "b")]

    assert [(each.stream, each.sequence, each.duplicate) for each in acknowledgements] == [
        (CORE_HOT, 1, False),
        (CORE_HOT, 2, False),
    ]


async def test_the_same_id_again_is_a_duplicate(bench: Bench) -> None:
    """
    A repeated publish is told the first one's sequence, whatever its body, and the stream holds one message.
    """
    first = await bench.publisher.publish(message())
    again = await bench.publisher.publish(message(body=b'{"other": 1}'))

    assert (first.sequence, True, 1) == (again.sequence, again.duplicate, await bench.messages(CORE_HOT))


async def test_ids_are_told_apart_by_stream(bench: Bench) -> None:
    """
    One id in two streams is two messages: a dead letter may carry what it likes.
    """
    letter = message(stream=DLQ, subject=dead_letter_subject("hrv", "non-retryable"))
    acknowledgements = [await bench.publisher.publish(each) for each in (message(), letter)]

    assert [(each.stream, each.duplicate) for each in acknowledgements] == [(CORE_HOT, False), (DLQ, False)]


async def test_publishes_at_once_do_not_mix(bench: Bench) -> None:
    """
    A hundred publishes in flight, each id twice: fifty messages, and both calls of one id name one sequence.
    """
    sent = [message(f"m{number % 50}") for number in range(100)]
    acknowledgements = await asyncio.gather(*map(bench.publisher.publish, sent))

    places = {(each.message_id, got.sequence) for each, got in zip(sent, acknowledgements, strict=True)}
    assert (
        len(places),
        sum(each.duplicate for each in acknowledgements),
        await bench.messages(CORE_HOT),
    ) == (50, 50, 50)


async def test_another_streams_subject_is_misconfigured(bench: Bench) -> None:
    """
    A mis-pointed subject fails loudly, and no stream holds the message.
    """
    with pytest.raises(Misconfigured, match=DLQ):
        await bench.publisher.publish(message(stream=DLQ))

    assert [await bench.messages(stream) for stream in (CORE_HOT, DLQ)] == [0, 0]


async def test_the_limit_of_a_message_counts_its_headers(bench: Bench) -> None:
    """
    The largest message that fits is taken; with one byte more it is too large, and the stream stays as it was.
    """
    own = {"x-test": "1", headers.MSG_ID: "m1", headers.EXPECTED_STREAM: CORE_HOT}
    overhead = len("NATS/1.0\r\n\r\n") + sum(len(f"{name}: {value}\r\n") for name, value in own.items())
    with pytest.raises(MessageTooLarge):
        await bench.publisher.publish(message(body=bytes(MAX_MESSAGE_BYTES - overhead + 1)))
    await bench.publisher.publish(message(body=bytes(MAX_MESSAGE_BYTES - overhead)))

    assert await bench.messages(CORE_HOT) == 1


@pytest.mark.parametrize("size", [MAX_MESSAGE_BYTES + 1, 2 * 1024 * 1024], ids=["max_msg_size", "max_payload"])
async def test_what_is_far_too_large_is_refused(bench: Bench, size: int) -> None:
    """
    Above the stream's limit or the server's own: the error is the same, and publishing goes on.
    """
    with pytest.raises(MessageTooLarge):
        await bench.publisher.publish(message(body=bytes(size)))
    acknowledgement = await bench.publisher.publish(message(body=bytes(MAX_BODY_BYTES)))

    assert acknowledgement.sequence == 1


async def test_a_full_stream_refuses_news_and_knows_what_it_holds(bench: Bench) -> None:
    """
    A new message is refused as `StreamFull`, an old one is still a duplicate, and other streams don't notice.
    """
    await bench.publisher.publish(message("old"))
    await bench.fill(CORE_HOT)
    with pytest.raises(StreamFull):
        await bench.publisher.publish(message("new"))
    again = await bench.publisher.publish(message("old"))
    letter = message("new", stream=DLQ, subject=dead_letter_subject("hrv", "max-deliver"))

    assert (again.duplicate, (await bench.publisher.publish(letter)).duplicate) == (True, False)
    assert await bench.messages(CORE_HOT) == 1


async def test_a_missing_stream_is_unavailable(bench: Bench) -> None:
    """
    Nobody listens on the subject: wait and try again, somebody will create the stream.
    """
    await bench.delete(VENDOR_HOT)
    with pytest.raises(Unavailable, match=r"vendor\.oura"):
        await bench.publisher.publish(message(stream=VENDOR_HOT, subject="vendor.oura.webhook.received"))
