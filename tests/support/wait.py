"""Waiting for a condition, never for a time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def eventually(condition: Callable[[], Awaitable[T]], *, within_s: float = 30.0) -> T:
    """Return the first truthy result of `condition`.

    Raises:
        AssertionError: it stayed falsy until the deadline.
    """
    deadline_s = time.monotonic() + within_s
    while not (result := await condition()):
        assert time.monotonic() < deadline_s, f"still {result!r} after {within_s:g} s"
        await asyncio.sleep(0.02)
    return result
