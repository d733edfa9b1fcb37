"""A simulated vendor for running services: its people, its API and its deliveries."""

import asyncio
import os
import random
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from athlete_ally.adapters.encryption.tickets import TicketCipher
from athlete_ally.adapters.http.server import HttpServer
from athlete_ally.adapters.postgres.webhook_store import PostgresWebhookStore
from athlete_ally.config.settings import Settings
from athlete_ally.config.vendor_clients import load_clients
from athlete_ally.config.vendor_secrets import load_secrets
from athlete_ally.config.vendor_variables import api_url_variable, client_id_variable, secrets_variable
from athlete_ally.core.errors import Misconfigured, Unavailable
from athlete_ally.core.vendor.plugin import Secrets, Vendor
from athlete_ally.core.vendor.webhook_store import Account
from athlete_ally.fetch.connect import link
from athlete_ally.simulate.api import SimulatedApi
from athlete_ally.simulate.plan import Mix, dispatches
from athlete_ally.simulate.profiles import PROFILES, STANDARD
from athlete_ally.simulate.sender import Outgoing, Reply, Sender, Tally
from athlete_ally.simulate.vendor_profile import ApiProfile, VendorProfile
from athlete_ally.wiring.builders import known_vendors, now, token_keys
from athlete_ally.wiring.commands.session import postgres_session

_REQUEST_TIMEOUT_S = 30.0
# Some vendors' ids of people are numbers, so all are numbers here.
_FIRST_ACCOUNT = 7_000_001
_LOOK_AGAIN_S = 0.1
_BEFORE_OUTAGE_S = 2.0
_NO_LIMIT = 100_000


@dataclass(frozen=True, slots=True)
class Simulation:
    """What to simulate. `per_minute` and `down_s` limit the API, which runs until it gets no request for `quiet_s`.

    `env_file` and `environment`, which takes precedence, hold the vendor's secrets.
    """

    vendor: str
    users: int
    rate: float
    count: int | None = None
    for_s: float | None = None
    mix: Mix = field(default_factory=Mix)
    seed: int = 0
    hasten: float = 1.0
    per_minute: int = _NO_LIMIT
    down_s: float = 0.0
    quiet_s: float = 5.0
    env_file: Path | None = None
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)


@dataclass(slots=True)
class Played:
    """The result of a simulation. `handshake` says what was wrong with it."""

    people: int = 0
    handshake: list[str] = field(default_factory=list[str])
    tally: Tally = field(default_factory=Tally)
    api: SimulatedApi | None = None

    @property
    def is_well(self) -> bool:
        """Tell whether the handshake was right, every delivery finally answered 2xx, and every forgery 401."""
        return not self.handshake and self.tally.all_taken and self.tally.all_refused

    def document(self) -> dict[str, Any]:
        """Return the result as a JSON document."""
        api = self.api and {"requests": self.api.requests, "served": self.api.served, "refused": self.api.refused}
        return {"people": self.people, "handshake": self.handshake, **self.tally.document(), "api": api}


async def run_simulation(
    settings: Settings, wanted: Simulation, played: Played, stop: asyncio.Event, tell: Callable[[str], None]
) -> None:
    """Connect people, shake hands, deliver, and serve the API; `played` holds the current progress.

    Raises:
        Misconfigured: a secret or URL is missing, or differs from that of the services.
        Unavailable: database or fetch can't be reached.
    """
    async with simulated(settings, wanted, played, stop, tell):
        if played.api is not None:
            tell("waiting until the API gets no more requests")
            # A client waits longer after each refusal: up to half as long again as it was refused.
            await _until_quiet(played.api, max(wanted.quiet_s, 2 * wanted.down_s), stop)


@asynccontextmanager
async def simulated(
    settings: Settings, wanted: Simulation, played: Played, stop: asyncio.Event, tell: Callable[[str], None]
) -> AsyncGenerator[None]:
    """Connect people, shake hands and deliver; from then on the API is served until this ends. Raises as above."""
    vendor = _vendor(settings, wanted.vendor)
    profile = PROFILES.get(vendor.name, STANDARD)
    secrets = _secrets(settings, vendor, wanted)
    accounts = [str(_FIRST_ACCOUNT + number) for number in range(wanted.users)]
    async with _api(profile.api, vendor, wanted, accounts) as api:
        played.api = api
        tell(f"connecting {wanted.users} people")
        await _connect(settings, vendor, accounts)
        played.people = wanted.users
        outage = asyncio.create_task(_outage(api, wanted.down_s))
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=_REQUEST_TIMEOUT_S) as client:
                sender = _sender(settings, profile, vendor, secrets, client, wanted.hasten, played.tally)
                played.handshake = await sender.shake_hands()
                await _deliver(sender, wanted, accounts, stop, lambda: tell(_line(played)))
            yield
        finally:
            outage.cancel()


def _vendor(settings: Settings, name: str) -> Vendor:
    vendors = {vendor.name: vendor for vendor in known_vendors(settings)}
    if name not in vendors:
        raise Misconfigured(
            f"{name}: unknown vendor; expected {', '.join(sorted(vendors))}, or a sender of Standard Webhooks that "
            "AA_WEBHOOK_SENDERS names"
        )
    return vendors[name]


def _secrets(settings: Settings, vendor: Vendor, wanted: Simulation) -> Secrets:
    found = load_secrets(known_vendors(settings), wanted.env_file, wanted.environment)
    secrets = found.get(vendor.name, Secrets())
    if not secrets.signing:
        raise Misconfigured(
            f"{secrets_variable(vendor.name)}: set it to the value that ingest has: deliveries are signed with it"
        )
    return secrets


@asynccontextmanager
async def _api(
    profile: ApiProfile | None, vendor: Vendor, wanted: Simulation, accounts: list[str]
) -> AsyncGenerator[SimulatedApi | None]:
    """Serve the vendor's API at the URL that the services use, if fetch requests that vendor."""
    if profile is None or vendor.api is None:
        if wanted.down_s > 0 or wanted.per_minute != _NO_LIMIT:
            raise Misconfigured(
                f"{vendor.name}: its webhooks carry data, so there is no API for --per-minute, --down or --quiet"
            )
        yield None
        return
    client = load_clients([vendor], wanted.env_file, wanted.environment).get(vendor.name)
    if client is None or client.base_url is None:
        raise Misconfigured(
            f"{client_id_variable(vendor.name)}, its _SECRET and {api_url_variable(vendor.name)}: set them, here as "
            "for fetch; the simulated API listens at that URL (for example http://127.0.0.1:4190)"
        )
    there = urlsplit(client.base_url)
    # A person who opens another link meanwhile also gets an account, and its deliveries.
    api = SimulatedApi(
        profile, accounts, time.monotonic, per_window=wanted.per_minute, serial=time.time_ns(), grows=True
    )
    server = HttpServer(api.app(), host=there.hostname or "127.0.0.1", port=there.port or 80, drain_s=1)
    await server.open(option=api_url_variable(vendor.name))
    try:
        yield api
    finally:
        await server.close()


async def _outage(api: SimulatedApi | None, down_s: float) -> None:
    """Take the API down for that long, after a while."""
    if api is None or down_s <= 0:
        return
    await asyncio.sleep(_BEFORE_OUTAGE_S)
    api.is_down = True
    await asyncio.sleep(down_s)
    api.is_down = False


async def _connect(settings: Settings, vendor: Vendor, accounts: Sequence[str]) -> None:
    if vendor.api is not None:
        await _walk(settings, vendor.name, accounts)
        return
    async with postgres_session(settings) as pool:
        people = [Account(vendor.name, account, _person(vendor.name, account)) for account in accounts]
        await PostgresWebhookStore(pool).link(people)


async def _walk(settings: Settings, vendor: str, accounts: Sequence[str]) -> None:
    """Follow a link for each person, as a browser does; the API assigns its accounts in this order."""
    cipher = TicketCipher(token_keys(settings))
    for account in accounts:
        url = link(cipher, settings.connect_url, vendor, _person(vendor, account), now())
        try:
            # One browser for each person: their cookies must not mix.
            async with httpx.AsyncClient(trust_env=False, follow_redirects=True, timeout=_REQUEST_TIMEOUT_S) as browser:
                page = await browser.get(url)
        except httpx.TransportError as error:
            raise Unavailable(
                f"cannot connect to fetch at {settings.connect_url} (AA_CONNECT_URL): start it"
            ) from error
        if page.status_code != HTTPStatus.OK:
            raise Unavailable(f"connecting an account was answered {page.status_code}: {page.text.strip()}")


def _person(vendor: str, account: str) -> str:
    return f"simulated-{vendor}-{account}"


def _sender(  # noqa: PLR0913, PLR0917  # the parts of a sender
    settings: Settings,
    profile: VendorProfile,
    vendor: Vendor,
    secrets: Secrets,
    client: httpx.AsyncClient,
    hasten: float,
    tally: Tally,
) -> Sender:
    base_url = f"{settings.ingest_url}/webhooks/{vendor.name}"

    async def send(request: Outgoing) -> Reply:
        url = f"{base_url}/{request.path_secret}" if request.path_secret else base_url
        try:
            response = await client.request(
                request.method, url, params=dict(request.query), headers=dict(request.headers), content=request.body
            )
        except httpx.TransportError:
            return Reply(0)
        return Reply(response.status_code, response.text)

    token = secrets.tokens[0] if secrets.tokens else ""
    return Sender(profile, secrets.signing[0], token, send, now, asyncio.sleep, hasten, tally)


async def _deliver(
    sender: Sender, wanted: Simulation, accounts: Sequence[str], stop: asyncio.Event, tell: Callable[[], None]
) -> None:
    chance = random.Random(wanted.seed).random  # noqa: S311  # repeatable on purpose
    # The last night has ended in every time zone.
    last_day = (now() - timedelta(days=1)).date()
    each = islice(dispatches(sender.profile, accounts, last_day, wanted.mix, chance), wanted.count)
    enough = asyncio.Event()

    async def watch() -> None:
        started_s = time.monotonic()
        while not stop.is_set() and not (wanted.for_s and time.monotonic() - started_s >= wanted.for_s):
            tell()
            await asyncio.sleep(_LOOK_AGAIN_S)
        enough.set()

    watching = asyncio.create_task(watch())
    try:
        await sender.run(each, wanted.rate, enough)
    finally:
        watching.cancel()


async def _until_quiet(api: SimulatedApi, quiet_s: float, stop: asyncio.Event) -> None:
    seen, since_s = api.requests, time.monotonic()
    while not stop.is_set() and time.monotonic() - since_s < quiet_s:
        await asyncio.sleep(_LOOK_AGAIN_S)
        if api.requests != seen or api.is_down:
            seen, since_s = api.requests, time.monotonic()


def _line(played: Played) -> str:
    tally = played.tally
    return f"{tally.deliveries} deliveries and {tally.repeats} repeats sent, {tally.taken} taken"
