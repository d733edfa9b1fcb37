"""Copies of streams on three real servers: what is missing is named, and comes back as the runbooks say."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from support.cluster import Member, start_cluster
from support.journals import message
from support.servers import Guard
from support.wait import eventually

from athlete_ally.adapters.files.change_log_file import NoChangeLog
from athlete_ally.adapters.nats.broker import NatsBroker
from athlete_ally.adapters.nats.connection import ApiError, Connection
from athlete_ally.adapters.nats.publisher import NatsPublisher
from athlete_ally.core.broker.topology import CORE_HOT, DEV, build_topology
from athlete_ally.core.errors import StreamFull, Unavailable
from athlete_ally.core.ports import Log
from athlete_ally.measurements import KINDS
from athlete_ally.ops.doctor.broker import check_replicas
from athlete_ally.ops.doctor.finding import Check
from athlete_ally.ops.streams.difference import wanted_of
from athlete_ally.ops.streams.overview import look
from athlete_ally.ops.streams.provision import provision
from athlete_ally.vendors import FETCHED, VENDORS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="the faults are made with POSIX signals and a mounted disk"),
]

SPEC = msgspec.structs.replace(
    DEV, streams={name: msgspec.structs.replace(each, replicas=3) for name, each in DEV.streams.items()}
)
TOPOLOGY = build_topology(KINDS, VENDORS, SPEC, fetched=FETCHED)


class Copies:
    """Three servers with all streams on each."""

    def __init__(self, members: dict[str, Member], connection: Connection) -> None:
        """Use these servers."""
        self.members, self.connection = members, connection

    async def check(self) -> Check:
        """Return what doctor says of AA_CORE_HOT; nothing yet counts as unknown."""
        try:
            overview = await look(NatsBroker(self.connection, timeout_s=2), wanted_of(TOPOLOGY))
        except (ApiError, Unavailable) as error:
            return Check("copies", "unknown", str(error), "wait")
        return check_replicas(next(row for row in overview.streams if row.name == CORE_HOT), 3)

    async def until(self, status: str, words: str) -> None:
        """Return once doctor says so: within a minute."""

        async def says() -> bool:
            check = await self.check()
            return check.status == status and words in check.detail

        await eventually(says, within_s=60)


@pytest.fixture
def small_store(guard: Guard) -> Generator[Path]:
    """Return where the third server stores, on a file system of 40 MiB."""
    folder = guard.folder / "small-store"
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", "size=40m,mode=0755", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("a small file system can only be mounted by root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
async def copies(guard: Guard, small_store: Path, log: Log) -> AsyncGenerator[Copies]:
    """Start three servers, the third on a small file system, and make the streams."""
    members = await asyncio.to_thread(start_cluster, guard, (), (), (), stores={"n3": small_store})
    connection = Connection(",".join(each.url for each in members.values()), name="test", log=log)
    await connection.open()

    async def made() -> bool:
        with suppress(ApiError, Unavailable):
            await provision(NatsBroker(connection), SPEC, TOPOLOGY, NoChangeLog(), datetime.now(UTC))
            return True
        return False

    await eventually(made, within_s=60)
    copies = Copies(members, connection)
    await copies.until("ok", "3 of 3")
    yield copies
    await connection.close()
    for member in members.values():
        with suppress(ProcessLookupError):
            os.kill(member.pid, signal.SIGKILL)


async def test_a_server_that_is_down_is_named(copies: Copies) -> None:
    """
    One of three killed: within a minute doctor says that a copy is missing, and whose. Started again, all three copies
    are current.
    """
    os.kill(copies.members["n3"].pid, signal.SIGKILL)
    await copies.until("failure", "n3")
    await asyncio.to_thread(copies.members["n3"].start)

    await copies.until("ok", "3 of 3")


async def test_a_server_whose_disk_was_full_is_restarted(copies: Copies, small_store: Path) -> None:
    """
    The disk of one of three fills up: within a minute its copy is named, and the others go on taking messages. Room
    alone does not bring the copy back for sure; a restart of that server does, and nothing that was acknowledged is
    missing.
    """
    publisher = NatsPublisher(copies.connection, timeout_s=5)
    acknowledged: list[str] = []
    named: list[Check] = []

    async def fill() -> bool:
        for _ in range(10):
            name = f"m{len(acknowledged)}"
            with suppress(Unavailable, StreamFull):
                await publisher.publish(message(name, os.urandom(300_000)))
                acknowledged.append(name)
        check = await copies.check()
        if "n3" in check.detail:
            named.append(check)
        return bool(named)

    await eventually(fill, within_s=60)
    await asyncio.to_thread(subprocess.run, ["mount", "-o", "remount,size=400m", str(small_store)], check=True)
    os.kill(copies.members["n3"].pid, signal.SIGKILL)
    await copies.until("failure", "n3")
    await asyncio.to_thread(copies.members["n3"].start)
    await copies.until("ok", "3 of 3")
    stream = await NatsBroker(copies.connection).stream(CORE_HOT)

    assert named[0].status == "failure"
    assert stream is not None
    assert stream.messages >= len(acknowledged) > 50
