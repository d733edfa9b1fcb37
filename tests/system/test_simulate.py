"""From simulated vendors to records, all of them on one site; killed in the middle of each, nothing is lost."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from support.services import Service, Site
from support.streams import make_streams
from support.vendor_accounts import vendor_accounts
from support.wait import eventually
from support.webhooks import BY_NAME, CLINIC

from athlete_ally.adapters.encryption.tokens import new_token_key
from athlete_ally.adapters.nats.admin import NatsAdmin
from athlete_ally.adapters.servers.ports import free_port
from athlete_ally.config.settings import load_settings
from athlete_ally.config.vendor_variables import (
    api_url_variable,
    client_id_variable,
    client_secret_variable,
    secrets_variable,
    token_variable,
)
from athlete_ally.core.broker.topology import (
    VENDOR_HOT,
    build_topology,
    fetch_durable,
    fetched_subject,
    normalize_durable,
    unpack_durable,
    webhook_subject,
)
from athlete_ally.measurements import KINDS
from athlete_ally.simulate.plan import Mix
from athlete_ally.vendors import FETCHED, VENDORS
from athlete_ally.wiring.local.simulate import Played, Simulation, run_simulation

COUNT = 12
# A sender of Standard Webhooks, which is attached by settings alone, beside all that have a file.
SENDERS = (*VENDORS, CLINIC.name)


def environment_of(connect_url: str) -> dict[str, str]:
    """Return what services and simulators are told of every vendor."""
    environment = {"AA_TOKEN_KEY": new_token_key(), "AA_CONNECT_URL": connect_url, "AA_WEBHOOK_SENDERS": CLINIC.name}
    environment[secrets_variable(CLINIC.name)] = "whsec_c3RhbmRhcmQtd2ViaG9va3Mta2V5LTE="
    for vendor in VENDORS:
        environment[secrets_variable(vendor)] = f"a-secret-of-{vendor}-as-long-as-needed"
        environment[token_variable(vendor)] = f"a-token-of-{vendor}"
    for vendor in FETCHED:
        environment[client_id_variable(vendor)] = "our-application"
        environment[client_secret_variable(vendor)] = "its-secret"
        environment[api_url_variable(vendor)] = f"http://127.0.0.1:{free_port()}"
    return environment


class Chain:
    """Services on a site, and vendors before them. Fetch and normalize are killed with work of each in progress."""

    def __init__(self, site: Site, folder: Path) -> None:
        """Describe the services; `start` starts them."""
        self.site = site
        self._fetch_port = free_port()
        self._environment = environment_of(f"http://127.0.0.1:{self._fetch_port}")
        self.ingest = self._service("ingest")
        self.env_file = folder / "vendors.env"
        self.played = {vendor: Played() for vendor in SENDERS}
        self.done = asyncio.Event()

    def fetch(self, dies: str | None = None) -> Service:
        """Return fetch, where links lead to."""
        return self._service("fetch", dies=dies, port=self._fetch_port, VENDORS=",".join(FETCHED))

    def normalize(self, dies: str | None = None) -> Service:
        """Return normalize."""
        return self._service("normalize", dies=dies, VENDORS=",".join(SENDERS))

    def _service(self, name: str, *, dies: str | None = None, port: int | None = None, **more: str) -> Service:
        given: dict[str, Any] = {**self._environment, **more}
        return self.site.service(name, dies=dies, port=port, **given)

    async def start(self, *services: Service) -> None:
        """Make the sender's durable, start ingest and these, and write down what simulators have to know."""
        await make_streams(self.site.connection, build_topology(KINDS, SENDERS, fetched=FETCHED))
        for kind in KINDS:
            await self.site.retrying_with(normalize_durable(kind), 1.0)
        for durable in (*map(unpack_durable, SENDERS), *map(fetch_durable, FETCHED)):
            await self.site.retrying_with(durable, 1.0, stream=VENDOR_HOT)
        for service in (self.ingest, *services):
            service.start()
        for service in (self.ingest, *services):
            await service.ready()
        lines = {
            **self._environment,
            "DATABASE_URL": self.site.database_url,
            "AA_INGEST_URL": self.ingest.url,
        }
        self.env_file.write_text("".join(f"{name}={value}\n" for name, value in lines.items()), encoding="utf-8")

    @property
    def private(self) -> list[str]:
        """Return what nobody must read: ids of people at vendors, secrets, tokens, and what begins like one of ours."""
        secret = [value for name, value in self._environment.items() if not name.endswith(("_URL", "_ID", "_SENDERS"))]
        return ["7000001", "7000002", "access-", "refresh-", *secret]

    async def play(self, vendor: str) -> None:
        """Let a vendor deliver, and its API be asked until all is done."""
        wanted = Simulation(
            vendor,
            users=2,
            rate=8,
            count=COUNT,
            mix=Mix(duplicates=0.2, disorder=0.3),
            hasten=100,
            quiet_s=120,
            env_file=self.env_file,
        )
        settings = load_settings(self.env_file)
        await run_simulation(settings, wanted, self.played[vendor], self.done, lambda _: None)

    async def is_done(self) -> bool:
        """Tell whether all was delivered and taken, and nobody who works on webhooks has anything left to do."""
        tallies = [each.tally for each in self.played.values()]
        if any(each.deliveries + each.repeats < COUNT or not each.all_taken for each in tallies):
            return False
        admin = NatsAdmin(self.site.connection)
        names = [*map(unpack_durable, SENDERS), *map(fetch_durable, FETCHED)]
        durables = [await admin.durable(VENDOR_HOT, name) for name in names]
        return all(durable is not None and (durable.pending, durable.ack_pending) == (0, 0) for durable in durables)


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_every_vendor_end_to_end(site: Site, tmp_path: Path) -> None:
    """
    Every vendor delivers, some of it twice or late, while fetch and normalize are killed again and again, each time
    with work of each vendor in progress. The stream holds each delivery that the vendor says it made, and each resource
    that they name, once; tables hold what follows from that, and no more; the ledger is 0, and no letter was written.
    No log and no series has learned a secret, a token or a vendor's id of a person.
    """
    chain = Chain(site, tmp_path)
    # Fetch holds what it got; unpack has published the first message out of a webhook or document, and not the others.
    fetch, normalize = chain.fetch("together-before-publish"), chain.normalize("together-after-publish")
    await chain.start(fetch, normalize)
    playing = asyncio.gather(*map(chain.play, SENDERS))
    # Then all is in the stream and on record, and only the settlement is missing.
    for dies in ("together-before-ack", None):
        assert await fetch.exit_code(within_s=60) != 0
        fetch = chain.fetch(dies).start()
        assert await normalize.exit_code(within_s=60) != 0
        normalize = chain.normalize(dies).start()
    await normalize.ready()
    await eventually(chain.is_done, within_s=90)
    chain.done.set()
    await playing
    accounts = await vendor_accounts(site)

    assert {vendor: (True, []) for vendor in SENDERS} == {
        vendor: (each.is_well, each.handshake) for vendor, each in chain.played.items()
    }
    assert [letter.error for letter in await site.letters()] == []
    for vendor in SENDERS:
        tally = chain.played[vendor].tally
        news = tally.repeats if BY_NAME[vendor].repeats_are_news else 0
        named = sum(each == vendor for each, _ in accounts.named)
        delivered, fetched = accounts.held[webhook_subject(vendor)], accounts.held[fetched_subject(vendor)]
        assert (vendor, tally.deliveries + news, named) == (vendor, delivered, fetched)
    receipts = await site.pool.fetchval("SELECT count(*) FROM webhook_receipt")
    assert receipts == accounts.held.total()
    await site.balance(await site.pool.fetchval("SELECT sum(readings - duplicate) FROM receipt"), normalize)
    accounts = await vendor_accounts(site)
    assert accounts.wanted == accounts.rows
    assert {vendor for vendor, _ in accounts.rows} == set(SENDERS)
    told = "".join([each.log for each in site.services] + [await each.metrics() for each in (chain.ingest, normalize)])
    assert [private for private in chain.private if private in told] == []
