"""A doctor's round on real servers: each illness is made, found and named with its remedy; the healthy are silent."""

import asyncio
import os
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from support.nats_users import start_server
from support.servers import Guard, Nats, new_nats
from support.wait import eventually

from athlete_ally.adapters.nats.broker import NatsBroker
from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.adapters.nats.inbox import NatsInbox
from athlete_ally.adapters.servers.ports import free_port
from athlete_ally.config.settings import Settings, load_settings
from athlete_ally.core.broker.permissions import User, build_users
from athlete_ally.core.broker.topology import (
    ADVISORY,
    CORE_HOT,
    DEV,
    REAP_ADVISORIES_DURABLE,
    VENDOR_HOT,
    Durable,
    Topology,
    build_topology,
    normalize_durable,
    raw_subject,
    unpack_durable,
)
from athlete_ally.core.ports import Log
from athlete_ally.measurements import KINDS
from athlete_ally.ops.doctor.broker import check_rights
from athlete_ally.ops.doctor.finding import Check
from athlete_ally.vendors import VENDORS
from athlete_ally.wiring.commands.doctor import check_up

DEV_FILE = (Path(__file__).parents[2] / "deploy/environments/dev.toml").read_text("utf-8")
HRV = normalize_durable("hrv")
NOWHERE = "postgresql://postgres@127.0.0.1:1/none"


@pytest.fixture(autouse=True)
def _no_secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let no variable of this machine open a route."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if "_WEBHOOK_" in name]:
        monkeypatch.delenv(name)


def settings_for(server: Nats, **flags: Any) -> Settings:
    """Return the settings of somebody who asks the doctor."""
    return load_settings(nats_url=server.url, nats_monitor_url=server.monitor_url, database_url=NOWHERE, **flags)


async def findings(settings: Settings) -> dict[str, Check]:
    """Return what is not as it must be, by name; PostgreSQL and services are not what these tests are about."""
    found = {check.name: check async for check in check_up(settings) if check.status != "ok"}
    assert {found.pop(each).status for each in ("PostgreSQL", "ingest", "normalize")} == {"unknown"}
    assert all(check.remedy for check in found.values())
    return found


@pytest.mark.usefixtures("connection")
async def test_the_healthy_are_well(nats_server: Nats) -> None:
    """
    A server as dev wants it has no finding, and a line for each thing that was looked at.
    """
    checks = {check.name: check.detail async for check in check_up(settings_for(nats_server))}

    assert await findings(settings_for(nats_server)) == {}
    assert {"sync to disk", "store of the server", "permissions", "account", "advisories", "abandoned"} <= set(checks)
    assert checks["webhooks"] == "no route is open"
    assert checks[f"copies of {CORE_HOT}"] == "1 of 1 hold everything"


Harm = Callable[[Connection, Topology], Awaitable[object]]


async def _no_durable(connection: Connection, _: Topology) -> None:
    await connection.api(f"CONSUMER.DELETE.{CORE_HOT}.{HRV}")


async def _no_advisory_worker(connection: Connection, _: Topology) -> None:
    await connection.api(f"CONSUMER.DELETE.{ADVISORY}.{REAP_ADVISORIES_DURABLE}")


async def _no_advisories(connection: Connection, _: Topology) -> None:
    await connection.api(f"STREAM.DELETE.{ADVISORY}")


async def _pause(connection: Connection, _: Topology) -> None:
    await connection.api(f"CONSUMER.PAUSE.{CORE_HOT}.{HRV}", {"pause_until": "2100-01-01T00:00:00Z"})


async def _fill(connection: Connection, topology: Topology) -> None:
    full = {**topology.stream(VENDOR_HOT).config(), "max_bytes": 1000}
    await connection.api(f"STREAM.UPDATE.{VENDOR_HOT}", full)
    await connection.client.request("vendor.test.webhook.received", b"x" * 900)


async def _wait_unread(connection: Connection, _: Topology) -> None:
    await connection.client.request(f"$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.{CORE_HOT}.test", b"{}")


async def _abandon(connection: Connection, topology: Topology) -> None:
    """Let the server abandon messages of our durable, as it does after the last delivery."""
    impatient = {**topology.durable(HRV).config(), "max_deliver": 1, "ack_wait": 100_000_000}
    await _exceed_deliveries(connection, topology.durable(HRV), impatient, "update")


async def _abandon_elsewhere(connection: Connection, _: Topology) -> None:
    config = {"name": "guest", "durable_name": "guest", "ack_policy": "explicit", "max_deliver": 1}
    await _exceed_deliveries(connection, Durable("guest", CORE_HOT, ()), {**config, "ack_wait": 100_000_000}, "create")


async def _exceed_deliveries(connection: Connection, durable: Durable, config: dict[str, Any], action: str) -> None:
    payload = {"stream_name": durable.stream, "config": config, "action": action}
    await connection.api(f"CONSUMER.CREATE.{durable.stream}.{durable.name}", payload)
    for number in range(3):
        await connection.client.request(raw_subject("hrv"), b"%d" % number)
    inbox = NatsInbox(connection, durable)
    await inbox.open()
    assert len(await inbox.fetch(3, 5)) == 3

    async def is_dead_lettered() -> bool:
        live = await NatsBroker(connection).durable(durable.stream, durable.name)
        return live is not None and live.abandoned == 3

    await eventually(is_dead_lettered)


@pytest.mark.parametrize(
    ("harm", "name", "status", "words", "remedy"),
    [
        (_no_durable, "streams", "failure", f"durable {HRV} is missing", "streams apply"),
        (_no_advisory_worker, "advisories", "failure", f"{REAP_ADVISORIES_DURABLE} missing", "streams apply"),
        (_no_advisories, "advisories", "failure", f"{ADVISORY}, {REAP_ADVISORIES_DURABLE} missing", "streams apply"),
        (_pause, "paused", "warning", HRV, f"resume {HRV}"),
        (_fill, f"room in {VENDOR_HOT}", "warning", "%", "raise max_bytes"),
        (_wait_unread, "advisories", "warning", "yet: 1", "normalize"),
        (_abandon, "abandoned", "failure", f"3 messages of {HRV}", f"consumers reset {HRV}"),
        (_abandon_elsewhere, "abandoned", "warning", "3 messages of guest on AA_CORE_HOT", "dlq list"),
    ],
)
async def test_an_illness_is_found(  # noqa: PLR0913, PLR0917  # a table
    connection: Connection,
    topology: Topology,
    nats_server: Nats,
    harm: Harm,
    name: str,
    status: str,
    words: str,
    remedy: str,
) -> None:
    """
    What is missing, paused, nearly full, unread or abandoned is reported by name, with the fix.
    """
    await harm(connection, topology)
    found = (await findings(settings_for(nats_server)))[name]

    assert (found.status, words in found.detail, remedy in found.remedy) == (status, True, True), found


@pytest.mark.usefixtures("connection")
async def test_copies_are_held_against_the_file(nats_server: Nats, tmp_path: Path) -> None:
    """
    A stream with one copy, where the environment's file wants three, is a failure.
    """
    wanted = tmp_path / "three.toml"
    wanted.write_text(DEV_FILE.replace("replicas = 1", "replicas = 3"), encoding="utf-8")
    found = (await findings(settings_for(nats_server, environment_file=wanted)))[f"copies of {CORE_HOT}"]

    assert (found.status, found.detail) == ("failure", "1 of 3 hold everything; the stream has 1")


async def test_webhooks_need_a_secret_and_an_unpacker(
    connection: Connection, nats_server: Nats, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A sender without a secret, a route that only shakes hands, and webhooks that nobody unpacks are told apart.
    """
    monkeypatch.setenv("AA_STRAVA_WEBHOOK_TOKEN", "only-for-the-handshake")
    monkeypatch.setenv("AA_OURA_WEBHOOK_SECRETS", "a-secret-for-tests")
    await connection.api(f"CONSUMER.DELETE.{VENDOR_HOT}.{unpack_durable('oura')}")
    settings = settings_for(nats_server, webhook_senders="clinic")
    said = [check.detail async for check in check_up(settings) if check.name == "webhooks"]

    assert said == [
        "the route of strava shakes hands and then refuses every webhook: there is no secret",
        "clinic is in AA_WEBHOOK_SENDERS and has no secret",
        "the route of oura is open, and nobody unpacks: unpack-oura-durable is missing",
    ]


@pytest.mark.usefixtures("connection")
async def test_webhooks_that_are_unpacked_are_well(nats_server: Nats, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A vendor with a secret and an unpacker is only named.
    """
    monkeypatch.setenv("AA_OURA_WEBHOOK_SECRETS", "a-secret-for-tests")
    said = [check async for check in check_up(settings_for(nats_server)) if check.name == "webhooks"]

    assert said == [Check("webhooks", "ok", "taken from oura")]


async def test_a_server_that_flushes_late_is_found(guard: Guard) -> None:
    """
    The setting is read from the server itself; so is a store that is smaller than what the streams may fill.
    """
    server = await asyncio.to_thread(new_nats, guard, max_file_store="1GB", sync="2m")
    found = await findings(settings_for(server))
    unseen = await findings(load_settings(nats_url=server.url, database_url=NOWHERE))

    assert (found["sync to disk"].status, found["store of the server"].status) == ("failure", "failure")
    assert unseen["sync to disk"].status == "unknown"
    assert found["streams"].status == "failure"


@pytest.fixture
async def limited(guard: Guard, topology: Topology) -> Callable[[str], Settings]:
    """Run a server with a small account, and users of it: of everything, of a monitor, of next to nothing."""
    monitor = next(user for user in build_users(topology, KINDS, VENDORS) if user.name == "monitor")
    token, monitor_port = f"t{secrets.token_hex(8)}", free_port()
    text = f"""
    listen: "127.0.0.1:@PORT@"
    http: "127.0.0.1:{monitor_port}"
    jetstream {{ store_dir: "@STORE@", sync_interval: always, max_file_store: 4GB }}
    accounts {{ AA {{ jetstream: {{ max_file: 1GB, max_streams: 2 }}, users: [
      {{ user: all, password: $TOKEN }}
      {{ user: monitor, password: $TOKEN, permissions: {_permissions(monitor)} }}
      {{ user: narrow, password: $TOKEN, permissions: {{ publish: ["$JS.API.INFO"], subscribe: ["_INBOX_narrow.>"] }} }}
    ] }} }}
    """
    port = start_server(guard, "doctor", text, {"TOKEN": token})

    def settings(user: str) -> Settings:
        return load_settings(
            nats_url=f"nats://{user}:{token}@127.0.0.1:{port}",
            nats_monitor_url=f"http://127.0.0.1:{monitor_port}",
            nats_inbox_prefix=f"_INBOX_{user}",
            database_url=NOWHERE,
        )

    async def stores() -> bool:
        return (await findings(settings("all"))).keys() >= {"account"}

    await eventually(stores)
    return settings


def _permissions(user: User) -> str:
    publish, subscribe = (", ".join(f'"{each}"' for each in subjects) for subjects in (user.publish, user.subscribe))
    return f"{{ publish: [{publish}], subscribe: [{subscribe}] }}"


async def test_rights_and_room_are_asked_of_the_server(limited: Callable[[str], Settings]) -> None:
    """
    An account too small for the streams is a failure; a monitor is known by what the server grants it; a user who may
    not even look gets one line that says so, and no time-out.
    """
    by_monitor = {check.name: check async for check in check_up(limited("monitor"))}
    by_narrow = await findings(limited("narrow"))

    assert by_monitor["account"].status == "failure"
    assert "4 streams of 2320 MiB are still to be made" in by_monitor["account"].detail
    assert by_monitor["permissions"].status == "ok"
    assert by_monitor["permissions"].detail.startswith("monitor in AA may do all that monitor does, and not all of in")
    assert (by_narrow["permissions"].status, "NATS" in by_narrow) == ("failure", False)
    assert "needs publish on $JS.API.STREAM.INFO" in by_narrow["permissions"].detail


async def test_a_user_of_everything_is_no_user_for_production(limited: Callable[[str], Settings], log: Log) -> None:
    """
    A user who may delete streams is a warning outside of dev, and normal in dev.
    """
    connection = Connection(limited("all").nats_url.get_secret_value(), name="test", log=log)
    await connection.open()
    server = await NatsBroker(connection).server()
    await connection.close()
    told = {
        environment: check_rights(server, (), build_topology(KINDS, VENDORS, replace(DEV, environment=environment)))
        for environment in ("dev", "production")
    }

    assert {name: check.status for name, check in told.items()} == {"dev": "ok", "production": "warning"}
    assert "$JS.API.STREAM.DELETE.AA_DLQ" in told["production"].detail
    assert "deploy/nats/production.conf" in told["production"].remedy
