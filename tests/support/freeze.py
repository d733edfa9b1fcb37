"""A server that stands still, as one that hangs does."""

import asyncio
import os
import signal
import subprocess
from pathlib import Path

from support.wait import eventually


async def freeze(pid: int) -> None:
    """Suspend a process, and return once none of its threads runs: the signal itself does not wait for that."""
    os.kill(pid, signal.SIGSTOP)

    async def stands_still() -> bool:
        return {"T"} == await asyncio.to_thread(_states, pid)

    await eventually(stands_still)


def _states(pid: int) -> set[str]:
    threads = Path(f"/proc/{pid}/task")
    if threads.is_dir():
        # After the name, which is in parentheses and may have any character in it.
        return {stat.read_text().rpartition(") ")[2][0] for stat in threads.glob("*/stat")}
    shown = subprocess.run(["ps", "-o", "state=", "-p", str(pid)], capture_output=True, text=True, check=True)
    return {shown.stdout.strip()[0]}
