"""A broker that stops answering, and goes on: the connection notices both, and nothing outlasts the fault."""

import asyncio
import gc
import os
import signal
import sys

import pytest
from support.freeze import freeze
from support.servers import Guard, new_nats
from support.streams import make_streams
from support.wait import eventually

from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.adapters.nats.publisher import NatsPublisher
from athlete_ally.core.broker.topology import CORE_HOT, Topology, raw_subject
from athlete_ally.core.errors import Unavailable
from athlete_ally.core.messages.message import OutgoingMessage
from athlete_ally.core.ports import Log

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the faults are made with POSIX signals")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("pings_missed", [3, 9], ids=["before the connection is abandoned", "after it"])
async def test_a_stalled_broker_is_used_as_soon_as_it_answers(
    guard: Guard, topology: Topology, log: Log, monkeypatch: pytest.MonkeyPatch, pings_missed: int
) -> None:
    """
    A server that stood still for several of our probes takes the next publish within 3 s of going on.
    """
    monkeypatch.setattr("athlete_ally.adapters.nats.connection._PING_INTERVAL_S", 1 if pings_missed > 3 else 30)
    server = await asyncio.to_thread(new_nats, guard)
    connection = Connection(server.url, name="test", log=log)
    await connection.open()
    await make_streams(connection, topology)
    publisher = NatsPublisher(connection, timeout_s=0.5)
    sent = 0

    async def publish() -> bool:
        nonlocal sent
        sent += 1
        try:
            await publisher.publish(OutgoingMessage(CORE_HOT, raw_subject("hrv"), b"{}", f"m{sent}", {}))
        except Unavailable:
            return False
        return True

    assert await publish()
    await freeze(server.pid)
    try:
        # Each probe takes a second that the server owes an answer to.
        for _ in range(pings_missed):
            assert not await publish()
            with pytest.raises(Unavailable):
                await connection.api("INFO", timeout_s=1)
    finally:
        os.kill(server.pid, signal.SIGCONT)

    try:
        await eventually(publish, within_s=3)
    finally:
        await connection.close()
        os.kill(server.pid, signal.SIGTERM)
        # The library leaves a socket to the collector when a server accepts it and says nothing: let it warn here.
        gc.collect()
