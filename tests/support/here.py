"""The services in the process of a test, where processes of their own would prove no more: they start much faster."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType

import httpx
import pytest

from athlete_ally.adapters.servers.ports import free_port
from athlete_ally.config.settings import Settings, load_settings
from athlete_ally.wiring.services.api import run_api
from athlete_ally.wiring.services.console import run_console
from athlete_ally.wiring.services.ingest import run_ingest
from athlete_ally.wiring.services.normalize import run_normalize
from support.wait import eventually

_RUN: Mapping[str, Callable[[Settings, asyncio.Event], Awaitable[None]]] = MappingProxyType(
    {"api": run_api, "ingest": run_ingest, "normalize": run_normalize, "console": run_console}
)


class Here:
    """Services of a site, each at an address of its own; the variables of all are those of this process."""

    def __init__(self, environment: Mapping[str, str], variables: pytest.MonkeyPatch) -> None:
        """Use the servers that these variables name."""
        self._variables = variables
        self._stop = asyncio.Event()
        self._tasks: list[asyncio.Future[None]] = []
        self._set(environment)

    async def start(self, *names: str, **environment: str) -> list[str]:
        """Start these services, and return their addresses once all are ready; each knows those of the others."""
        ports = {name: free_port() for name in names}
        urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
        self._set({f"AA_{name.upper()}_PORT": str(port) for name, port in ports.items()})
        self._set({f"AA_{name.upper()}_URL": url for name, url in urls.items() if name != "console"})
        self._set(environment)
        settings = load_settings()
        self._tasks += [asyncio.ensure_future(_RUN[name](settings, self._stop)) for name in names]
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
            await asyncio.gather(*(eventually(lambda url=url: self._is_ready(client, url)) for url in urls.values()))
        return list(urls.values())

    async def close(self) -> None:
        """Stop them as a signal does, and return when they have ended."""
        self._stop.set()
        await asyncio.gather(*self._tasks)
        self._tasks.clear()

    async def _is_ready(self, client: httpx.AsyncClient, url: str) -> bool:
        for task in self._tasks:
            if task.done():
                task.result()
        try:
            return (await client.get(f"{url}/health/ready")).is_success
        except httpx.TransportError:
            return False

    def _set(self, environment: Mapping[str, str]) -> None:
        for name, value in environment.items():
            self._variables.setenv(name, value)
