"""The configurations of `deploy/nats` on real servers: what each program needs is allowed, and nothing else is."""

import asyncio
import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.nats_templates import CLIENT_KEY, NatsSite, start_site
from support.samples import hrv_reading
from support.servers import Guard
from support.services import Service
from support.wait import eventually

from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.config.environment_file import load_environment
from athlete_ally.core.environment import Environment
from athlete_ally.core.errors import PermissionDenied, Unavailable
from athlete_ally.core.permissions import User, build_users, denied_to_all
from athlete_ally.core.ports import Log
from athlete_ally.core.topology import Topology, build_topology
from athlete_ally.measurements import KINDS
from athlete_ally.vendors import FETCHED, VENDORS

ENVIRONMENTS: tuple[Environment, ...] = ("dev", "staging", "production")


@pytest.fixture(scope="module", params=ENVIRONMENTS)
def nats(request: pytest.FixtureRequest, guard: Guard) -> NatsSite:
    """Run the servers of one environment: one, one with TLS, three with TLS."""
    return start_site(guard, request.param)


@pytest.fixture
def desired(nats: NatsSite) -> Topology:
    """Return the desired state of the environment."""
    path = Path(nats.settings("operator")["AA_ENVIRONMENT_FILE"])
    return build_topology(KINDS, VENDORS, load_environment(path), fetched=FETCHED)


@pytest.fixture
async def operator(nats: NatsSite, log: Log) -> AsyncGenerator[Connection]:
    """Give a connection of the operator, once the servers can store."""
    connection = nats.connection("operator", log)
    async with asyncio.timeout(30):
        await connection.open()

    async def stores() -> bool:
        try:
            return bool(await connection.api("INFO", timeout_s=1))
        except Unavailable:
            return False

    await eventually(stores, within_s=30)
    yield connection
    await connection.close()


@pytest.mark.usefixtures("operator")
async def test_everything_needed_is_allowed(nats: NatsSite, database_url: str, tmp_path: Path) -> None:
    """
    Plan, apply, ingest, normalize, dead letters and doctor, each as its own user: a reading becomes a record, another
    a dead letter, and nobody is denied anything.
    """
    said = [
        nats.run("planner", "streams", "plan"),
        nats.run("operator", "streams", "apply", "--yes"),
        nats.run("planner", "streams", "plan"),
        nats.run("monitor", "streams", "drift"),
        nats.run("monitor", "streams", "status"),
    ]
    assert [each.returncode for each in said] == [2, 0, 0, 0, 0], said
    services = [
        Service(name, {**nats.settings(name), "DATABASE_URL": database_url}, tmp_path).start()
        for name in ("ingest", "normalize")
    ]
    try:
        ingest, normalize = [await service.ready() for service in services]
        readings = [hrv_reading(), {**hrv_reading(), "userId": "other", "rmssd": 9999}]
        async with httpx.AsyncClient(trust_env=False) as client:
            authorization = {"Authorization": f"Bearer {CLIENT_KEY}"}
            answer = await client.post(f"{ingest.url}/api/v1/ingest/hrv", json=readings, headers=authorization)
        assert answer.status_code == 202, answer.text

        async def is_dead() -> bool:
            return bool(_letters(nats))

        await eventually(is_dead)
        series = [await ingest.metrics(), await normalize.metrics()]
        doctor = nats.run("monitor", "doctor", "--json", DATABASE_URL=database_url)
    finally:
        for service in services:
            service.close()
    counted = [line for text in series for line in text.splitlines() if line.startswith("nats_permission_viol")]

    assert len(counted) == 4
    assert {line.rpartition(" ")[2] for line in counted} == {"0.0"}
    for text in (doctor.stderr, *(service.log for service in services)):
        assert "ermission" not in text
    checks = {check["name"]: check["status"] for check in json.loads(doctor.stdout)["checks"]}
    assert dict.fromkeys(("NATS", "streams", "sync to disk"), "ok").items() <= checks.items()


def _letters(nats: NatsSite) -> list[object]:
    done = nats.run("dlq", "dlq", "list", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["letters"]


@pytest.mark.usefixtures("operator")
async def test_what_is_not_granted_is_denied(nats: NatsSite, desired: Topology) -> None:
    """
    Every subject of every user, and what nobody may do, tried as every user: allowed is what the table marks.
    """
    users = build_users(desired, KINDS, VENDORS)
    dangers = denied_to_all(desired)
    subjects = [*dict.fromkeys((*(_sample(each) for user in users for each in user.publish), *dangers))]
    for user in users:
        allowed = await _allowed(nats.connection(user.name, _Silent()), subjects)

        assert allowed & set(dangers) == set(), user.name
        assert allowed == {subject for subject in subjects if user.may_publish(subject)}, user.name


def _sample(pattern: str) -> str:
    """Return a subject that the pattern matches."""
    return ".".join({"*": "x", ">": "x.y"}.get(word, word) for word in pattern.split("."))


async def _allowed(connection: Connection, subjects: list[str]) -> set[str]:
    await connection.open()
    for subject in subjects:
        await connection.client.publish(subject, b"")
    await _until_answered(connection)
    allowed = {subject for subject in subjects if not connection.denials.reason(subject)}
    await connection.close()
    return allowed


@pytest.mark.usefixtures("operator")
async def test_nobody_hears_what_is_meant_for_others(nats: NatsSite, desired: Topology) -> None:
    """
    A user subscribes to its own answers; not to those of another, to a stream's subjects, or to all.
    """
    users = build_users(desired, KINDS, VENDORS)
    wanted = ["_INBOX.>", ">", "athlete-ally.>", "vendor.>", "dlq.>", "$JS.>", *(_own(user) for user in users)]
    for user in users:
        heard = {subject for subject in wanted if await _is_heard(nats, user, subject)}

        assert heard == {_own(user)} == {subject for subject in wanted if user.may_subscribe(subject)}


def _own(user: User) -> str:
    return f"{user.inbox_prefix}.>"


async def _is_heard(nats: NatsSite, user: User, subject: str) -> bool:
    counted: list[str] = []
    connection = Connection(
        ",".join(nats.urls),
        name=user.name,
        log=_Silent(),
        identity=nats.identity(user.name),
        inbox_prefix=user.inbox_prefix,
        on_denied=counted.append,
    )
    await connection.open()
    client: Any = connection.client
    await client.subscribe(subject)
    await _until_answered(connection)
    await connection.close()
    return not counted


async def _until_answered(connection: Connection) -> None:
    """Return when the server has answered all that was sent, denials included: it answers in order."""
    # The library may take the PONG to its CONNECT for that of the first flush.
    await connection.client.flush()
    await connection.client.flush()


class _Silent:
    """A log that nobody reads: being denied is what these tests are about."""

    def debug(self, event: str, **fields: object) -> None:
        """Say nothing."""

    info = warning = error = debug


@pytest.mark.usefixtures("operator")
async def test_a_user_without_the_inbox_of_its_own_is_told(nats: NatsSite) -> None:
    """
    Connected with another prefix, a user learns at once what to set.
    """
    connection = Connection(
        ",".join(nats.urls), name="x", log=_Silent(), identity=nats.identity("monitor"), inbox_prefix="_INBOX_operator"
    )
    await connection.open()
    with pytest.raises(PermissionDenied, match="AA_NATS_INBOX_PREFIX"):
        await connection.api("INFO")
    await connection.close()
