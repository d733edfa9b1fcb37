"""Run a service until it is told to stop, on every platform."""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` to its end, on uvloop if available."""
    if sys.platform != "win32":
        import uvloop  # noqa: PLC0415  # not on Windows

        return uvloop.run(main)
    return asyncio.run(main)


def stop_on_signals(stop: asyncio.Event) -> None:
    """Set `stop` on SIGINT and SIGTERM; on Windows on Ctrl-C and Ctrl-Break."""
    loop = asyncio.get_running_loop()
    if sys.platform != "win32":
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        return
    for number in (signal.SIGINT, signal.SIGBREAK):
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))


def stop_with_stdin(stop: asyncio.Event) -> None:
    """Set `stop` when standard input ends, so that a killed parent stops this process."""
    loop = asyncio.get_running_loop()

    def wait() -> None:
        # Not sys.stdin: its lock, held by this thread, would break the interpreter's shutdown.
        while os.read(0, 1024):
            pass
        loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=wait, daemon=True).start()
