"""Waiting for changes: one look at the database for all who wait, and none while nobody does."""

import asyncio
from contextlib import suppress

from athlete_ally.core.changes import ChangeFeed
from athlete_ally.core.errors import Unavailable

_LOOK_EVERY_S = 0.02
# After an error: the server may be starting.
_LOOK_AGAIN_S = 1.0


class ChangesWatch:
    """Tells readers when there is something new."""

    def __init__(self, feed: ChangeFeed) -> None:
        """Look at this feed."""
        self._feed = feed
        self._waiting = 0
        self._moved = asyncio.Condition()
        self._newest = -1
        self._looking: asyncio.Task[None] | None = None
        self._is_closed = False

    async def wait(self, place: int, within_s: float) -> None:
        """Return when there may be changes at a place or behind it, when the time is over, or when all is closed."""
        self._waiting += 1
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(within_s), self._moved:
                    await self._moved.wait_for(lambda: self._is_closed or self._newest >= place)
        finally:
            self._waiting -= 1

    @property
    def is_closed(self) -> bool:
        """Tell whether the service stops: nobody is to wait again."""
        return self._is_closed

    async def close(self) -> None:
        """Let all who wait go."""
        self._is_closed = True
        if self._looking is not None:
            self._looking.cancel()
        async with self._moved:
            self._moved.notify_all()

    async def _look(self) -> None:
        while self._waiting:
            try:
                newest = await self._feed.newest()
            except Unavailable:
                # Those who wait ask themselves when their time is over, and hear of it.
                await asyncio.sleep(_LOOK_AGAIN_S)
                continue
            if newest != self._newest:
                self._newest = newest
                async with self._moved:
                    self._moved.notify_all()
            await asyncio.sleep(_LOOK_EVERY_S)
