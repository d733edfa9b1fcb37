"""From simulated vendors to records, all of them on one site; killed in the middle, nothing is lost."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from support.services import Service, Site
from support.wait import eventually

from athlete_ally.adapters.nats.admin import NatsAdmin
from athlete_ally.adapters.servers.ports import free_port
from athlete_ally.adapters.token_seal import new_token_key
from athlete_ally.config.settings import load_settings
from athlete_ally.config.vendor_variables import (
    api_url_variable,
    client_id_variable,
    client_secret_variable,
    secrets_variable,
    token_variable,
)
from athlete_ally.core.topology import VENDOR_HOT, fetch_durable, unpack_durable
from athlete_ally.simulate.plan import Mix
from athlete_ally.vendors import FETCHED, VENDORS
from athlete_ally.wiring.simulate import Played, Simulation, run_simulation

COUNT = 12


def environment_of(connect_url: str) -> dict[str, str]:
    """Return what services and simulators are told of every vendor."""
    environment = {"AA_TOKEN_KEY": new_token_key(), "AA_CONNECT_URL": connect_url}
    for vendor in VENDORS:
        environment[secrets_variable(vendor)] = f"a-secret-of-{vendor}-as-long-as-needed"
        environment[token_variable(vendor)] = f"a-token-of-{vendor}"
    for vendor in FETCHED:
        environment[client_id_variable(vendor)] = "our-application"
        environment[client_secret_variable(vendor)] = "its-secret"
        environment[api_url_variable(vendor)] = f"http://127.0.0.1:{free_port()}"
    return environment


class Chain:
    """Services on a site, and vendors in front of them."""

    def __init__(self, site: Site, folder: Path) -> None:
        """Describe the services; `start` starts them."""
        self.site = site
        fetch_port = free_port()
        self._environment = environment_of(f"http://127.0.0.1:{fetch_port}")
        given: dict[str, Any] = self._environment
        self.ingest = site.service("ingest", **given)
        self.fetch = site.service("fetch", port=fetch_port, **given)
        self.normalize = site.service("normalize", **given)
        self.env_file = folder / "vendors.env"
        self.played = {vendor: Played() for vendor in VENDORS}
        self.done = asyncio.Event()

    async def start(self) -> None:
        """Start the services, and write down what simulators have to know."""
        for service in (self.ingest, self.fetch, self.normalize):
            service.start()
        for service in (self.ingest, self.fetch, self.normalize):
            await service.ready()
        for vendor in VENDORS:
            await self.site.patience_with(unpack_durable(vendor), 1.0, stream=VENDOR_HOT)
        for vendor in FETCHED:
            await self.site.patience_with(fetch_durable(vendor), 1.0, stream=VENDOR_HOT)
        lines = {
            **self._environment,
            "DATABASE_URL": self.site.database_url,
            "AA_INGEST_URL": self.ingest.url,
        }
        self.env_file.write_text("".join(f"{name}={value}\n" for name, value in lines.items()), encoding="utf-8")

    async def play(self, vendor: str) -> None:
        """Let a vendor deliver, and its API be asked until all is done."""
        wanted = Simulation(
            vendor,
            users=2,
            rate=4,
            count=COUNT,
            mix=Mix(duplicates=0.2, disorder=0.3),
            hasten=100,
            quiet_s=120,
            env_file=self.env_file,
        )
        settings = load_settings(self.env_file)
        await run_simulation(settings, wanted, self.played[vendor], self.done, lambda _: None)

    async def is_in_the_middle(self) -> bool:
        """Tell whether everybody is connected, and some of what was delivered has its receipt."""
        has_some = await self.site.pool.fetchval("SELECT count(*) FROM webhook_receipt") > 0
        return has_some and all(each.people for each in self.played.values())

    async def is_done(self) -> bool:
        """Tell whether all was delivered and taken, and nobody who works on webhooks has anything left to do."""
        tallies = [each.tally for each in self.played.values()]
        if any(each.deliveries + each.repeats < COUNT or not each.all_taken for each in tallies):
            return False
        admin = NatsAdmin(self.site.connection)
        names = [*map(unpack_durable, VENDORS), *map(fetch_durable, FETCHED)]
        durables = [await admin.durable(VENDOR_HOT, name) for name in names]
        return all(durable is not None and (durable.pending, durable.ack_pending) == (0, 0) for durable in durables)

    async def books(self) -> tuple[dict[str, int], dict[str, int]]:
        """Return how many webhooks and answers the stream holds, and of how many there is a receipt, by vendor."""
        stream = await NatsAdmin(self.site.connection).stream(VENDOR_HOT, "vendor.>")
        assert stream is not None
        held: dict[str, int] = {}
        for subject, count in stream.by_subject.items():
            vendor = subject.split(".")[1]
            held[vendor] = held.get(vendor, 0) + count
        rows = await self.site.pool.fetch("SELECT vendor, count(*) FROM webhook_receipt GROUP BY vendor")
        return held, {row["vendor"]: row["count"] for row in rows}


async def killed(*services: Service) -> None:
    """Kill services, and start them again."""
    for service in services:
        service.kill()
        service.start()
    for service in services:
        await service.ready()


@pytest.mark.timeout(240)
async def test_every_vendor_end_to_end(site: Site, tmp_path: Path) -> None:
    """
    Every vendor delivers, some of it twice or late, while fetch and normalize are killed: each delivery is answered
    2xx, each webhook and each answer of an API has a receipt, each reading is accounted for, and nothing is
    dead-lettered.
    """
    chain = Chain(site, tmp_path)
    await chain.start()
    playing = asyncio.gather(*map(chain.play, VENDORS))
    await eventually(chain.is_in_the_middle, within_s=60)
    await killed(chain.fetch, chain.normalize)
    await eventually(chain.is_done, within_s=90)
    chain.done.set()
    await playing

    assert {vendor: (True, []) for vendor in VENDORS} == {
        vendor: (each.is_well, each.handshake) for vendor, each in chain.played.items()
    }
    assert [letter.error for letter in await site.letters()] == []
    held, receipts = await chain.books()
    assert (set(VENDORS), held) == (set(held), receipts)
    readings = await site.pool.fetchval("SELECT sum(readings) FROM webhook_receipt WHERE result = 'unpacked'")
    assert readings > 0
    await eventually(site.is_settled, within_s=60)
    totals = await site.totals()
    assert totals["readings"] == totals["stored"] + totals["superseded"] + totals["duplicate"], totals
    assert readings <= totals["readings"]
