"""Real servers for tests, started by the supervisor that `up` uses too: they end with the test process in any case."""

import asyncio
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import msgspec
import nats

from athlete_ally.adapters.servers.nats_server import nats_command
from athlete_ally.adapters.servers.ports import free_port
from athlete_ally.adapters.servers.postgres_server import PostgresServer
from athlete_ally.adapters.servers.supervisor import Command, Event
from support.wait import eventually

DEADLINE_S = 30.0
# Twice what the servers of one test process were seen to need at most.
_ROOM_BYTES = 1024**3
_connect: Any = nats.connect  # pyright: ignore[reportUnknownMemberType,reportUnknownVariableType]  # untyped


class Guard:
    """A supervisor process, driven synchronously; its folder goes when it ends."""

    def __init__(self) -> None:
        """Start the supervisor of a new throw-away folder."""
        module = "athlete_ally.adapters.servers.supervisor"
        self._process: Any = subprocess.Popen(
            [sys.executable, "-m", module, "--throw-away", "athlete-ally-test-"],
            env={**os.environ, "TMPDIR": _fastest_folder()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.folder = Path(self._next("ready").folder)

    def start(self, command: Command) -> int:
        """Start a process and return its id."""
        self._send(command)
        return self._next("started").pid

    def run(self, command: Command) -> None:
        """Run a process to its successful end."""
        self._send(command)
        assert self._next("ran").code == 0, f"{command.name} failed; see {command.log}"

    def close(self) -> None:
        """Stop everything."""
        self._process.stdin.close()
        self._process.wait(DEADLINE_S)
        self._process.stdout.close()

    def _send(self, command: Command) -> None:
        self._process.stdin.write(msgspec.json.encode(command) + b"\n")
        self._process.stdin.flush()

    def _next(self, wanted: str) -> Event:
        while True:
            event = msgspec.json.decode(self._process.stdout.readline(), type=Event)
            if event.event == wanted:
                return event


@dataclass(slots=True)
class Nats:
    """A nats-server. `restart` after a `kill -9` of `pid` finds its data again."""

    guard: Guard
    folder: Path
    command: Command
    url: str
    monitor_url: str
    pid: int = 0

    def start(self) -> None:
        """Start, and return when it answers."""
        _until_free(self.url)
        self.pid = self.guard.start(self.command)
        asyncio.run(_until(self._answers))

    async def _answers(self) -> None:
        client: Any = await _connect(self.url, allow_reconnect=False, connect_timeout=1, reconnect_time_wait=0.02)
        await client.jetstream().account_info()
        await client.close()


@dataclass(slots=True)
class Postgres:
    """A PostgreSQL. `url` is its maintenance database."""

    guard: Guard
    server: PostgresServer
    url: str
    pid: int = 0

    def start(self) -> None:
        """Start, and return when it answers."""
        _until_free(self.url)
        self.pid = self.guard.start(self.server.command())
        asyncio.run(_until(self._answers))

    async def start_again(self) -> None:
        """Start after a kill; until the killed one's children have let go of its memory, a new one exits at once."""

        async def started() -> bool:
            self.guard.start(self.server.command())
            try:
                connection = await asyncpg.connect(self.url, timeout=2)
            except (asyncpg.PostgresError, OSError, TimeoutError):
                return False
            folder = await connection.fetchval("SHOW data_directory")
            await connection.close()
            # Of those that were started, the one that holds the folder.
            self.pid = int((await asyncio.to_thread(Path(folder, "postmaster.pid").read_text, "ascii")).split()[0])
            return True

        await eventually(started, within_s=30)

    def database_url(self, name: str) -> str:
        """Return the address of one of its databases."""
        return self.url.rpartition("/")[0] + f"/{name}"

    async def _answers(self) -> None:
        connection = await asyncpg.connect(self.url, timeout=1)
        await connection.close()


def new_nats(guard: Guard, *, max_file_store: str = "4GB", sync: str = "always") -> Nats:
    """Return a nats-server in the guard's folder, started."""
    port, monitor_port, token = free_port(), free_port(), secrets.token_hex(8)
    folder = guard.folder / f"nats-{port}"
    command = nats_command(
        folder, port=port, monitor_port=monitor_port, token=token, max_file_store=max_file_store, sync=sync
    )
    server = Nats(guard, folder, command, f"nats://{token}@127.0.0.1:{port}", f"http://127.0.0.1:{monitor_port}")
    server.start()
    return server


def new_postgres(guard: Guard) -> Postgres:
    """Return a PostgreSQL in the guard's folder, started."""
    port, password = free_port(), secrets.token_hex(8)
    server = PostgresServer(guard.folder / f"postgres-{port}", port=port, password=password)
    for command in server.prepare():
        guard.run(command)
    postgres = Postgres(guard, server, f"postgresql://postgres:{password}@127.0.0.1:{port}/postgres")
    postgres.start()
    return postgres


def _fastest_folder() -> str:
    """Return a folder in memory where there is one with room: the servers flush as always, and it takes no time.

    No test cuts the power, so nothing is proved on a disk that would not be in memory.
    """
    memory = Path("/dev/shm")  # noqa: S108  # Linux's own place for it; the folder in it gets a random name
    # All test processes look before any of them writes.
    room_bytes = _ROOM_BYTES * int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    has_room = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free >= room_bytes
    return str(memory) if has_room else tempfile.gettempdir()


def _until_free(url: str) -> None:
    """Return when nothing listens there: a killed process may still hold the port, and a server would exit then."""
    address = urlsplit(url)
    deadline_s = time.monotonic() + DEADLINE_S
    while True:
        try:
            socket.create_connection((address.hostname, address.port), timeout=1).close()
        except OSError:
            return
        assert time.monotonic() < deadline_s, "the port stays taken"
        time.sleep(0.02)


async def _until(check: Any) -> None:
    deadline_s = time.monotonic() + DEADLINE_S
    while True:
        try:
            return await check()
        except Exception:
            if time.monotonic() > deadline_s:
                raise
            await asyncio.sleep(0.02)
