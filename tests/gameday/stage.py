"""A stage for a drill: own servers, both services, Prometheus, Alertmanager, and somebody on call."""

import asyncio
import base64
import os
import shutil
import signal
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import msgspec
from generator.clock import Clock
from generator.dashboard import panel_ids
from generator.files import environments
from generator.rules import rules_document
from support.commands import Commands
from support.prometheus import Alertmanager, Prometheus, Receiver
from support.samples import hrv_reading
from support.servers import Guard, Nats, Postgres, new_nats, new_postgres
from support.services import Service, Site
from support.streams import make_streams
from support.wait import eventually

from athlete_ally.adapters.encryption.tokens import new_token_key
from athlete_ally.adapters.logs import build_log
from athlete_ally.adapters.nats.admin import NatsAdmin
from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.adapters.postgres.migrate import migrate
from athlete_ally.adapters.postgres.pool import close_pool, open_pool
from athlete_ally.core.broker.environment import Thresholds
from athlete_ally.core.broker.topology import CORE_HOT, build_topology
from athlete_ally.measurements import KINDS
from athlete_ally.vendors import FETCHED, VENDORS

ROOT = Path(__file__).parents[2]
_DATABASE = "game_day"
_WHOOPS_SECRET = "the-secret-of-the-game-day"  # noqa: S105  # nobody else has it
# The watch looks every two seconds, whatever the pace.
MOST_PACE = 60


def thresholds(pace: float) -> Thresholds:
    """Return production's thresholds, those in seconds at the pace of the drill."""
    limits = environments(ROOT)["production"].thresholds
    return msgspec.structs.replace(limits, consumer_lag_age_s=max(1, round(limits.consumer_lag_age_s / pace)))


@dataclass(slots=True)
class Stage:
    """What runs, and how to break it."""

    site: Site
    nats: Nats
    postgres: Postgres
    ingest: Service
    normalize: Service
    prometheus: Prometheus
    alertmanager: Alertmanager
    receiver: Receiver
    command: Commands
    pace: float
    _sent: int = 0
    _traffic: "asyncio.Task[None] | None" = None

    async def send(self, count: int = 1, rmssd: float = 42.0, kind: str = "hrv") -> list[int]:
        """Send so many single readings; return the statuses."""
        statuses: list[int] = []
        async with httpx.AsyncClient(base_url=self.ingest.url, trust_env=False, timeout=10) as client:
            for _ in range(count):
                self._sent += 1
                reading = {**hrv_reading(f"person-{self._sent}", rmssd)}
                with suppress(httpx.TransportError):
                    statuses.append((await client.post(f"/api/v1/ingest/{kind}", json=reading)).status_code)
        return statuses

    async def forge(self, count: int) -> None:
        """Send so many webhooks whose signature is no vendor's."""
        signature, now_ms = base64.b64encode(bytes(32)).decode(), round(time.time() * 1000)
        headers = {"x-whoop-signature": signature, "x-whoop-signature-timestamp": str(now_ms)}
        async with httpx.AsyncClient(base_url=self.ingest.url, trust_env=False, timeout=10) as client:
            for _ in range(count):
                assert (await client.post("/webhooks/whoop", content=b"{}", headers=headers)).status_code == 401

    def keep_sending(self) -> None:
        """Send a good reading ten times a second, until told to stop."""

        async def flow() -> None:
            while True:
                await self.send()
                await asyncio.sleep(0.1)

        self._traffic = asyncio.create_task(flow())

    def stop_sending(self) -> None:
        """Send nothing more."""
        if self._traffic is not None:
            self._traffic.cancel()

    async def change_stream(self, name: str, fields: Mapping[str, Any]) -> None:
        """Change a stream behind everybody's back."""
        live = await NatsAdmin(self.site.connection).stream(name)
        assert live is not None
        await self.site.connection.api(f"STREAM.UPDATE.{name}", {**live.config, **fields})

    async def bytes_in(self, name: str) -> int:
        """Return the size of a stream."""
        live = await NatsAdmin(self.site.connection).stream(name)
        assert live is not None
        return live.bytes

    async def durable(self, verb: str, name: str, payload: dict[str, Any] | None = None) -> None:
        """Delete, pause or resume a durable."""
        await self.site.connection.api(f"CONSUMER.{verb}.{CORE_HOT}.{name}", payload)

    async def firing(self) -> set[str]:
        """Return the alerts that fire or wait to fire, without the watchdog and what remembers an earlier drill."""
        found = await self.prometheus.query('ALERTS{alertname!~"AaWatchdog|Aa.+BudgetBurn"}')
        return {each["metric"]["alertname"] for each in found}

    async def calm(self) -> None:
        """Return when every service is scraped and no alert fires any more.

        Raises:
            AssertionError: some still do; the text names them.
        """

        async def nothing_fires() -> bool:
            # What nobody has seen yet does not fire either, and an increase counts from the first scrape on.
            return bool(await self.prometheus.query("count(up == 1) == 3")) and not await self.firing()

        try:
            await eventually(nothing_fires, within_s=120)
        except AssertionError as error:
            raise AssertionError(f"still firing: {', '.join(sorted(await self.firing()))}") from error


def kill(server: Nats | Postgres) -> None:
    """Take a server away, as a crash would."""
    # PostgreSQL's children outlive a kill of their parent for a moment; an immediate shutdown is as abrupt, and whole.
    os.kill(server.pid, signal.SIGQUIT if isinstance(server, Postgres) else signal.SIGKILL)


@asynccontextmanager
async def stage(folder: Path, pace: float) -> AsyncGenerator[Stage]:
    """Set the stage; everything ends with it."""
    guard, receiver = await asyncio.to_thread(Guard), Receiver().start()
    running: list[Any] = []
    try:
        nats, postgres = await asyncio.to_thread(new_nats, guard), await asyncio.to_thread(new_postgres, guard)
        async with _site(nats, postgres, folder) as (site, environment):
            ingest = site.service("ingest", AA_WHOOP_WEBHOOK_SECRETS=_WHOOPS_SECRET).start()
            fetch = site.service("fetch", AA_TOKEN_KEY=new_token_key()).start()
            normalize = site.service("normalize", AA_NATS_MONITOR_URL=nats.monitor_url).start()
            alertmanager = Alertmanager(_tool("prometheus-alertmanager"), folder, receiver.url)
            limits = thresholds(pace)
            rules = rules_document(limits, panel_ids(limits), clock=Clock(pace))
            jobs = {"ingest": ingest.url, "normalize": normalize.url, "fetch": fetch.url}
            prometheus = Prometheus(_tool("prometheus"), folder, jobs, rules, alertmanager.url)
            running += [prometheus, alertmanager]
            await asyncio.gather(ingest.ready(), normalize.ready(), fetch.ready())
            alertmanager.start()
            prometheus.start()
            await asyncio.gather(alertmanager.ready(), prometheus.ready())
            yield Stage(
                site, nats, postgres, ingest, normalize, prometheus, alertmanager, receiver, Commands(environment), pace
            )
    finally:
        for each in running:
            each.close()
        receiver.close()
        await asyncio.to_thread(guard.close)


@asynccontextmanager
async def _site(nats: Nats, postgres: Postgres, folder: Path) -> AsyncGenerator[tuple[Site, dict[str, str]]]:
    connection = Connection(nats.url, name="game-day", log=build_log("game-day", level="error", form="json"))
    await connection.open()
    await make_streams(connection, build_topology(KINDS, VENDORS, fetched=FETCHED))
    await _create_database(postgres.url)
    url = postgres.database_url(_DATABASE)
    pool = await open_pool(url, size=2)
    await migrate(pool)
    site = Site(nats.url, url, connection, pool, folder)
    site.environment |= {"AA_MESSAGE_JOURNAL": "required", "AA_MESSAGE_JOURNAL_DIR": str(folder / "journal")}
    try:
        yield site, {"NATS_URL": nats.url, "DATABASE_URL": url, "AA_NATS_MONITOR_URL": nats.monitor_url}
    finally:
        site.close()
        await connection.close()
        await close_pool(pool, within_s=1)


async def _create_database(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(f"CREATE DATABASE {_DATABASE}")
    await connection.close()


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise SystemExit(f"{name} is not installed: apt-get install prometheus prometheus-alertmanager")
    return found
