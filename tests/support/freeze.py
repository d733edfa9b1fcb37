"""A server that stands still, as one that hangs does."""

import asyncio
import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

from support.wait import eventually


async def freeze(pid: int) -> None:
    """Suspend a process, and return once none of its threads runs: the signal itself does not wait for that."""
    os.kill(pid, signal.SIGSTOP)

    async def stands_still() -> bool:
        return {"T"} == await asyncio.to_thread(_states, pid)

    await eventually(stands_still)


def signal_all(pid: int, number: signal.Signals) -> None:
    """Send a signal to a server and to the processes that it made for its clients, found in Linux's /proc."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    for each in (pid, *map(int, children)):
        with suppress(ProcessLookupError):
            os.kill(each, number)


def _states(pid: int) -> set[str]:
    threads = Path(f"/proc/{pid}/task")
    if threads.is_dir():
        # After the name, which is in parentheses and may have any character in it.
        return {stat.read_text().rpartition(") ")[2][0] for stat in threads.glob("*/stat")}
    shown = subprocess.run(["ps", "-o", "state=", "-p", str(pid)], capture_output=True, text=True, check=True)
    return {shown.stdout.strip()[0]}
