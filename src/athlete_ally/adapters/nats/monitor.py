"""Reading how a nats-server syncs to disk, from its monitoring address."""

import time
from typing import Any

import httpx

_ANSWER_WITHIN_S = 1.0
# A server's configuration changes with a reload, not by the second.
_ASK_AGAIN_S = 60.0


class NatsMonitor:
    """Asks `/varz` now and then, and remembers the answer."""

    def __init__(self, url: str | None) -> None:
        """Ask at this address; None: nobody can tell."""
        self._url = url.rstrip("/") if url else None
        self._known: bool | None = None
        self._ask_at_s = 0.0

    async def syncs_always(self) -> bool | None:
        """Tell whether the server flushes each message before it acknowledges it; None where it can't be told."""
        if self._url is not None and time.monotonic() >= self._ask_at_s:
            self._known = await self._ask(self._url)
            self._ask_at_s = time.monotonic() + _ASK_AGAIN_S
        return self._known

    async def _ask(self, url: str) -> bool | None:
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=_ANSWER_WITHIN_S) as client:
                answer: dict[str, Any] = (await client.get(f"{url}/varz")).raise_for_status().json()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError):
            return None
        config = answer.get("jetstream", {}).get("config")
        return None if config is None else bool(config.get("sync_always"))
