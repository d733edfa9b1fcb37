"""The services as real processes: started, killed and stopped by tests."""

import asyncio
import os
import re
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from athlete_ally.adapters.nats.admin import NatsAdmin
from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.adapters.nats.dead_letters import NatsLetters
from athlete_ally.adapters.postgres.receipts import PostgresReceipts
from athlete_ally.adapters.servers.ports import free_port
from athlete_ally.core.broker.topology import CORE_HOT, normalize_durable
from athlete_ally.core.errors import Unavailable
from athlete_ally.core.messages.dead_letter import Letter
from athlete_ally.measurements import KINDS
from support import processes
from support.commands import TOMORROW, Commands
from support.wait import eventually

DYING = Path(__file__).parents[1] / "system" / "programs" / "dying.py"


class Service:
    """One process of ours, on a port of its own that it keeps over restarts."""

    def __init__(
        self,
        name: str,
        environment: dict[str, str],
        folder: Path,
        *,
        dies: str | None = None,
        port: int | None = None,
        tomorrow: bool = False,
    ) -> None:
        """Describe it; `dies` names the step at which it kills itself (see `programs/dying.py`).

        `tomorrow` runs code that knows one field more (see `programs/tomorrow.py`).
        """
        self.name = name
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log_file = folder / f"{name}-{self.port}.log"
        self._environment = {**os.environ, **environment, f"AA_{name.upper()}_PORT": str(self.port)}
        program = [str(DYING), name, dies] if dies else ["-m", "athlete_ally", name, "--stop-with-stdin"]
        if tomorrow:
            program = [str(TOMORROW), "never", name, "--stop-with-stdin"]
            self._environment["PYTHONPATH"] = str(TOMORROW.parents[1])
        self._argv, self._is_tomorrow = program, tomorrow
        self._process: Any = None

    @property
    def log(self) -> str:
        """Return what it logged so far."""
        return self.log_file.read_text(encoding="utf-8", errors="replace")

    @property
    def pid(self) -> int:
        """Return the id of its process."""
        return int(self._process.pid)

    @property
    def is_running(self) -> bool:
        """Tell whether the process is still there."""
        return self._process.poll() is None

    def start(self) -> "Service":
        """Start the process; it may not be ready yet."""
        # Tomorrow's code changes a module before others take from it: it needs imports of its own.
        with self.log_file.open("ab") as log:
            self._process = processes.start(
                self._argv,
                self._environment,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                fork=not self._is_tomorrow,
            )
        return self

    async def ready(self) -> "Service":
        """Return when its dependencies work."""
        await eventually(self.is_ready)
        return self

    async def is_ready(self) -> bool:
        """Tell whether it says that it is ready."""
        return await self.status("/health/ready") == 200

    async def status(self, path: str) -> int:
        """Return the status of a GET; 0 where nobody answers."""
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
            try:
                return (await client.get(self.url + path)).status_code
            except httpx.TransportError:
                return 0

    async def text(self, path: str) -> str:
        """Return the answer to a GET; nothing where nobody answers."""
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
            try:
                return (await client.get(self.url + path)).text
            except httpx.TransportError:
                return ""

    async def metrics(self) -> str:
        """Return its series."""
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
            return (await client.get(f"{self.url}/metrics")).text

    def kill(self) -> None:
        """Kill it at once; it gets no chance to finish anything."""
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()

    def terminate(self) -> None:
        """Ask it to stop, as an orchestrator does."""
        self._process.send_signal(signal.SIGTERM)

    def close_stdin(self) -> None:
        """Let its standard input end, as a dying parent does."""
        self._process.stdin.close()

    async def exit_code(self, within_s: float = 30) -> int:
        """Return its exit code, once it has ended."""
        return await asyncio.wait_for(asyncio.to_thread(self._process.wait), within_s)

    def close(self) -> None:
        """Leave nothing behind."""
        if self._process is not None:
            self.kill()


class Site:
    """A broker, a database, the services on them, and their ledger."""

    def __init__(self, nats_url: str, database_url: str, connection: Connection, pool: Any, folder: Path) -> None:
        """Use these servers."""
        self.connection, self.pool, self.database_url = connection, pool, database_url
        self.environment = {
            "NATS_URL": nats_url,
            "DATABASE_URL": database_url,
            "AA_LOG_LEVEL": "info",
            "AA_PUBLISH_TIMEOUT_S": "2",
        }
        self._folder = folder
        self.run = Commands(self.environment)
        self.services: list[Service] = []

    def service(
        self,
        name: str,
        *,
        dies: str | None = None,
        port: int | None = None,
        tomorrow: bool = False,
        **environment: str,
    ) -> Service:
        """Return a service of this site, not yet started."""
        service = Service(
            name, {**self.environment, **environment}, self._folder, dies=dies, port=port, tomorrow=tomorrow
        )
        self.services.append(service)
        return service

    def close(self) -> None:
        """End all services."""
        for service in self.services:
            service.close()

    async def retrying_with(self, durable: str, ack_wait_s: float, stream: str = CORE_HOT) -> None:
        """Shorten a durable's ack_wait, so that a test does not wait a minute for a redelivery."""
        live = await NatsAdmin(self.connection).durable(stream, durable)
        assert live is not None
        config = {**live.config, "ack_wait": int(ack_wait_s * 1e9)}
        payload = {"stream_name": stream, "config": config, "action": "update"}
        await self.connection.api(f"CONSUMER.CREATE.{stream}.{durable}", payload)

    async def stored(self, table: str = "hrv_data") -> dict[str, float]:
        """Return rMSSD (or minutes asleep) by person."""
        column = "rmssd_ms" if table == "hrv_data" else "asleep_min"
        return {row["user_id"]: row[column] for row in await self.pool.fetch(f"SELECT * FROM {table}")}  # noqa: S608  # ours

    async def say(self, statement: str) -> None:
        """Execute a statement in a session of its own, which may always write."""
        session = await asyncpg.connect(self.database_url, server_settings={"default_transaction_read_only": "off"})
        try:
            await session.execute(statement)
        finally:
            await session.close()

    async def letters(self) -> list[Letter]:
        """Return all dead letters."""
        return [letter async for letter in NatsLetters(self.connection).all()]

    async def is_settled(self) -> bool:
        """Tell whether no message is pending.

        A durable may count a message only moments after the stream has acknowledged it: the stream is asked, too.
        A server that was just started again may not answer yet.
        """
        with suppress(Unavailable):
            return await self._is_settled()
        return False

    async def _is_settled(self) -> bool:
        admin = NatsAdmin(self.connection)
        for kind in KINDS:
            durable = await admin.durable(CORE_HOT, normalize_durable(kind))
            if durable is None or (durable.pending, durable.ack_pending) != (0, 0):
                return False
            for subject in durable.config["filter_subjects"]:
                if await admin.stored_at(CORE_HOT, durable.delivered + 1, subject) is not None:
                    return False
        return True

    async def totals(self) -> dict[str, int]:
        """Return where all readings ended, over all kinds."""
        kinds = (await PostgresReceipts(self.pool).totals()).values()
        names = ("readings", "stored", "superseded", "duplicate", "dead_lettered")
        return {name: sum(kind[name] for kind in kinds) for name in names}

    async def balance(self, accepted: int, normalize: Service) -> None:
        """Return when all is settled, and database and series account for every accepted reading, once."""
        await eventually(self.is_settled, within_s=40)
        totals = await self.totals()
        assert accepted == totals["stored"] + totals["superseded"] + totals["dead_lettered"], totals
        assert accepted + totals["duplicate"] == totals["readings"], totals

        async def ledger_is_zero() -> bool:
            text = await normalize.metrics()
            webhooks = re.findall(r"ledger_unaccounted_webhooks\{.+\} (.+)", text)
            return (
                "aa_watch_success 1.0" in text
                and all(f"ledger_{kind}_unaccounted_messages 0.0" in text for kind in KINDS)
                and set(webhooks) == {"0.0"}
            )

        await eventually(ledger_is_zero)


class Client:
    """A client that retries without end: it sends the same again until it gets a 2xx."""

    def __init__(self, url: Callable[[], str], *, key: str = "") -> None:
        """Send to the address that `url` returns at the time, with an API key where one is given."""
        self._url = url
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.accepted = 0
        self.duplicates = 0
        self.statuses: list[int] = []

    async def send(self, readings: Any, kind: str = "hrv", count: int = 1) -> None:
        """Send readings until they are taken."""

        async def attempt() -> bool:
            async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
                try:
                    response = await client.post(
                        f"{self._url()}/api/v1/ingest/{kind}", json=readings, headers=self._headers
                    )
                except httpx.TransportError:
                    self.statuses.append(0)
                    return False
            self.statuses.append(response.status_code)
            if response.is_success:
                self.duplicates += count if response.json()["duplicate"] else 0
                self.accepted += count
            return response.is_success

        await eventually(attempt, within_s=60)
