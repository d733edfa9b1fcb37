"""The connection to NATS breaks: whatever is being done with it, always the error of an outage."""

import asyncio
import gc
from collections.abc import AsyncGenerator, Awaitable, Callable
from urllib.parse import urlsplit

import pytest
from support.cut import Line, line_to
from support.servers import Nats
from support.wait import eventually

from athlete_ally.adapters.nats.admin import NatsAdmin
from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.adapters.nats.dead_letters import NatsLetters
from athlete_ally.adapters.nats.inbox import NatsInbox
from athlete_ally.adapters.nats.messages import NatsMessages
from athlete_ally.adapters.nats.publisher import NatsPublisher
from athlete_ally.adapters.nats.snapshot import Snapshots
from athlete_ally.core.broker.topology import CORE_HOT, Topology, normalize_durable, raw_subject
from athlete_ally.core.errors import Unavailable
from athlete_ally.core.messages.message import Delivery, OutgoingMessage
from athlete_ally.core.ports import Log

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

_SOON_S = 0.5
DURABLE = normalize_durable("hrv")


class Bench:
    """A connection over a line that can be broken, and all that is ever done with it."""

    def __init__(self, connection: Connection, line: Line, topology: Topology) -> None:
        """Use this connection, which goes over this line."""
        self.connection, self.line = connection, line
        self._inbox = NatsInbox(connection, topology.durable(DURABLE))
        self._publisher = NatsPublisher(connection, timeout_s=_SOON_S)
        self._admin = NatsAdmin(connection, _SOON_S)
        self._sent = 0
        self._deliveries: list[Delivery] = []
        self.uses: dict[str, Callable[[], Awaitable[object]]] = {
            "publish": self.publish,
            "open an inbox": lambda: NatsInbox(connection, topology.durable(DURABLE)).open(),
            "fetch": self._fetch,
            "settle": self._settle,
            "ask": lambda: connection.api("INFO", timeout_s=_SOON_S),
            "read about a stream": lambda: self._admin.stream(CORE_HOT),
            "read about a message": lambda: self._admin.message_from(CORE_HOT, 1),
            "read a message": lambda: NatsMessages(connection, _SOON_S).one(CORE_HOT, 1),
            "read dead letters": self._read_letters,
            "back up": self._back_up,
        }

    async def open(self) -> None:
        """Have an inbox with deliveries, and more of them to come."""
        await self._inbox.open()
        for _ in range(30):
            await self.publish()
        self._deliveries = list(await self._inbox.fetch(10, 1))

    async def publish(self) -> None:
        """Publish a message that no other is."""
        self._sent += 1
        message = OutgoingMessage(CORE_HOT, raw_subject("hrv"), b"x" * 2000, f"m{self._sent}", {})
        await self._publisher.publish(message)

    async def _fetch(self) -> None:
        await self._inbox.fetch(1, _SOON_S)

    async def _settle(self) -> None:
        for delivery in self._deliveries:
            await self._inbox.ack(delivery)

    async def _read_letters(self) -> None:
        async for _ in NatsLetters(self.connection).all():
            pass

    async def _back_up(self) -> None:
        async with Snapshots(self.connection).taking(CORE_HOT) as (_, chunks):
            async for _ in chunks:
                pass

    async def use(self) -> dict[str, BaseException | None]:
        """Do all of it at once; return how each ended."""
        ended = await asyncio.gather(*(each() for each in self.uses.values()), return_exceptions=True)
        return {
            name: each if isinstance(each, BaseException) else None for name, each in zip(self.uses, ended, strict=True)
        }

    async def works(self) -> bool:
        """Tell whether a publish is acknowledged."""
        try:
            await self.publish()
        except Unavailable:
            return False
        return True


@pytest.fixture
async def bench(
    nats_server: Nats, connection: Connection, topology: Topology, log: Log, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[Bench]:
    """Give a connection over a line of its own."""
    del connection  # made the streams
    monkeypatch.setattr("athlete_ally.adapters.nats.direct_reads._SILENCE_S", _SOON_S)
    where = urlsplit(nats_server.url)
    assert where.hostname
    assert where.port
    async with line_to(where.hostname, where.port) as line:
        broken = Connection(nats_server.url.replace(f":{where.port}", f":{line.port}"), name="test", log=log)
        await broken.open()
        bench = Bench(broken, line, topology)
        await bench.open()
        yield bench
        await broken.close()
        # The library leaves a socket to the collector when a server accepts it and says nothing: let it warn here.
        gc.collect()


# Answers are some 100 to 2,000 bytes each.
@pytest.mark.parametrize("size", [0, 150, 1500, 6000])
async def test_a_line_that_breaks_anywhere_is_an_outage(bench: Bench, size: int) -> None:
    """
    Everything that is under way when the line breaks succeeds or says `Unavailable`; repaired, all of it works again.
    """
    bench.line.cut_after(size)
    broken = await bench.use()
    bench.line.cut_after(None)
    await eventually(bench.works)
    repaired = await bench.use()

    assert {name: each for name, each in broken.items() if not isinstance(each, Unavailable | None)} == {}
    assert dict.fromkeys(bench.uses) == repaired


async def test_without_a_connection_everything_is_an_outage(bench: Bench) -> None:
    """
    Not connected, and closed for good: `Unavailable` that says so, for each thing that needs an answer.
    """
    bench.line.cut_after(0)
    bench.connection.report_stall()

    async def is_lost() -> bool:
        return not bench.connection.client.is_connected

    await eventually(is_lost)
    lost = await bench.use()
    await bench.connection.close()
    closed = await bench.use()

    # The library keeps a subscription for the next connection.
    assert {name: each for name, each in lost.items() if not isinstance(each, Unavailable)} == {"open an inbox": None}
    assert "not connected" in str(lost["ask"])
    assert {name: each for name, each in closed.items() if not isinstance(each, Unavailable)} == {}
