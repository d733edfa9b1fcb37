"""Wait for a server that has just been started."""

import asyncio
from collections.abc import Awaitable, Callable

from athlete_ally.core.errors import Unavailable

_LOOK_AGAIN_S = 0.02


async def until_it_answers(check: Callable[[], Awaitable[object]]) -> None:
    """Repeat a check until the server responds; the caller sets the timeout."""
    while True:
        try:
            await check()
        except Unavailable:
            await asyncio.sleep(_LOOK_AGAIN_S)
        else:
            return
