"""Build the back-fill of `athlete-ally backfill` from the settings."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from athlete_ally.adapters.encryption.tokens import TokenCipher
from athlete_ally.adapters.nats.publisher import NatsPublisher
from athlete_ally.adapters.postgres.backfill_store import PostgresBackfillStore
from athlete_ally.adapters.postgres.migrate import require_current_schema
from athlete_ally.adapters.postgres.request_budget import PostgresRequestBudget
from athlete_ally.adapters.postgres.token_store import PostgresTokenStore
from athlete_ally.config.settings import Settings
from athlete_ally.config.vendor_clients import VendorClient, load_clients
from athlete_ally.config.vendor_variables import client_id_variable, client_secret_variable
from athlete_ally.core.errors import Misconfigured, Refused, Withdrawn
from athlete_ally.core.vendor.grant import Grant
from athlete_ally.core.vendor.history import Window
from athlete_ally.core.vendor.plugin import Vendor
from athlete_ally.fetch.backfill import Backfill, Plan, sparing
from athlete_ally.fetch.resource import Fetcher
from athlete_ally.fetch.retry import BoundedRetry
from athlete_ally.wiring.builders import now, token_keys
from athlete_ally.wiring.commands.session import nats_session, postgres_session
from athlete_ally.wiring.vendor_api import vendor_api

Waits = Callable[[str, float], None]
"""Receives the reason of a wait, and its length in seconds."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose data to back-fill, at which vendor, and how long to wait; no `users` means everyone who is connected."""

    vendor: Vendor
    users: Sequence[str]
    window: Window
    again: bool = False
    patience_s: float = 600.0
    env_file: Path | None = None


@asynccontextmanager
async def backfill_session(
    settings: Settings, wanted: Wanted, waits: Waits
) -> AsyncGenerator[tuple[Backfill, list[Plan]]]:
    """Yield the back-filler, and a plan for each person, before the first request to the vendor.

    Raises:
        Misconfigured: our application is not configured for the vendor, the key is missing, or the schema is not
        current. Refused: a person did not connect an account there. Withdrawn: the vendor no longer accepts a person's
        permission. Unavailable: NATS or PostgreSQL can't be reached.
    """
    client = _client(wanted)
    assert wanted.vendor.api is not None  # noqa: S101  # the client requires it
    api = sparing(wanted.vendor.api)
    cipher = TokenCipher(token_keys(settings))
    async with (
        postgres_session(settings) as pool,
        nats_session(settings, "fetch") as connection,
        httpx.AsyncClient(trust_env=False) as http,
    ):
        await require_current_schema(pool)
        token_store = PostgresTokenStore(pool, cipher)
        fetcher = Fetcher(
            vendor=wanted.vendor.name,
            api=api,
            client=vendor_api(api, client, http),
            token_store=token_store,
            budget=PostgresRequestBudget(pool),
            now=now,
            on_refresh=lambda: None,
        )
        backfill = Backfill(
            fetcher=fetcher,
            publisher=NatsPublisher(connection, timeout_s=settings.publish_timeout_s),
            backfill_store=PostgresBackfillStore(pool),
            retry=BoundedRetry(wanted.patience_s, time.monotonic, asyncio.sleep, waits),
            now=now,
        )
        users = wanted.users or await token_store.people(wanted.vendor.name)
        grants = [await _grant(token_store, wanted.vendor.name, user) for user in users]
        yield backfill, [await backfill.plan(grant, wanted.window, again=wanted.again) for grant in grants]


def _client(wanted: Wanted) -> VendorClient:
    name = wanted.vendor.name
    client = load_clients([wanted.vendor], wanted.env_file).get(name)
    if client is None:
        raise Misconfigured(
            f"{client_id_variable(name)} and {client_secret_variable(name)}: set both, as for `athlete-ally fetch`"
        )
    return client


async def _grant(token_store: PostgresTokenStore, vendor: str, user: str) -> Grant:
    grant = await token_store.of_user(vendor, user)
    if grant is None:
        raise Refused(
            f"--user {user}: did not connect an account at {vendor}; check the id, or make a link: "
            f"athlete-ally connect link {vendor} --user {user}"
        )
    if grant.state != "active":
        raise Withdrawn(
            f"--user {user}: the permission at {vendor} is {grant.state}; the person must connect again: "
            f"athlete-ally connect link {vendor} --user {user}"
        )
    return grant
