"""Building the console from the settings, and running it."""

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import httpx

from athlete_ally import __version__
from athlete_ally.adapters.http_server import EVERY_ADDRESS, HttpServer
from athlete_ally.adapters.key_file import WatchedKeyFile
from athlete_ally.adapters.logs import build_log
from athlete_ally.adapters.nats.monitor import NatsMonitor
from athlete_ally.adapters.postgres.pool import close_pool, open_pool
from athlete_ally.config.environment_file import environment_of
from athlete_ally.config.settings import Settings
from athlete_ally.console.access import Attempts, Door, OpenDoor, ProxyDoor, Sessions, TokenDoor
from athlete_ally.console.app import build_app
from athlete_ally.console.flow import Flow, build_flow
from athlete_ally.console.guard import LOOPBACK_NAMES
from athlete_ally.console.office import Office
from athlete_ally.console.pages.flow_page import flow_routes
from athlete_ally.console.pages.letters_page import letter_routes
from athlete_ally.console.pages.replays_page import ReplayPages
from athlete_ally.console.replays import Replays
from athlete_ally.console.sampler import Sampler
from athlete_ally.console.shell import NavigationEntry, Shell, build_templates
from athlete_ally.console.trouble import World
from athlete_ally.core.client_key import ClientKey
from athlete_ally.core.errors import Misconfigured
from athlete_ally.core.ports import Log
from athlete_ally.wiring.builders import desired_topology, nats_connection, now
from athlete_ally.wiring.dead_letters import actor, build_office, new_run
from athlete_ally.wiring.lifecycle import serve, unless_stopped
from athlete_ally.wiring.looks import broker_look, database_look, service_look

_CLOSE_POOL_S = 1.0
# A replay holds one for its lock; the pages need few.
_POOL_SIZE = 6
_END_REPLAYS_S = 5.0
_NAVIGATION = (NavigationEntry("/", "Flow"), NavigationEntry("/letters", "Dead letters"))


async def run_console(settings: Settings, stop: asyncio.Event) -> None:
    """Show pages until `stop` is set. Neither NATS nor PostgreSQL has to be there; what is missing is said.

    Raises:
        Misconfigured: the port is taken, or the console would be open to others.
    """
    log = build_log("console", level=settings.log_level, form=settings.log_format)
    door = _door(settings, log)
    connection = nats_connection(settings, "console", log)
    pool = await open_pool(settings.database_url.get_secret_value(), size=_POOL_SIZE)
    client = httpx.AsyncClient(trust_env=False, limits=httpx.Limits(max_connections=8))
    desired = desired_topology(settings)
    sampler = Sampler(
        {
            "broker": broker_look(connection, desired, NatsMonitor(settings.nats_monitor_url), log),
            "database": database_look(pool),
            "ingest": service_look(client, settings.ingest_url),
            "normalize": service_look(client, settings.normalize_url),
        },
        time.monotonic,
    )
    thresholds = environment_of(settings).thresholds

    def flow() -> Flow:
        world = World(*(sampler.source(name) for name in ("broker", "database", "ingest", "normalize")))
        return build_flow(world, desired, thresholds)

    shell = Shell(
        door=door,
        sessions=Sessions(time.monotonic, lambda: secrets.token_urlsafe(32)),
        attempts=Attempts(time.monotonic),
        templates=build_templates(),
        navigation=_NAVIGATION,
        environment=settings.environment,
        log=log,
    )

    def office() -> Office:
        return build_office(settings, connection, pool, sampler.source("database").trouble)

    replays = Replays(office, new_run, log)
    pages = [
        *flow_routes(shell, flow),
        *letter_routes(shell, office, now, new_run),
        *ReplayPages(shell, replays, thresholds.consumer_lag_messages).routes(),
    ]
    app = build_app(shell, pages, names=_names(settings))
    server = HttpServer(app, host=settings.console_host, port=settings.console_port, drain_s=1)
    await server.open(option="--port or AA_CONSOLE_PORT")
    log.info("listening", host=settings.console_host, port=server.port, version=__version__)

    async def work() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(unless_stopped(stop, connection.open()))
            group.create_task(sampler.run(stop))

    async def end_replays() -> None:
        await replays.close(_END_REPLAYS_S)

    async def close() -> None:
        await client.aclose()
        await close_pool(pool, within_s=_CLOSE_POOL_S)

    await serve(
        stop,
        work(),
        close=[server.close, end_replays, connection.close, close],
        within_s=settings.shutdown_timeout_s,
        log=log,
    )


def _door(settings: Settings, log: Log) -> Door:
    """Return how people get in.

    Raises:
        Misconfigured: others could reach the console without saying who they are.
    """
    if settings.console_proxy_header is not None:
        addresses, operators = _listed(settings.console_proxy_addresses), _listed(settings.console_proxy_operators)
        return ProxyDoor(settings.console_proxy_header, addresses, operators)
    if settings.console_operators_file is not None or settings.console_viewers_file is not None:
        return TokenDoor(
            _names_by_digest(settings.console_operators_file, log), _names_by_digest(settings.console_viewers_file, log)
        )
    if settings.console_host not in LOOPBACK_NAMES:
        raise Misconfigured(
            f"AA_CONSOLE_HOST: {settings.console_host} can be reached by others, and nothing says who they are: "
            "set AA_CONSOLE_OPERATORS_FILE (`athlete-ally keys create NAME --file FILE` makes a token), "
            "or AA_CONSOLE_PROXY_HEADER behind a proxy that authenticates people; or bind 127.0.0.1"
        )
    return OpenDoor(actor())


def _names_by_digest(path: Path | None, log: Log) -> Callable[[], Mapping[str, str]]:
    def build(keys: Sequence[ClientKey]) -> Mapping[str, str]:
        return {key.sha256: key.name for key in keys}

    return WatchedKeyFile(path, build, log) if path is not None else dict[str, str]


def _names(settings: Settings) -> set[str]:
    bound = set[str]() if settings.console_host in {EVERY_ADDRESS, "::"} else {settings.console_host}
    return {*LOOPBACK_NAMES, *bound, *_listed(settings.console_names)}


def _listed(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]
