"""The client of the supervisor: start processes, wait for them, and stop them all."""

import asyncio
import subprocess
import sys
from pathlib import Path

import msgspec

from athlete_ally.adapters.servers.supervisor import Command, Event
from athlete_ally.core.errors import Misconfigured

# A database shutting down writes a checkpoint; services drain before it.
_STOP_TIMEOUT_S = 60.0


class Processes:
    """The processes of one `up` or `demo`. `exited` is set as soon as one of them ends by itself."""

    def __init__(self) -> None:
        """Prepare; `open` starts the supervisor."""
        self.exited = asyncio.Event()
        self.first_exit: Event | None = None
        self.pids: dict[str, int] = {}
        self._supervisor: asyncio.subprocess.Process | None = None
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._reader: asyncio.Task[None] | None = None

    async def open(self, folder: Path | None) -> Path:
        """Start the supervisor of `folder`, or of a new folder, removed when everything has ended; return it.

        Raises:
            Misconfigured: another `up` uses the folder.
        """
        arguments = ["--folder", str(folder)] if folder is not None else ["--throw-away", "athlete-ally-demo-"]
        self._supervisor = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "athlete_ally.adapters.servers.supervisor",
            *arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Ctrl-C on the terminal must reach us alone: we decide in which order things stop.
            start_new_session=sys.platform != "win32",
            creationflags=subprocess.CREATE_NEW_PROCESS_GROUP if sys.platform == "win32" else 0,
        )
        self._reader = asyncio.create_task(self._read())
        event = await self._events.get()
        if event.event != "ready":
            remedy = "stop that, or choose another --data-dir"
            raise Misconfigured(f"{folder} is in use by another `athlete-ally up`: {remedy}")
        return Path(event.folder)

    async def start(self, command: Command) -> int:
        """Start a process and return its id."""
        self._order(command)
        event = await self._events.get()
        self.pids[command.name] = event.pid
        return event.pid

    async def run(self, command: Command) -> int:
        """Run a process to its end and return its exit code."""
        self._order(command)
        return (await self._events.get()).code

    async def close(self) -> None:
        """Stop all processes in reverse order and wait until they have ended."""
        if self._supervisor is None or self._supervisor.stdin is None:
            return
        self._supervisor.stdin.close()
        try:
            async with asyncio.timeout(_STOP_TIMEOUT_S):
                await self._supervisor.wait()
        except TimeoutError:
            self._supervisor.kill()
        if self._reader is not None:
            await self._reader

    def _order(self, command: Command) -> None:
        if self._supervisor is None or self._supervisor.stdin is None:
            raise RuntimeError("open() comes first")
        self._supervisor.stdin.write(msgspec.json.encode(command) + b"\n")

    async def _read(self) -> None:
        if self._supervisor is None or self._supervisor.stdout is None:
            return
        async for line in self._supervisor.stdout:
            event = msgspec.json.decode(line, type=Event)
            if event.event == "exited":
                self.first_exit = self.first_exit or event
                self.exited.set()
            else:
                self._events.put_nowait(event)
        # The supervisor itself has ended: a caller that waits for its answer must not wait for ever.
        last = Event(event="exited", name="supervisor", code=1)
        self.first_exit = self.first_exit or last
        self.exited.set()
        self._events.put_nowait(last)
