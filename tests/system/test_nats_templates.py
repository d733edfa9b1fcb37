"""The configurations of `deploy/nats` on real servers: what each program needs is allowed, and nothing else is."""

import asyncio
import os
import re
import signal
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from support.commands import Outcome, in_process
from support.nats_templates import CLIENT_KEY, NatsSite, start_site
from support.samples import hrv_reading
from support.servers import Guard
from support.services import Service
from support.wait import eventually

from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.config.environment_file import load_environment
from athlete_ally.core.broker.environment import Environment
from athlete_ally.core.broker.permissions import User, build_users, denied_to_all
from athlete_ally.core.broker.topology import CORE_HOT, Topology, build_topology, normalize_durable, raw_subject
from athlete_ally.core.errors import PermissionDenied, Unavailable
from athlete_ally.core.ports import Log
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
    connection = await _open_once_it_stores(nats, log)
    yield connection
    await connection.close()


async def _open_once_it_stores(site: NatsSite, log: Log) -> Connection:
    connection = site.connection("operator", log)
    async with asyncio.timeout(30):
        await connection.open()

    async def stores() -> bool:
        try:
            return bool(await connection.api("INFO", timeout_s=1))
        except Unavailable:
            return False

    await eventually(stores, within_s=30)
    return connection


@pytest.mark.usefixtures("operator")
async def test_everything_needed_is_allowed(nats: NatsSite, database_url: str, tmp_path: Path) -> None:
    """
    Plan, apply, ingest, normalize, dead letters and doctor, each as its own user: a reading becomes a record, another
    a dead letter, nobody is denied anything, only ingest has the file of keys, and `doctor` on a laptop ends with 0.
    """
    said = [
        nats.run("planner", "streams", "plan"),
        nats.run("operator", "streams", "apply", "--yes"),
        nats.run("planner", "streams", "plan"),
        nats.run("monitor", "streams", "drift"),
        nats.run("monitor", "streams", "status"),
    ]
    assert [each.code for each in said] == [2, 0, 0, 0, 0], said
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
        database = await asyncpg.connect(database_url)
        rows = await database.fetchval("SELECT count(*) FROM hrv_data")
        await database.close()
        series = [await ingest.metrics(), await normalize.metrics()]
        laptop = _laptop_with_servers_of_its_own(tmp_path)
        addresses = {"AA_INGEST_URL": ingest.url, "AA_NORMALIZE_URL": normalize.url}
        doctor = nats.run("monitor", "doctor", "--json", DATABASE_URL=database_url, AA_DATA_DIR=laptop, **addresses)
    finally:
        for service in services:
            service.close()
    counted = [line for text in series for line in text.splitlines() if line.startswith("nats_permission_viol")]

    assert (rows, len(counted)) == (1, 4)
    assert {line.rpartition(" ")[2] for line in counted} == {"0.0"}
    for text in (doctor.err, *(service.log for service in services)):
        assert "ermission" not in text
    checks = {check["name"]: check["status"] for check in doctor.document["checks"]}
    assert dict.fromkeys(("NATS", "streams", "sync to disk"), "ok").items() <= checks.items()
    # The disk of the operator's machine is not that of the servers.
    unknown = [check for check in doctor.document["checks"] if check["status"] != "ok"]
    assert (doctor.code, "disk" in checks, unknown) == (0, False, [])


def _laptop_with_servers_of_its_own(folder: Path) -> str:
    """Return a data directory in which `up` ran once, on another port."""
    configuration = folder / "nats" / "nats.conf"
    configuration.parent.mkdir()
    configuration.write_text('listen: "127.0.0.1:1"\n', encoding="utf-8")
    return str(folder)


def _letters(nats: NatsSite) -> list[object]:
    done = nats.run("dlq", "dlq", "list", "--json")
    assert done.code == 0, done.err
    return done.document["letters"]


async def _as(site: NatsSite, user: str, *arguments: str) -> Outcome:
    """Run a command on streams as this user."""
    return await asyncio.to_thread(in_process, site.settings(user), "streams", *arguments)


Replacement = str | Callable[[re.Match[str]], str]
OtherFile = Callable[[str, Replacement], str]


@pytest.fixture
def other_file(nats: NatsSite, tmp_path: Path) -> OtherFile:
    """Return what writes the environment's file with something else in it."""

    def write(pattern: str, replacement: Replacement) -> str:
        text = Path(nats.settings("operator")["AA_ENVIRONMENT_FILE"]).read_text("utf-8")
        changed, count = re.subn(pattern, replacement, text)
        assert count, pattern
        path = tmp_path / f"wanted-{len(list(tmp_path.iterdir()))}.toml"
        path.write_text(changed, encoding="utf-8")
        return str(path)

    return write


async def _loaded(nats: NatsSite, operator: Connection, log: Log) -> None:
    """Give AA_CORE_HOT what it should have, and some readings that nobody processes."""
    done = await _as(nats, "operator", "apply", "--yes", "--allow-impact", f"{CORE_HOT}:max_age")
    assert done.code == 0, done
    connection = nats.connection("ingest", log)
    await connection.open()
    for number in range(20):
        await connection.client.request(raw_subject("hrv"), b"%d" % number, timeout=20)
    await connection.close()
    assert (await operator.api(f"STREAM.INFO.{CORE_HOT}"))["state"]["messages"] >= 20


async def test_a_loaded_stream_is_not_shrunk_by_mistake(
    nats: NatsSite, operator: Connection, other_file: OtherFile, log: Log
) -> None:
    """
    As the template's own users: the plan has the numbers and exit code 2, apply without permission is 3 and nothing is
    gone; another account is 4, a stale plan 5.
    """
    await _loaded(nats, operator, log)
    held = (await operator.api(f"STREAM.INFO.{CORE_HOT}"))["state"]["messages"]
    short = other_file(r'max_age = "[^"]+"|duplicate_window = "[^"]+"', lambda found: found[0].split("=")[0] + '= "1s"')
    said = ""

    async def is_seen() -> bool:
        nonlocal said
        plan = await _as(nats, "planner", "plan", "--environment-file", short)
        assert plan.code == 2
        said = " ".join(plan.out.split())
        return f"would delete {held} of {held} messages (oldest 20" in said

    await eventually(is_seen)
    refused = await _as(nats, "operator", "apply", "--yes", "--environment-file", short)
    elsewhere = other_file(r'account = "[^"]*"', 'account = "OTHER"')
    wrong = [await _as(nats, "operator", verb, "--environment-file", elsewhere) for verb in ("plan", "apply")]
    longer, longest = [other_file(r'max_age = "[^"]+"', f'max_age = "{days}d"') for days in (100, 101)]
    plan = str(Path(longer).with_name("plan.json"))
    planned = await _as(nats, "planner", "plan", "--out", plan, "--environment-file", longer)
    changed = await _as(nats, "operator", "apply", "--yes", "--only", CORE_HOT, "--environment-file", longest)
    stale = await _as(nats, "operator", "apply", plan, "--yes", "--environment-file", longer)

    assert "20 of them not yet acknowledged by normalize-hrv-durable" in said
    assert (refused.code, [each.code for each in wrong]) == (3, [4, 4])
    assert (planned.code, changed.code, stale.code) == (2, 0, 5)
    assert (await operator.api(f"STREAM.INFO.{CORE_HOT}"))["state"]["messages"] == held


async def test_a_stream_is_enlarged(nats: NatsSite, operator: Connection, other_file: OtherFile, log: Log) -> None:
    """
    The runbook's steps on the shipped configuration: a quarter more is a safe plan, and is applied; more than the
    account may reserve over all copies is impossible in the plan, and not only when the server refuses it.
    """
    await _loaded(nats, operator, log)
    before = int((await operator.api(f"STREAM.INFO.{CORE_HOT}"))["config"]["max_bytes"])
    section = rf"(?s)(\[streams\.{CORE_HOT}\].*?max_bytes = )\"[^\"]+\""
    larger, too_large = (other_file(section, rf'\1"{before * factor // 2**20:.0f} MiB"') for factor in (1.25, 4))
    planned = await _as(nats, "planner", "plan", "--json", "--environment-file", larger)
    applied = await _as(nats, "operator", "apply", "--yes", "--environment-file", larger)
    after = int((await operator.api(f"STREAM.INFO.{CORE_HOT}"))["config"]["max_bytes"])
    impossible = await _as(nats, "planner", "plan", "--json", "--environment-file", too_large)
    refused = await _as(nats, "operator", "apply", "--yes", "--environment-file", too_large)
    smaller = await _as(nats, "operator", "apply", "--allow-impact", f"{CORE_HOT}:max_bytes")

    assert [change["danger"] for change in planned.document["changes"]] == ["safe"]
    assert (applied.code, after) == (0, before * 1.25), applied
    (change,) = impossible.document["changes"]
    assert (change["danger"], "10047" in change["reason"]) == ("impossible", True), change
    assert (refused.code, smaller.code) == (3, 0), (refused, smaller)


async def test_the_operator_does_all_its_work(
    nats: NatsSite, operator: Connection, guard: Guard, tmp_path: Path, log: Log
) -> None:
    """
    Drift, status, pauses, resets, backup and proof as the template's operator; then servers that lost everything take
    the backup from the same user, with the same messages. Nobody is denied anything.
    """
    await _loaded(nats, operator, log)
    hrv = normalize_durable("hrv")
    said = [
        await _as(nats, "operator", "drift"),
        await _as(nats, "operator", "consumers", "pause", hrv, "--for", "1h", "--yes"),
        await _as(nats, "operator", "status"),
        await _as(nats, "operator", "consumers", "resume", hrv),
        await _as(nats, "operator", "status"),
        await _as(nats, "operator", "consumers", "reset", hrv, "--sequence", "1", "--apply", "--yes"),
        await _as(nats, "operator", "backup", CORE_HOT, "--out", str(tmp_path)),
    ]
    backup = str(next(tmp_path.rglob("manifest.json")).parent)
    said.append(await _as(nats, "operator", "verify-backup", backup))
    held = (await operator.api(f"STREAM.INFO.{CORE_HOT}"))["state"]["messages"]
    empty = start_site(guard, nats.environment)
    try:
        connection = await _open_once_it_stores(empty, log)
        said += [
            await _as(empty, "operator", "restore", backup, "--yes"),
            await _as(empty, "operator", "apply", "--yes"),
            await _as(empty, "planner", "plan"),
        ]
        restored = (await connection.api(f"STREAM.INFO.{CORE_HOT}"))["state"]["messages"]
        await connection.close()
    finally:
        for pid in empty.pids:
            os.kill(pid, signal.SIGTERM)

    assert [each.code for each in said] == [0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0], [each.err for each in said]
    assert restored == held
    assert "ermission" not in "".join(each.err for each in said)


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
