"""Database, streams or both restored to an earlier state: nothing is hidden, what is missing is named."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from support.samples import hrv_reading
from support.servers import Nats, Postgres
from support.services import Client, Service, Site
from support.wait import eventually
from support.webhooks import terra_headers
from system.test_unpack import TERRA, deliver, payload

from athlete_ally.adapters.nats.admin import NatsAdmin
from athlete_ally.adapters.nats.inbox import NatsInbox
from athlete_ally.adapters.postgres.webhook_store import PostgresWebhookStore
from athlete_ally.config.settings import Settings, load_settings
from athlete_ally.core.broker.topology import (
    CORE_HOT,
    VENDOR_HOT,
    Topology,
    normalize_durable,
    raw_subject,
    unpack_durable,
)
from athlete_ally.core.vendor.webhook_store import Account
from athlete_ally.ops.doctor.finding import Check
from athlete_ally.wiring.commands.doctor import check_up
from athlete_ally.wiring.commands.streams_backup import Step, back_up, restore
from athlete_ally.wiring.commands.streams_consumers import preview, reset

HRV, UNPACK = normalize_durable("hrv"), unpack_durable("terra")
NIGHT = payload("terra", "rMSSD and SDNN")
OF_A_NIGHT = ("sleep", "resting_heart_rate", "respiratory_rate", "spo2", "skin_temperature")
"""The kinds of which a night has readings, beside heart-rate variability."""
DURABLES = [UNPACK, HRV, *map(normalize_durable, OF_A_NIGHT)]
STREAMS = (CORE_HOT, VENDOR_HOT)


def unheard(_: Step) -> None:
    """Tell nobody."""


class Past:
    """Backups of a site: its streams by the operator's command, its database as a whole."""

    def __init__(self, site: Site, nats_server: Nats, postgres: Postgres, folder: Path) -> None:
        """Keep backups in this folder, and beside the database."""
        self.site, self._postgres, self._folder = site, postgres, folder
        self.settings: Settings = load_settings(
            nats_url=nats_server.url, database_url=site.database_url, streams_journal=folder / "journal.jsonl"
        )
        self._name = site.database_url.rpartition("/")[2]
        self._kept: list[Path] = []

    async def keep(self) -> None:
        """Back everything up."""
        self._kept = [(await back_up(self.settings, each, self._folder, unheard)).folder for each in STREAMS]
        await self._copy(self._name, f"{self._name}_kept")

    async def restore_streams(self) -> None:
        """Let the streams be as they were kept."""
        for name, folder in zip(STREAMS, self._kept, strict=True):
            await self.site.connection.api(f"STREAM.DELETE.{name}")
            await restore(self.settings, folder, unheard)

    async def restore_database(self) -> None:
        """Let the database be as it was kept."""
        await self._execute(f"DROP DATABASE {self._name} WITH (FORCE)")
        await self._copy(f"{self._name}_kept", self._name)

    async def close(self) -> None:
        """Leave no copy behind."""
        await self._execute(f"DROP DATABASE IF EXISTS {self._name}_kept WITH (FORCE)")

    async def _copy(self, source: str, target: str) -> None:
        await self._execute(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{source}'"  # noqa: S608  # ours
        )
        await self._execute(f"CREATE DATABASE {target} TEMPLATE {source}")

    async def _execute(self, statement: str) -> None:
        session = await asyncpg.connect(self._postgres.url)
        try:
            await session.execute(statement)
        finally:
            await session.close()


@pytest.fixture
async def past(site: Site, nats_server: Nats, postgres_server: Postgres, tmp_path: Path) -> Any:
    """Give the test backups of its site."""
    past = Past(site, nats_server, postgres_server, tmp_path / "backups")
    yield past
    await past.close()


class Flow:
    """Readings and webhooks on their way to rows."""

    def __init__(self, site: Site) -> None:
        """Use the services of this site."""
        self.site = site
        self.ingest = site.service("ingest", AA_TERRA_WEBHOOK_SECRETS=TERRA)
        self.normalize = site.service("normalize")
        self._client = Client(lambda: self.ingest.url)

    async def start(self) -> "Flow":
        """Start both services."""
        await PostgresWebhookStore(self.site.pool).link([Account("terra", "t-1", "bert")])
        await self.ingest.start().ready()
        await self.normalize.start().ready()
        return self

    async def send(self, people: Sequence[str], *, night: bool) -> None:
        """Send a reading of each person, and a webhook."""
        for person in people:
            await self._client.send(hrv_reading(person))
        if night:
            await deliver(self.ingest, "terra", NIGHT, terra_headers(TERRA, NIGHT, datetime.now(UTC)))

    async def settle(self) -> None:
        """Return when nothing is pending."""

        async def none_pending() -> bool:
            live = await NatsAdmin(self.site.connection).durable(VENDOR_HOT, UNPACK)
            return live is not None and not live.unacknowledged and await self.site.is_settled()

        await eventually(none_pending, within_s=40)

    async def is_noted(self) -> None:
        """Return when the last message of each stream is noted in the database."""

        async def all_are() -> bool:
            streams = [await NatsAdmin(self.site.connection).stream(name) for name in STREAMS]
            wanted = {(stream.name, stream.last_sequence) for stream in streams if stream}
            rows = await self.site.pool.fetch("SELECT stream, sequence FROM stream_cursor")
            return wanted == {(row["stream"], row["sequence"]) for row in rows}

        await eventually(all_are)

    async def unaccounted(self) -> dict[str, int]:
        """Return what the ledger of a fresh look does not account for, by name."""
        text = await self.normalize.metrics()
        lines = [line.rsplit(" ", 1) for line in text.splitlines() if "unaccounted" in line and line[0] != "#"]
        return {name: int(float(value)) for name, value in lines if float(value)}

    async def shows(self, expected: dict[str, int]) -> None:
        """Return when the ledger shows just this."""
        seen: dict[str, int] = {}

        async def is_so() -> bool:
            if "aa_watch_success 1.0" not in await self.normalize.metrics():
                return False
            seen.clear()
            seen.update(await self.unaccounted())
            return seen == expected

        try:
            await eventually(is_so, within_s=20)
        except AssertionError as error:
            raise AssertionError(f"{seen} is shown, expected {expected}") from error

    async def people(self) -> set[str]:
        """Return whose readings are stored."""
        return set(await self.site.stored())


async def restart(service: Service) -> None:
    """Kill a service and start it again: it looks at once."""
    service.kill()
    await service.start().ready()


async def said(past: Past) -> list[Check]:
    """Return what doctor says about restored streams."""
    return [check async for check in check_up(past.settings) if check.name.startswith("restored ")]


async def test_the_database_is_restored(past: Past, site: Site) -> None:
    """
    The ledger names what the streams still have and the database has not, webhooks too; delivered again, it is stored.
    """
    flow = await Flow(site).start()
    await flow.send(["a", "b"], night=False)
    await flow.settle()
    flow.normalize.kill()
    await past.keep()
    await flow.normalize.start().ready()
    await flow.send(["c", "d", "e"], night=True)
    await flow.settle()
    flow.normalize.kill()
    await past.restore_database()
    await flow.normalize.start().ready()
    await flow.shows(
        {
            "ledger_hrv_unaccounted_messages": 4,
            **{f"ledger_{kind}_unaccounted_messages": 1 for kind in OF_A_NIGHT},
            f'ledger_unaccounted_webhooks{{durable="{UNPACK}"}}': 1,
        }
    )
    for durable in DURABLES:
        await reset(past.settings, await preview(past.settings, durable, sequence=1, since=None))
    await flow.settle()
    await flow.shows({})

    assert await flow.people() == {"a", "b", "c", "d", "e", "bert"}
    assert await said(past) == []


async def test_the_streams_are_restored(past: Past, site: Site, topology: Topology) -> None:
    """
    Sequences are used again: nothing is doubled or hidden, and a message that is lost after that is counted.
    """
    flow = await Flow(site).start()
    await flow.send(["a", "b"], night=False)
    await flow.settle()
    flow.normalize.kill()
    await past.keep()
    await flow.normalize.start().ready()
    await flow.send(["c", "d", "e"], night=True)
    await flow.settle()
    await flow.is_noted()
    await past.restore_streams()
    await restart(flow.normalize)
    await flow.shows({})
    flow.normalize.kill()
    await flow.send(["f", "g"], night=False)
    inbox = NatsInbox(site.connection, topology.durable(HRV))
    await inbox.open()
    for delivery in [each for each in await inbox.fetch(10, 5) if each.subject == raw_subject("hrv")][:1]:
        await inbox.ack(delivery)
    await inbox.close()
    await site.retrying_with(HRV, 1)
    await flow.normalize.start().ready()
    await flow.settle()
    await flow.shows({"ledger_hrv_unaccounted_messages": 1})
    names = {check.name for check in await said(past)}

    assert await flow.people() == {"a", "b", "c", "d", "e", "bert", "g"}
    assert names == {"restored AA_CORE_HOT", "restored AA_VENDOR_HOT"}
    await reset(past.settings, await preview(past.settings, HRV, sequence=1, since=None))
    await flow.settle()
    await flow.shows({})
    assert "f" in await flow.people()


async def test_both_are_restored(past: Past, site: Site) -> None:
    """
    What came since is nowhere, and the ledger is 0; what senders repeat is stored, once.
    """
    flow = await Flow(site).start()
    await flow.send(["a", "b"], night=False)
    await flow.settle()
    flow.normalize.kill()
    await past.keep()
    await flow.normalize.start().ready()
    await flow.send(["c", "d"], night=True)
    await flow.settle()
    flow.normalize.kill()
    await past.restore_streams()
    await past.restore_database()
    await flow.normalize.start().ready()
    await flow.shows({})
    before = await flow.people()
    await flow.send(["b", "c", "d"], night=True)
    await flow.settle()
    await flow.shows({})

    assert (before, await flow.people()) == ({"a", "b"}, {"a", "b", "c", "d", "bert"})
