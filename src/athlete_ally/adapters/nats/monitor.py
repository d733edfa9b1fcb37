"""What nats-servers say of themselves at their monitoring addresses."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

import httpx

from athlete_ally.core.broker.server_facts import Cluster, ServerFacts, cluster_of, syncs_always

_ANSWER_WITHIN_S = 2.0
# A server's configuration changes with a reload, not by the second.
_ASK_AGAIN_S = 60.0


class NatsMonitor:
    """Asks the servers now and then, and remembers the answer."""

    def __init__(self, urls: Sequence[str], connected_id: Callable[[], str]) -> None:
        """Ask at these addresses about the cluster of the server that `connected_id` names."""
        self._urls, self._connected_id = urls, connected_id
        self._known: bool | None = None
        self._ask_at_s = 0.0

    async def syncs_always(self) -> bool | None:
        """Tell whether every server flushes each message before it acknowledges it; None where it can't be told."""
        if self._urls and time.monotonic() >= self._ask_at_s:
            self._known = syncs_always(await ask_cluster(self._urls, self._connected_id()))
            self._ask_at_s = time.monotonic() + _ASK_AGAIN_S
        return self._known


async def ask_cluster(urls: Sequence[str], connected_id: str) -> Cluster:
    """Return what the servers at these addresses say, as far as they belong to the server with this id."""
    async with httpx.AsyncClient(trust_env=False, timeout=_ANSWER_WITHIN_S) as client:
        asked = await asyncio.gather(*(_ask(client, url.rstrip("/")) for url in urls))
    return cluster_of(connected_id, asked)


async def _ask(client: httpx.AsyncClient, url: str) -> ServerFacts:
    """Ask one server: https://docs.nats.io/running-a-nats-service/nats_admin/monitoring"""
    try:
        about: dict[str, Any] = (await client.get(f"{url}/varz")).raise_for_status().json()
        routes: dict[str, Any] = (await client.get(f"{url}/routez")).raise_for_status().json()
        jetstream: dict[str, Any] = about.get("jetstream") or {}
        config: dict[str, Any] = jetstream.get("config") or {}
        return ServerFacts(
            url,
            id=about["server_id"],
            name=about["server_name"],
            peers={
                each["remote_id"]: each.get("remote_name") or each["remote_id"] for each in routes.get("routes") or ()
            },
            has_jetstream=bool(config),
            syncs_always=bool(config.get("sync_always")),
            max_store=config.get("max_storage"),
            max_payload=about["max_payload"],
        )
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, AttributeError) as error:
        return ServerFacts(url, type(error).__name__)
