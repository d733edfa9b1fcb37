"""Asking the running services for `athlete-ally doctor`."""

import asyncio
from http import HTTPStatus
from typing import Any

import httpx

from athlete_ally.adapters.prometheus import read_exposition
from athlete_ally.config.settings import Settings
from athlete_ally.ops.doctor.services import ServiceState

_ANSWER_WITHIN_S = 5.0
_LOOKED = "aa_watch_success"
_OLDEST = "aa_consumer_oldest_unprocessed_seconds"


async def service_states(settings: Settings) -> list[ServiceState]:
    """Return the states of ingest and normalize, and of fetch where its address is set."""
    urls = {"ingest": settings.ingest_url, "normalize": settings.normalize_url}
    if settings.fetch_url is not None:
        urls["fetch"] = settings.fetch_url
    async with httpx.AsyncClient(trust_env=False, timeout=_ANSWER_WITHIN_S) as client:
        return await asyncio.gather(*(_state(client, name, url.rstrip("/")) for name, url in urls.items()))


async def _state(client: httpx.AsyncClient, name: str, url: str) -> ServiceState:
    try:
        about: dict[str, Any] = (await client.get(f"{url}/health")).raise_for_status().json()
        if about.get("service") != name:
            return ServiceState(name, url, "another program answers there")
        ready = await client.get(f"{url}/health/ready")
        oldest_s = _oldest((await client.get(f"{url}/metrics")).text) if name == "normalize" else None
        reasons: list[str] = [] if ready.status_code == HTTPStatus.OK else ready.json().get("reasons") or ["no reason"]
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, AttributeError) as error:
        return ServiceState(name, url, type(error).__name__)
    return ServiceState(name, url, reasons=tuple(map(str, reasons)), oldest_s=oldest_s)


def _oldest(exposition: str) -> dict[str, float] | None:
    """Return the ages by durable; None where normalize itself can't see the broker."""
    samples = list(read_exposition(exposition))
    if not any(name == _LOOKED and value for name, _, value in samples):
        return None
    return {labels["consumer_name"]: value for name, labels, value in samples if name == _OLDEST}
