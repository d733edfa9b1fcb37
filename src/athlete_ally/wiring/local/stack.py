"""Run everything on one machine: servers, streams, schema and services, for `up` and `demo`."""

import asyncio
import secrets
import sys
from collections.abc import Awaitable, Collection, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeVar

import asyncpg
import httpx
import msgspec
from pydantic import SecretStr

from athlete_ally.adapters.encryption.tokens import new_token_key
from athlete_ally.adapters.files.change_log_file import NoChangeLog
from athlete_ally.adapters.http.server import require_free
from athlete_ally.adapters.nats.broker import NatsBroker
from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.adapters.postgres.migrate import migrate
from athlete_ally.adapters.postgres.pool import close_pool, open_pool, server_version
from athlete_ally.adapters.servers.nats_server import nats_command
from athlete_ally.adapters.servers.ports import free_port
from athlete_ally.adapters.servers.postgres_server import PostgresServer
from athlete_ally.adapters.servers.processes import Processes
from athlete_ally.adapters.servers.supervisor import Command
from athlete_ally.config.environment_file import environment_of
from athlete_ally.config.settings import Settings
from athlete_ally.config.vendor_variables import client_id_variable
from athlete_ally.core.errors import Misconfigured, Unavailable
from athlete_ally.core.ports import Log
from athlete_ally.ops.streams.provision import provision
from athlete_ally.vendors import FETCHED
from athlete_ally.wiring.answering import until_it_answers
from athlete_ally.wiring.builders import desired_topology, nats_connection, now

T = TypeVar("T")
ExtraService = Literal["api", "console"]

# initdb and a first start take two seconds on a slow disk; recovery after a power cut may take longer.
_START_TIMEOUT_S = 60.0
_DATABASE = "athlete_ally"
_TAIL_LINES = 15


class _Secrets(msgspec.Struct, frozen=True):
    """The secrets of the local servers, made once for each data directory."""

    nats_token: str
    postgres_password: str


@dataclass(frozen=True, slots=True)
class _Services:
    """The services to run and their settings; `vendors` are the variables of vendors."""

    log_to_files: bool
    extra: Collection[ExtraService]
    vendors: Mapping[str, str]

    @property
    def with_fetch(self) -> bool:
        """Tell whether our application is configured for any vendor with an API."""
        return any(client_id_variable(vendor) in self.vendors for vendor in FETCHED)


@dataclass(slots=True)
class Stack:
    """The running processes and their addresses. `settings` are those of the services."""

    folder: Path
    settings: Settings
    log: Log
    processes: Processes
    connection: Connection
    pool: "asyncpg.Pool[Any]"
    cleanup: AsyncExitStack
    pids: dict[str, int] = field(default_factory=dict[str, int])
    psql: Path | None = None
    with_fetch: bool = False

    @property
    def ingest_url(self) -> str:
        """Return the URL of ingest for clients on this machine."""
        return f"http://127.0.0.1:{self.settings.ingest_port}"

    @property
    def normalize_url(self) -> str:
        """Return the URL of normalize's health and series for clients on this machine."""
        return f"http://127.0.0.1:{self.settings.normalize_port}"

    @property
    def fetch_url(self) -> str:
        """Return the URL of fetch for clients on this machine."""
        return f"http://127.0.0.1:{self.settings.fetch_port}"

    @property
    def api_url(self) -> str:
        """Return the URL of the API for clients on this machine."""
        return f"http://127.0.0.1:{self.settings.api_port}"

    @property
    def console_url(self) -> str:
        """Return the URL of the console for a browser on this machine."""
        return f"http://127.0.0.1:{self.settings.console_port}"

    @property
    def environment_file(self) -> Path:
        """Return the settings file with which other commands reach all this; readable by its owner only."""
        return self.folder / "connections.env"

    async def versions(self) -> dict[str, str]:
        """Return the versions of the servers."""
        return {"nats": self.connection.server_version, "postgres": await server_version(self.pool)}

    async def close(self) -> None:
        """Disconnect, then stop all processes: services first, servers last."""
        await self.cleanup.aclose()


async def start_stack(  # the parts of a stack
    settings: Settings,
    folder: Path | None,
    log: Log,
    *,
    services_log_to_files: bool,
    extra: Collection[ExtraService] = (),
    vendors: Mapping[str, str] = MappingProxyType({}),
) -> Stack:
    """Start the servers that the settings don't name, create streams and schema, and start the services.

    When this returns, the services are ready, those of `extra` too, and fetch if the variables in `vendors` configure
    our application for a vendor with an API. No `folder` means a new
    temporary one, removed when everything has ended, even after a kill. Services write their logs to files in the
    folder, or to standard error.

    Raises:
        Misconfigured: a server did not start (the text has its last lines), or the folder or a port is in use.
    """
    if folder is not None and not folder.exists():
        folder.mkdir(parents=True)
        # As the supervisor's throw-away folders: PostgreSQL runs as another user where we are root.
        folder.chmod(0o711)
    processes = Processes()
    folder = await processes.open(folder)
    wanted = _Services(services_log_to_files, extra, vendors)
    async with AsyncExitStack() as cleanup:
        cleanup.push_async_callback(processes.close)
        stack = await _start(settings, folder, log, processes, wanted, cleanup)
        stack.cleanup = cleanup.pop_all()
        return stack


async def _start(  # the parts of a stack
    settings: Settings, folder: Path, log: Log, processes: Processes, wanted: _Services, cleanup: AsyncExitStack
) -> Stack:
    # Other programs on these ports would answer the readiness checks of our services.
    _require_free_ports(settings, wanted)
    known = _secrets(folder)
    (nats_url, monitor_url), (database_url, psql) = await asyncio.gather(
        _start_nats(settings, folder, known, processes), _start_postgres(settings, folder, known, processes)
    )
    settings = settings.model_copy(
        update={
            "nats_url": SecretStr(nats_url),
            "nats_monitor_url": monitor_url,
            "database_url": SecretStr(database_url),
        }
    )
    connection = nats_connection(settings, "up", log)
    cleanup.push_async_callback(connection.close)
    await watched(processes, folder, connection.open())
    await _provision(connection, settings, log)
    pool = await open_pool(database_url, size=2)
    cleanup.push_async_callback(close_pool, pool, within_s=1.0)
    await watched(processes, folder, until_it_answers(lambda: server_version(pool)))
    await migrate(pool)
    if wanted.with_fetch:
        settings = _with_token_key(settings, folder)
    stack = Stack(folder, settings, log, processes, connection, pool, cleanup, psql=psql, with_fetch=wanted.with_fetch)
    told = _told(settings, wanted, folder)
    lines = {"NATS_URL": nats_url, "AA_NATS_MONITOR_URL": monitor_url, "DATABASE_URL": database_url, **told}
    text = "".join(f"{name}={value}\n" for name, value in lines.items() if value)
    _write_private(stack.environment_file, text)
    services = {"ingest": stack.ingest_url, "normalize": stack.normalize_url}
    if wanted.with_fetch:
        services["fetch"] = stack.fetch_url
    services |= {
        name: url for name, url in (("api", stack.api_url), ("console", stack.console_url)) if name in wanted.extra
    }
    for service, url in services.items():
        service_log = str(folder / f"{service}.log") if wanted.log_to_files else None
        await processes.start(_service_command(service, settings, service_log, told))
        log.debug("starting", service=service, url=url)
    async with httpx.AsyncClient(trust_env=False) as client:
        for url in services.values():
            await watched(processes, folder, until_it_answers(lambda url=url: _ready(client, url)))
    stack.pids = dict(processes.pids)
    return stack


def _require_free_ports(settings: Settings, wanted: _Services) -> None:
    places = [
        (settings.ingest_host, settings.ingest_port, "--port or AA_INGEST_PORT"),
        (settings.normalize_host, settings.normalize_port, "--normalize-port or AA_NORMALIZE_PORT"),
    ]
    if wanted.with_fetch:
        places.append((settings.fetch_host, settings.fetch_port, "AA_FETCH_PORT"))
    if "api" in wanted.extra:
        places.append((settings.api_host, settings.api_port, "--api-port or AA_API_PORT"))
    if "console" in wanted.extra:
        places.append((settings.console_host, settings.console_port, "--console-port or AA_CONSOLE_PORT"))
    taken: list[str] = []
    for host, port, option in places:
        try:
            require_free(host, port, option=option)
        except Misconfigured as error:
            taken.append(str(error))
    if taken:
        raise Misconfigured("\n".join(taken))


async def _start_nats(
    settings: Settings, folder: Path, known: _Secrets, processes: Processes
) -> tuple[str, str | None]:
    if settings.is_set("nats_url"):
        return settings.nats_url.get_secret_value(), settings.nats_monitor_url
    port, monitor_port = settings.local_nats_port or free_port(), free_port()
    command = nats_command(folder / "nats", port=port, monitor_port=monitor_port, token=known.nats_token)
    await processes.start(command)
    return f"nats://{known.nats_token}@127.0.0.1:{port}", f"http://127.0.0.1:{monitor_port}"


async def _start_postgres(
    settings: Settings, folder: Path, known: _Secrets, processes: Processes
) -> tuple[str, Path | None]:
    if settings.is_set("database_url"):
        return settings.database_url.get_secret_value(), None
    port = settings.local_postgres_port or free_port()
    server = PostgresServer(folder / "postgres", port=port, password=known.postgres_password)
    for command in server.prepare():
        if await processes.run(command) != 0:
            raise Misconfigured(f"{command.name} failed:\n{_tail(Path(command.log or ''))}")
    await processes.start(server.command())
    base = f"postgresql://postgres:{known.postgres_password}@127.0.0.1:{port}"
    await watched(processes, folder, until_it_answers(lambda: _create_database(f"{base}/postgres")))
    return f"{base}/{_DATABASE}", server.psql


async def _create_database(url: str) -> None:
    try:
        connection = await asyncpg.connect(url, timeout=2)
    except (asyncpg.PostgresError, OSError, TimeoutError) as error:
        raise Unavailable(type(error).__name__) from error
    try:
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", _DATABASE):
            await connection.execute(f"CREATE DATABASE {_DATABASE}")
    finally:
        await connection.close()


async def _provision(connection: Connection, settings: Settings, log: Log) -> None:
    broker, spec = NatsBroker(connection), environment_of(settings)
    made = await provision(broker, spec, desired_topology(settings), NoChangeLog(), now())
    log.debug("provisioned", names=made)


def _with_token_key(settings: Settings, folder: Path) -> Settings:
    """Return settings with a token key; if none is set, one in the data directory."""
    if settings.token_key is not None or settings.token_key_file is not None:
        return settings
    path = folder / "token.key"
    if not path.exists():
        _write_private(path, new_token_key())
    return settings.model_copy(update={"token_key_file": path})


def _told(settings: Settings, wanted: _Services, folder: Path) -> dict[str, str]:
    """Return the variables of vendors and of the journal for services and for the commands that use them."""
    told = {**wanted.vendors, **_journal(settings, folder)}
    if settings.webhook_senders:
        told["AA_WEBHOOK_SENDERS"] = settings.webhook_senders
    if wanted.with_fetch:
        told["AA_CONNECT_URL"] = settings.connect_url
        told["AA_FETCH_URL"] = f"http://127.0.0.1:{settings.fetch_port}"
    if settings.token_key is not None:
        told["AA_TOKEN_KEY"] = settings.token_key.get_secret_value()
    elif settings.token_key_file is not None:
        # Commands that read this file may run in any directory.
        told["AA_TOKEN_KEY_FILE"] = str(settings.token_key_file.resolve())
    told["AA_INGEST_URL"] = f"http://127.0.0.1:{settings.ingest_port}"
    told["AA_NORMALIZE_URL"] = f"http://127.0.0.1:{settings.normalize_port}"
    return told


def _journal(settings: Settings, folder: Path) -> dict[str, str]:
    """Return where the message journal is and what encrypts it; with the data directory it is required."""
    key, key_file = settings.message_journal_key, settings.message_journal_key_file
    return {
        "AA_MESSAGE_JOURNAL": settings.message_journal or "required",
        # Commands that read this may run in any directory.
        "AA_MESSAGE_JOURNAL_DIR": str((settings.message_journal_dir or folder / "journal").resolve()),
        "AA_MESSAGE_JOURNAL_MAX_AGE_H": f"{settings.message_journal_max_age_h:g}",
        "AA_MESSAGE_JOURNAL_MAX_BYTES": str(settings.message_journal_max_bytes),
        **({"AA_MESSAGE_JOURNAL_KEY": key.get_secret_value()} if key else {}),
        **({"AA_MESSAGE_JOURNAL_KEY_FILE": str(key_file.resolve())} if key_file else {}),
    }


def _service_command(service: str, settings: Settings, log: str | None, told: Mapping[str, str]) -> Command:
    environment = {
        **told,
        "NATS_URL": settings.nats_url.get_secret_value(),
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "AA_INGEST_HOST": settings.ingest_host,
        "AA_INGEST_PORT": str(settings.ingest_port),
        "AA_NORMALIZE_HOST": settings.normalize_host,
        "AA_NORMALIZE_PORT": str(settings.normalize_port),
        "AA_FETCH_HOST": settings.fetch_host,
        "AA_FETCH_PORT": str(settings.fetch_port),
        "AA_API_HOST": settings.api_host,
        "AA_API_PORT": str(settings.api_port),
        "AA_CONSOLE_HOST": settings.console_host,
        "AA_CONSOLE_PORT": str(settings.console_port),
        "AA_NATS_MONITOR_URL": settings.nats_monitor_url or "",
        "AA_LOG_LEVEL": settings.log_level,
        "AA_WEBHOOK_SENDERS": settings.webhook_senders,
    }
    return Command(
        do="start",
        name=service,
        argv=(sys.executable, "-m", "athlete_ally", service, "--stop-with-stdin"),
        environment=environment,
        log=log,
        stop="stdin",
        grace_s=settings.shutdown_timeout_s + 5,
    )


async def _ready(client: httpx.AsyncClient, url: str) -> None:
    try:
        response = await client.get(f"{url}/health/ready", timeout=2)
    except httpx.TransportError as error:
        raise Unavailable(str(error)) from error
    if response.status_code != HTTPStatus.OK:
        raise Unavailable("; ".join(response.json()["reasons"]))


async def watched(processes: Processes, folder: Path, work: Awaitable[T]) -> T:
    """Do work that needs our processes; when one of them ends first, report which and why."""
    task = asyncio.ensure_future(work)
    exited = asyncio.create_task(processes.exited.wait())
    try:
        done, _ = await asyncio.wait({task, exited}, timeout=_START_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED)
    finally:
        # Also when stopped: a task left running would use what is closed next.
        for each in (task, exited):
            each.cancel()
        await asyncio.gather(task, exited, return_exceptions=True)
    if task in done:
        return task.result()
    if processes.first_exit is None:
        raise Misconfigured(f"not ready after {_START_TIMEOUT_S:g} s; the logs are in {folder}")
    name, code = processes.first_exit.name, processes.first_exit.code
    logs = [*folder.rglob(f"{name}.log")]
    raise Misconfigured(f"{name} ended with exit code {code}\n{_tail(logs[0]) if logs else ''}".rstrip())


def _tail(path: Path) -> str:
    if not path.is_file():
        return ""
    return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL_LINES:])


def _secrets(folder: Path) -> _Secrets:
    path = folder / "secrets.json"
    if not path.exists():
        _write_private(path, msgspec.json.encode(_Secrets(secrets.token_hex(24), secrets.token_hex(24))).decode())
    return msgspec.json.decode(path.read_bytes(), type=_Secrets)


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600, exist_ok=True)
    path.write_text(text, encoding="utf-8")
