"""Retrying through outages: with backoff and jitter, as long as it takes, while deliveries are kept in progress."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

from athlete_ally.core.errors import StreamFull, Unavailable
from athlete_ally.core.messages.message import Delivery
from athlete_ally.core.ports import Inbox, Log, Observer
from athlete_ally.core.series import Series

T = TypeVar("T")

_FIRST_DELAY_S = 0.1
_LONGEST_DELAY_S = 5.0
# A statement that lost a race, or a leader that is elected, is over by then.
_SHOWN_AFTER_S = 2.0


class Stopping(Exception):
    """The service stops and can't finish: leave everything unacknowledged, so that it is delivered again."""


class UnboundedRetry:
    """Tries again until an operation succeeds or the service stops."""

    def __init__(
        self,
        durable: str,
        *,
        stop: asyncio.Event,
        log: Log,
        on_hold: Callable[[bool], None],
        jitter: Callable[[], float],
    ) -> None:
        """Wait on behalf of a durable, which log lines name, until `stop` is set.

        `jitter` returns a factor from 0 to 1; `on_hold` hears of every change.
        """
        self.durable = durable
        self._stop = stop
        self._log = log
        self._on_hold = on_hold
        self._jitter = jitter
        self._holding = 0
        self._held_since_s = 0.0
        self._error = ""

    @property
    def is_holding(self) -> bool:
        """Tell whether something waits now."""
        return self._holding > 0

    @property
    def problem(self) -> str:
        """Return what something has been waiting for, for longer than a moment; empty where nothing waits."""
        if not self.is_holding or time.monotonic() - self._held_since_s < _SHOWN_AFTER_S:
            return ""
        return f"{self.durable} waits: {self._error}"

    async def until_done(self, operation: Callable[[], Awaitable[T]]) -> T:
        """Return what `operation` returns, however often it had to be tried.

        Raises:
            StreamFull: waiting here would keep good messages from being stored; the caller gives this one back.
            Stopping: the service stops during the outage.
        """
        delay_s = _FIRST_DELAY_S
        try:
            return await operation()
        except StreamFull:
            raise
        except Unavailable as error:
            self._hold(+1, str(error))
        try:
            while True:
                await self._wait(delay_s * (0.5 + self._jitter() / 2))
                delay_s = min(delay_s * 2, _LONGEST_DELAY_S)
                try:
                    return await operation()
                except StreamFull:
                    raise
                except Unavailable as error:
                    self._error = str(error)
                    self._log.debug("still-waiting", durable=self.durable, error=str(error))
        finally:
            self._hold(-1, "")

    def log_stop(self) -> None:
        """Log that the service stops while something waits, and leaves it unacknowledged."""
        self._log.warning("stopped-while-holding", durable=self.durable)

    async def _wait(self, delay_s: float) -> None:
        if self._stop.is_set():
            raise Stopping
        try:
            async with asyncio.timeout(delay_s):
                await self._stop.wait()
        except TimeoutError:
            return
        raise Stopping

    def _hold(self, change: int, error: str) -> None:
        was_holding = self.is_holding
        self._holding += change
        if self.is_holding and not was_holding:
            self._held_since_s, self._error = time.monotonic(), error
            self._log.warning("holding", durable=self.durable, error=error)
            self._on_hold(True)
        elif was_holding and not self.is_holding:
            self._log.info("no-longer-holding", durable=self.durable)
            self._on_hold(False)


def shown_on(observer: Observer, series: Series, *labels: str) -> Callable[[bool], None]:
    """Return what shows on a gauge whether somebody holds: 1 while something waits, else 0."""

    def show(is_holding: bool) -> None:  # noqa: FBT001  # a callback with one argument
        observer.set(series, *labels, value=float(is_holding))

    return show


@asynccontextmanager
async def kept_in_progress(inbox: Inbox, deliveries: Sequence[Delivery], every_s: float) -> AsyncGenerator[None]:
    """Tell the broker every `every_s` seconds that these deliveries are still in progress, until the block ends."""

    async def keep() -> None:
        while True:
            await asyncio.sleep(every_s)
            for delivery in deliveries:
                try:
                    await inbox.keep(delivery)
                except Unavailable:
                    # The broker is away; whatever it delivers again is recognised by its receipt.
                    break

    keeper = asyncio.create_task(keep())
    try:
        yield
    finally:
        keeper.cancel()
        await asyncio.wait({keeper})
