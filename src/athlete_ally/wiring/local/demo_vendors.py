"""The demo's two simulated vendors: one with data in its webhooks, one whose webhooks only announce documents."""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

import httpx

from athlete_ally.adapters.prometheus import read_exposition
from athlete_ally.adapters.servers.ports import free_port
from athlete_ally.config.vendor_variables import (
    api_url_variable,
    client_id_variable,
    client_secret_variable,
    secrets_variable,
    token_variable,
    variables,
)
from athlete_ally.core.broker.topology import fetch_durable, unpack_durable
from athlete_ally.core.series import webhook_series
from athlete_ally.demo.webhook_reconciliation import WebhookReconciliation
from athlete_ally.simulate.plan import Mix
from athlete_ally.vendors import FETCHED, PLUGINS
from athlete_ally.wiring.local.simulate import Played, Simulation, simulated
from athlete_ally.wiring.local.stack import Stack

_PLAYED: Final = ("terra", "oura")
_VENDORS: Final = {vendor.name: vendor for vendor in PLUGINS}
DURABLES: Final = (
    *(fetch_durable(vendor) for vendor in _PLAYED if vendor in FETCHED),
    *map(unpack_durable, _PLAYED),
)
"""The durables that process their webhooks, in the order of the pipeline."""
# The seed was chosen so that each sort occurs among so few.
_MIX, _SEED = Mix(duplicates=0.2, disorder=0.2, forged=0.15), 8
_PEOPLE, _COUNT, _RATE = 2, 14, 100.0


def vendor_settings() -> dict[str, str]:
    """Return the variables of the demo's vendors for its services: new secrets, and the URL of the API.

    Variables of these vendors in the caller's environment are overridden, if need be by an empty value.
    """
    told = dict.fromkeys(variables(_PLAYED), "")
    for vendor in _PLAYED:
        told[secrets_variable(vendor)] = secrets.token_urlsafe(24)
        told[token_variable(vendor)] = secrets.token_urlsafe(24)
        if vendor in FETCHED:
            told[client_id_variable(vendor)] = "the-demo"
            told[client_secret_variable(vendor)] = secrets.token_urlsafe(24)
            told[api_url_variable(vendor)] = f"http://127.0.0.1:{free_port()}"
    return told


@asynccontextmanager
async def simulated_vendors(stack: Stack, tell: Callable[[str], None]) -> AsyncGenerator[Mapping[str, Played]]:
    """Let people connect and vendors deliver, one after the other; their APIs are served until this ends."""
    settings = stack.settings.model_copy(update={"ingest_url": stack.ingest_url})
    played = {vendor: Played() for vendor in _PLAYED}
    async with AsyncExitStack() as until_then:
        for vendor in _PLAYED:
            wanted = Simulation(
                vendor,
                users=_PEOPLE,
                rate=_RATE,
                count=_COUNT,
                mix=_MIX,
                seed=_SEED,
                env_file=stack.environment_file,
                environment={},
            )
            await until_then.enter_async_context(simulated(settings, wanted, played[vendor], asyncio.Event(), tell))
        yield played


async def vendor_reconciliation(stack: Stack, played: Mapping[str, Played]) -> dict[str, WebhookReconciliation]:
    """Return what was sent and answered, next to ingest's series and the receipts, once all is processed."""
    async with httpx.AsyncClient(trust_env=False) as client:
        exposition = (await client.get(f"{stack.ingest_url}/metrics")).text
    series = webhook_series(_PLAYED)
    counted = _by_vendor(exposition, series.unverified.name)
    duplicates = _by_vendor(exposition, series.duplicates.name)
    rows = await stack.pool.fetch(
        "SELECT vendor, parent_id IS NULL AS is_webhook, result, count(*) AS number, sum(readings) AS readings, "
        "sum(resources) AS resources FROM webhook_receipt GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
    )
    found: dict[str, WebhookReconciliation] = {}
    for name, each in played.items():
        own = [row for row in rows if row["vendor"] == name]
        found[name] = WebhookReconciliation(
            title=_VENDORS[name].title,
            people=each.people,
            complaints=None if _VENDORS[name].shakes_hands == "none" else each.handshake,
            sent=sum(each.tally.statuses.values()),
            forged=each.tally.forged,
            refused=each.tally.refused,
            counted=counted[name],
            duplicates=duplicates[name],
            webhooks={row["result"]: row["number"] for row in own if row["is_webhook"]},
            named=sum(row["resources"] for row in own if row["is_webhook"]),
            documents={row["result"]: row["number"] for row in own if not row["is_webhook"]},
            readings=sum(row["readings"] for row in own),
        )
    return found


def _by_vendor(exposition: str, series: str) -> dict[str, int]:
    found: dict[str, int] = dict.fromkeys(_PLAYED, 0)
    for name, labels, value in read_exposition(exposition):
        if name == series and labels["vendor"] in found:
            found[labels["vendor"]] += int(value)
    return found
