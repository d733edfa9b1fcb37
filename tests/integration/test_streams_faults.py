"""An apply in a world that goes wrong: two at once, servers killed, limits reached, rights missing."""

import asyncio
import os
import secrets
import signal
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.cluster import start_cluster
from support.nats_users import start_server
from support.servers import Guard, Nats, new_nats
from support.wait import eventually

from athlete_ally.adapters.files.change_log_file import ChangeLogFile, NoChangeLog, read_journal
from athlete_ally.adapters.nats.broker import NatsBroker
from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.core.broker.environment import EnvironmentSpec
from athlete_ally.core.broker.topology import CORE_HOT, DEV, build_topology
from athlete_ally.core.errors import PermissionDenied, Refused, StalePlan, Unavailable
from athlete_ally.core.ports import Log
from athlete_ally.measurements import KINDS
from athlete_ally.ops.streams.change_log import decode, undo
from athlete_ally.ops.streams.difference import Wanted, wanted_of
from athlete_ally.ops.streams.executor import carry_out
from athlete_ally.ops.streams.plan import Plan, only
from athlete_ally.ops.streams.planner import make_plan
from athlete_ally.vendors import FETCHED, VENDORS

KILL = getattr(signal, "SIGKILL", signal.SIGTERM)


def with_limits(**limits: Any) -> EnvironmentSpec:
    """Return dev with other limits of every stream."""
    streams = {name: msgspec.structs.replace(each, **limits) for name, each in DEV.streams.items()}
    return msgspec.structs.replace(DEV, streams=streams)


def wanted_by(spec: EnvironmentSpec) -> tuple[Wanted, ...]:
    """Return all that an environment wants."""
    return wanted_of(build_topology(KINDS, VENDORS, spec, fetched=FETCHED))


def broker_on(connection: Connection) -> NatsBroker:
    """Return the broker, which does not wait long for one that is dead."""
    return NatsBroker(connection, timeout_s=2.0)


async def planned(connection: Connection, spec: EnvironmentSpec = DEV) -> Plan:
    """Return the plan for an environment."""
    return await make_plan(broker_on(connection), spec, wanted_by(spec), datetime.now(UTC))


async def applied(connection: Connection, plan: Plan) -> list[str]:
    """Carry a plan out, and return the names of what was done."""
    return [done.wanted.name async for done in carry_out(broker_on(connection), plan, NoChangeLog())]


@dataclass(slots=True)
class Place:
    """A server of this test's own, and a way to it."""

    server: Nats
    connection: Connection


@pytest.fixture
async def place(guard: Guard, log: Log) -> AsyncGenerator[Place]:
    """Start an empty server."""
    server = await asyncio.to_thread(new_nats, guard)
    connection = Connection(server.url, name="test", log=log)
    await connection.open()
    yield Place(server, connection)
    await connection.close()
    os.kill(server.pid, signal.SIGTERM)


async def test_two_applies_at_once(place: Place) -> None:
    """
    Of two operators who create the same, each object is made once; who comes second is told that the plan is stale.
    """
    plans = [await planned(place.connection) for _ in range(2)]
    ends = await asyncio.gather(*(applied(place.connection, plan) for plan in plans), return_exceptions=True)

    assert {type(end) for end in ends} <= {list, StalePlan}, ends
    assert any(isinstance(end, list) for end in ends)
    assert (await planned(place.connection)).changes == []


async def test_a_change_between_plan_and_apply(place: Place) -> None:
    """
    What somebody changed in between is not overwritten: the apply stops there, and what came before is done.
    """
    await applied(place.connection, await planned(place.connection))
    spec = with_limits(duplicate_window=DEV.streams[CORE_HOT].duplicate_window * 2)
    plan = await planned(place.connection, spec)
    live = (await place.connection.api(f"STREAM.INFO.{CORE_HOT}"))["config"]
    await place.connection.api(f"STREAM.UPDATE.{CORE_HOT}", {**live, "description": "by somebody else"})

    with pytest.raises(StalePlan, match=f"stream {CORE_HOT} was changed"):
        await applied(place.connection, plan)
    left = {change.name for change in (await planned(place.connection, spec)).changes}
    assert left == {CORE_HOT, "AA_VENDOR_HOT"}
    now = (await place.connection.api(f"STREAM.INFO.{CORE_HOT}"))["config"]
    assert now["description"] == "by somebody else"


async def test_the_server_is_killed_while_we_apply(place: Place, tmp_path: Path) -> None:
    """
    What was done stays done and is in the journal; the next plan has the rest, and finishes it.
    """
    plan = await planned(place.connection)
    path = tmp_path / "journal.jsonl"
    journal = ChangeLogFile(
        path, lambda: datetime.now(UTC), {"environment": "dev", "account": "", "cluster": "", "plan": plan.fingerprint}
    )
    done: list[str] = []
    with pytest.raises(Unavailable):
        async for each in carry_out(broker_on(place.connection), plan, journal):
            done.append(each.wanted.name)
            if len(done) == 3:
                os.kill(place.server.pid, KILL)
    await asyncio.to_thread(place.server.start)
    await place.connection.until_usable()
    rest = await planned(place.connection)
    noted = [entry.change.name for entry in decode(read_journal(path)) if entry.result == "done"]

    assert done == noted == [step.wanted.name for step in plan.steps[:3]]
    assert [step.wanted.name for step in rest.steps] == [step.wanted.name for step in plan.steps[3:]]
    assert undo(decode(read_journal(path)), journal.run)[0] == []
    await applied(place.connection, rest)
    assert (await planned(place.connection)).changes == []


async def test_a_journal_that_was_cut_off(tmp_path: Path) -> None:
    """
    A line that a crash left half written is not read; all before it are.
    """
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b'{"a":1}\n{"b":2}\n{"c":')

    assert read_journal(path) == [b'{"a":1}', b'{"b":2}']


LIMITED = """
listen: "127.0.0.1:@PORT@"
jetstream { store_dir: "@STORE@", max_file_store: 4GB }
accounts {
  SMALL { jetstream: { max_file: 1GB }, users: [{ user: small, password: $TOKEN }] }
  FEW { jetstream: { max_streams: 2 }, users: [{ user: few, password: $TOKEN }] }
  READER { jetstream: enabled, users: [{ user: reader, password: $TOKEN, permissions: {
    publish: { allow: ["$JS.API.INFO", "$SYS.REQ.USER.INFO", "$JS.API.STREAM.INFO.*", "$JS.API.STREAM.NAMES",
      "$JS.API.CONSUMER.INFO.*.*", "$JS.API.CONSUMER.LIST.*"] },
    subscribe: { allow: "_INBOX.>" } } }] }
}
"""


@pytest.fixture(scope="module")
def limited(guard: Guard) -> str:
    """Start a server with accounts that may do little; return its address with a place for the user."""
    token = f"t{secrets.token_hex(8)}"
    port = start_server(guard, "limited", LIMITED, {"TOKEN": token})
    return f"nats://{{user}}:{token}@127.0.0.1:{port}"


async def opened(url: str, log: Log) -> Connection:
    """Return a connection, once the server keeps streams."""
    connection = Connection(url, name="test", log=log)
    await connection.open()

    async def answers() -> bool:
        try:
            return bool(await connection.api("INFO", timeout_s=1))
        except Unavailable:
            return False

    await eventually(answers)
    return connection


@pytest.mark.parametrize(("user", "code"), [("small", 10047), ("few", 10027)])
async def test_the_limits_of_the_account(limited: str, log: Log, user: str, code: int) -> None:
    """
    What does not fit into the account is impossible in the plan already, with the numbers; doing it anyway is refused.
    """
    connection = await opened(limited.format(user=user), log)
    plan = await planned(connection)
    refused = {change.name: change.reason for change in plan.refused}
    with pytest.raises(Refused, match=str(code)):
        await applied(connection, plan)
    left = await planned(connection)
    await connection.close()

    assert all(str(code) in reason for reason in refused.values())
    assert refused
    assert left.refused


async def test_a_missing_right_is_called_one(limited: str, log: Log) -> None:
    """
    A user who may read but not change gets a plan; the apply ends at once, and names the denied subject.
    """
    connection = await opened(limited.format(user="reader"), log)
    plan = await planned(connection)
    started_s = asyncio.get_running_loop().time()
    with pytest.raises(PermissionDenied, match=r"STREAM\.CREATE\.AA_DLQ"):
        await applied(connection, plan)
    took_s = asyncio.get_running_loop().time() - started_s
    await connection.close()

    # A request that nobody answers waits for two seconds.
    assert took_s < 1.9


async def test_a_cluster_with_a_server_down(guard: Guard, log: Log) -> None:
    """
    Three copies are made; with one server gone a change still goes through, and the plan says which copy is away; with
    two gone there is no answer, and that is said in bounded time.
    """
    members = await asyncio.to_thread(start_cluster, guard, (), (), ())
    connection = await opened(",".join(each.url for each in members.values()), log)
    spec = with_limits(replicas=3)
    few = ["AA_DLQ", CORE_HOT, "normalize-hrv-durable"]

    async def made() -> bool:
        # A cluster that has just met may have no room to offer yet.
        try:
            await applied(connection, only(await planned(connection, spec), few))
        except (Unavailable, Refused, StalePlan):
            return False
        return True

    await eventually(made)
    assert not {change.name for change in (await planned(connection, spec)).changes} & set(few)
    serving = (await broker_on(connection).server()).name
    gone, second = [name for name in members if name != serving]
    os.kill(members[gone].pid, KILL)

    async def noticed() -> bool:
        try:
            found = (await planned(connection, spec)).found
        except Unavailable:  # a leader is being elected
            return False
        return any(f"on {gone} is" in each.detail for each in found)

    await eventually(noticed)
    wider = with_limits(replicas=3, max_age=DEV.streams[CORE_HOT].max_age * 2)

    async def changed() -> bool:
        try:
            await applied(connection, only(await planned(connection, wider), [CORE_HOT]))
        except Unavailable:
            return False
        return True

    await eventually(changed)
    live = await broker_on(connection).stream(CORE_HOT)
    assert live is not None
    assert live.config["max_age"] == wider.streams[CORE_HOT].max_age * 10**9
    os.kill(members[second].pid, KILL)
    with pytest.raises(Unavailable):
        async with asyncio.timeout(100):
            while True:
                await planned(connection, spec)
    await connection.close()
    os.kill(members[serving].pid, KILL)
