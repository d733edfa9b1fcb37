"""A real service that kills itself at a chosen step: `dying.py SERVICE STEP`.

The step is `before-` or `after-` and `publish`, `store`, `dead-letter`, `announce`, `ack`, `append` or `flush` (of the
message journal), or `in-normalise:USER` for a reading that takes the process down. `together-` in front of the step:
every vendor that VENDORS names (with commas) is held there, and the process dies when the last one has come.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import count
from typing import Any

from athlete_ally.adapters.files.message_journal import segment_file
from athlete_ally.config.settings import load_settings
from athlete_ally.core.broker.topology import DLQ, fetched_subject
from athlete_ally.core.messages import headers
from athlete_ally.core.messages.message import Delivery, OutgoingMessage
from athlete_ally.core.ports import MessageJournal
from athlete_ally.core.readings.measurement import Measurement
from athlete_ally.vendors import FETCHED
from athlete_ally.wiring.services.event_loop import run, stop_on_signals
from athlete_ally.wiring.services.fetch import FetchWrappers, run_fetch
from athlete_ally.wiring.services.ingest import run_ingest
from athlete_ally.wiring.services.normalize import Wrappers, run_normalize


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


class DeadlyJournal:
    """Dies before it takes anything."""

    def __init__(self, _journal: MessageJournal) -> None:
        """Stand in front of a journal."""

    def append(self, message: OutgoingMessage) -> Awaitable[None]:  # noqa: ARG002  # the port's
        """Die."""
        die()
        raise AssertionError


def die_at_flush(when: str) -> None:
    """Die `when` ("before", "after") the disk is told to hold a group; the segment's header comes first."""
    real, flushes = segment_file.flush, count()

    def flush(file: int) -> None:
        deadly = next(flushes) == 1
        if deadly and when == "before":
            die()
        real(file)
        if deadly:
            die()

    setattr(segment_file, "flush", flush)  # noqa: B010  # a test's own


class Together:
    """Holds vendors at a step until all of them are there, and dies then."""

    def __init__(self, adapter: Any, method: str, when: str, missing: set[str]) -> None:
        """Hold `when` ("before", "after") `method` is called for one of the vendors that are `missing`."""
        self._adapter, self._method, self._when, self._missing = adapter, method, when, missing

    def __getattr__(self, name: str) -> Any:
        """Return the adapter's own method, wrapped where it is the deadly one."""
        real: Callable[..., Awaitable[Any]] = getattr(self._adapter, name)
        if name != self._method:
            return real

        async def wrapped(argument: Any) -> Any:
            vendor = vendor_at_work(argument)
            result = await real(argument) if vendor is None or self._when == "after" else None
            if vendor is None:
                return result
            self._missing.discard(vendor)
            if not self._missing:
                die()
            return await asyncio.Event().wait()

        return wrapped


def vendor_at_work(message: Any) -> str | None:
    """Return whose readings are published, or whose webhook or document is settled.

    None for what is not a vendor's, and for a webhook that unpack has nothing to publish of, since it only names data.
    """
    if isinstance(message, Delivery):
        work, _, rest = message.consumer.removesuffix("-durable").partition("-")
        names_data = work == "unpack" and rest in FETCHED and headers.GRANT not in message.headers
        return rest if work in {"unpack", "fetch"} and not names_data else None
    consumer = message.headers.get(headers.CE_SOURCE, "").partition("/unpack/unpack-")[2]
    return consumer.removesuffix("-durable") or _FETCHED.get(message.subject)


_FETCHED = {fetched_subject(vendor): vendor for vendor in FETCHED}


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


def together(method: str, when: str) -> Callable[[Any], Any]:
    """Return what wraps the adapters of all vendors so that they die together."""
    missing = set(os.environ["VENDORS"].split(","))
    return lambda adapter: Together(adapter, method, when, missing)


def same(adapter: Any) -> Any:
    """Return an adapter as it is."""
    return adapter


def wrappers_for(step: str) -> Wrappers:
    """Return the wrappers that make normalize die at this step."""
    if step.startswith("together-"):
        _, when, what = step.split("-")
        wrap = together(what, when)
        return Wrappers(inbox=wrap) if what == "ack" else Wrappers(publisher=wrap)
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
        when, _, what = step.partition("-")
        if what == "flush":
            die_at_flush(when)
        publisher = deadly("publish", when) if what == "publish" else same
        await run_ingest(
            settings, stop, wrap_publisher=publisher, wrap_journal=DeadlyJournal if what == "append" else same
        )
    elif service == "fetch":
        *is_together, when, what = step.split("-")
        wrap = together(what, when) if is_together else deadly(what, when)
        await run_fetch(settings, stop, wrappers=FetchWrappers(**{"inbox" if what == "ack" else "publisher": wrap}))
    else:
        await run_normalize(settings, stop, wrappers=wrappers_for(step))


if __name__ == "__main__":
    run(main(*sys.argv[1:]))
