"""A real service that kills itself at a chosen step: `dying.py SERVICE STEP`.

The step is `before-` or `after-` and `publish`, `store`, `dead-letter`, `announce` or `ack`, or `in-normalise:USER` for
a reading that takes the process down.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from athlete_ally.config.settings import load_settings
from athlete_ally.core.measurement import Measurement
from athlete_ally.core.topology import DLQ
from athlete_ally.wiring.fetch import FetchWrappers, run_fetch
from athlete_ally.wiring.ingest import run_ingest
from athlete_ally.wiring.loop import run, stop_on_signals
from athlete_ally.wiring.normalize import Wrappers, run_normalize


def die() -> None:
    """End at once, as by `kill -9` or a power cut."""
    if sys.platform == "win32":
        os._exit(137)
    os.kill(os.getpid(), signal.SIGKILL)


class Deadly:
    """Passes everything on to an adapter, and dies before or after one of its methods."""

    def __init__(self, adapter: Any, method: str, when: str, only_if: Callable[..., bool] = lambda *_: True) -> None:
        """Die `when` ("before", "after") `method` is called with arguments that fulfil `only_if`."""
        self._adapter, self._method, self._when, self._only_if = adapter, method, when, only_if

    def __getattr__(self, name: str) -> Any:
        """Return the adapter's own method, wrapped where it is the deadly one."""
        real: Callable[..., Awaitable[Any]] = getattr(self._adapter, name)
        if name != self._method:
            return real

        async def wrapped(*arguments: Any) -> Any:
            deadly = self._only_if(*arguments)
            if deadly and self._when == "before":
                die()
            result = await real(*arguments)
            if deadly:
                # What was sent has to leave the process first.
                await asyncio.sleep(0.2)
                die()
            return result

        return wrapped


def killing(measurement: Measurement, user: str) -> Measurement:
    """Return a kind whose normalising takes the process down for one person."""

    def normalise(reading: Any, *rest: Any) -> Any:
        if reading.user_id == user:
            die()
        return measurement.normalise(reading, *rest)

    return replace(measurement, normalise=normalise)


def is_letter(message: Any) -> bool:
    """Tell a dead letter from an announcement."""
    return message.stream == DLQ


def is_announcement(message: Any) -> bool:
    """Tell an announcement from a dead letter."""
    return message.stream != DLQ


def deadly(method: str, when: str, only_if: Callable[..., bool] = lambda *_: True) -> Callable[[Any], Any]:
    """Return what wraps an adapter so that it dies."""
    return lambda adapter: Deadly(adapter, method, when, only_if)


def wrappers_for(step: str) -> Wrappers:
    """Return the wrappers that make normalize die at this step."""
    if step.startswith("in-normalise:"):
        return Wrappers(measurement=lambda measurement: killing(measurement, step.partition(":")[2]))
    when, _, what = step.partition("-")
    match what:
        case "store":
            return Wrappers(store=deadly("store", when))
        case "ack":
            return Wrappers(inbox=deadly("ack", when))
        case "dead-letter":
            return Wrappers(publisher=deadly("publish", when, is_letter))
        case "announce":
            return Wrappers(publisher=deadly("publish", when, is_announcement))
        case _:
            raise SystemExit(f"unknown step {step!r}")


async def main(service: str, step: str) -> None:
    """Run the service until it dies."""
    stop = asyncio.Event()
    stop_on_signals(stop)
    settings = load_settings()
    if service == "ingest":
        when = step.partition("-")[0]
        await run_ingest(settings, stop, wrap_publisher=deadly("publish", when))
    elif service == "fetch":
        when, _, what = step.partition("-")
        wrap = deadly(what, when)
        await run_fetch(settings, stop, wrappers=FetchWrappers(**{"inbox" if what == "ack" else "publisher": wrap}))
    else:
        await run_normalize(settings, stop, wrappers=wrappers_for(step))


if __name__ == "__main__":
    run(main(*sys.argv[1:]))
