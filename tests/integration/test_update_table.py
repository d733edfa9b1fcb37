"""The plan says what a change does to a stream or durable; the server then does just that, numbers included."""

import asyncio
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.servers import Nats
from support.wait import eventually

from athlete_ally.adapters.nats.broker import NatsBroker
from athlete_ally.adapters.nats.connection import ApiError, Connection
from athlete_ally.core.broker.topology import DEV
from athlete_ally.core.ports import Log
from athlete_ally.ops.streams.difference import Wanted
from athlete_ally.ops.streams.plan import Change, Plan
from athlete_ally.ops.streams.planner import make_plan

NAME = "TABLE"
HOUR_NS = 3600 * 10**9
BASE: dict[str, Any] = {
    "name": NAME,
    "subjects": ["table.>"],
    "retention": "limits",
    "storage": "file",
    "discard": "old",
    "num_replicas": 1,
    "max_age": 48 * HOUR_NS,
    "max_bytes": 2**20,
    "max_msg_size": 2**16,
    "max_msgs": -1,
    "max_msgs_per_subject": -1,
    "duplicate_window": 120 * 10**9,
}
DURABLE: dict[str, Any] = {
    "name": "reader",
    "durable_name": "reader",
    "filter_subjects": ["table.0"],
    "ack_policy": "explicit",
    "deliver_policy": "all",
    "replay_policy": "instant",
    "ack_wait": 60 * 10**9,
    "max_deliver": -1,
    "max_ack_pending": 1000,
}


@pytest.fixture
async def connection(nats_server: Nats, log: Log) -> AsyncGenerator[Connection]:
    """Give the test a server without the stream of this table."""
    connection = Connection(nats_server.url, name="test", log=log)
    await connection.open()
    yield connection
    await _drop(connection)
    await connection.close()


async def _drop(connection: Connection) -> None:
    try:
        await connection.api(f"STREAM.DELETE.{NAME}")
    except ApiError as error:
        assert error.code == 10059, error


async def fill(connection: Connection, count: int = 30, *, subjects: int = 3, size: int = 100) -> None:
    """Store messages, in turn on each of some subjects."""
    for number in range(count):
        await connection.client.request(f"table.{number % subjects}", b"x" * size)


async def scene(connection: Connection, config: dict[str, Any], count: int = 30) -> None:
    """Make the stream, with 30 messages of 137 bytes on three subjects."""
    await connection.api(f"STREAM.CREATE.{NAME}", config)
    await fill(connection, count)


async def planned(connection: Connection, *wanted: Wanted) -> Plan:
    """Return the plan towards this."""
    return await make_plan(NatsBroker(connection), DEV, wanted, datetime.now(UTC))


def stream(config: dict[str, Any]) -> Wanted:
    """Return the stream of this table, as it should be."""
    return Wanted("stream", NAME, NAME, config)


async def messages(connection: Connection) -> int:
    """Return how many messages the stream holds."""
    return (await connection.api(f"STREAM.INFO.{NAME}"))["state"]["messages"]


@dataclass(frozen=True, slots=True)
class Row:
    """One update: from `start` (over BASE) by `change`, what a plan calls it, and what the server does."""

    change: dict[str, Any]
    danger: str
    start: dict[str, Any] = field(default_factory=dict[str, Any])
    deleted: int = 0
    error: int = 0

    def __str__(self) -> str:
        return f"{json.dumps(self.start)} to {json.dumps(self.change)}"


ROWS = [
    Row({"max_msgs": 5}, "destructive", deleted=25),
    Row({"max_msgs": 30}, "service-affecting"),
    Row({"max_msgs": 5}, "service-affecting", start={"discard": "new"}),
    Row({"max_bytes": 137 * 4}, "destructive", deleted=26),
    Row({"max_bytes": 137 * 4 - 1}, "destructive", deleted=27),
    Row({"max_bytes": 137 * 4}, "service-affecting", start={"discard": "new"}),
    Row({"max_bytes": 2**21}, "safe"),
    Row({"max_msgs_per_subject": 2}, "destructive", deleted=24),
    Row({"max_msgs_per_subject": 2}, "destructive", start={"discard": "new"}, deleted=24),
    Row({"max_age": HOUR_NS}, "service-affecting"),
    Row({"max_age": 0}, "safe"),
    Row({"retention": "interest"}, "destructive", deleted=30),
    Row({"retention": "limits"}, "safe", start={"retention": "interest"}),
    Row({"discard": "new"}, "service-affecting"),
    Row({"discard": "old"}, "destructive", start={"discard": "new"}),
    Row({"subjects": ["table.0"]}, "service-affecting"),
    Row({"subjects": ["table.>", "other.>"]}, "safe"),
    Row({"max_msg_size": 10}, "service-affecting"),
    Row({"duplicate_window": 10**9}, "service-affecting"),
    Row({"duplicate_window": 240 * 10**9}, "safe"),
    Row({"duplicate_window": 49 * HOUR_NS}, "impossible", error=10052),
    Row({"storage": "memory"}, "impossible", error=10052),
    Row({"retention": "workqueue"}, "impossible", error=10052),
    Row({"num_replicas": 3}, "impossible", error=10074),
    Row({"persist_mode": "async"}, "impossible", error=10052),
    Row({"allow_msg_counter": True}, "impossible", error=10052),
    Row({"compression": "s2"}, "safe"),
    Row({"description": "else"}, "safe"),
    Row({"allow_direct": True}, "safe"),
    Row({"no_ack": True}, "service-affecting"),
    Row({"allow_rollup_hdrs": True}, "service-affecting"),
    Row({"sealed": True}, "one-way"),
    Row({"deny_delete": True}, "one-way"),
    Row({"deny_delete": False}, "impossible", start={"deny_delete": True}, error=10052),
    Row({"deny_purge": False}, "impossible", start={"deny_purge": True}, error=10052),
    Row({"allow_msg_ttl": True}, "one-way"),
    Row({"allow_msg_ttl": False}, "impossible", start={"allow_msg_ttl": True}, error=10052),
]


@pytest.mark.parametrize("row", ROWS, ids=str)
async def test_a_stream_changes_as_planned(connection: Connection, row: Row) -> None:
    """
    The plan names the danger and how many messages go; the server refuses with the code named, or deletes that many.
    """
    start = {**BASE, **row.start}
    # Interest keeps nothing without a consumer: there is nothing to store before.
    await scene(connection, start, 0 if start["retention"] == "interest" else 30)
    before = await messages(connection)
    (change,) = (await planned(connection, stream({**start, **row.change}))).changes
    try:
        await connection.api(f"STREAM.UPDATE.{NAME}", {**start, **row.change, "pedantic": True})
        code = 0
    except ApiError as error:
        code = error.code
    gone = before - await eventually_settled(connection)

    assert (row.danger, row.deleted, row.error) == (change.danger, change.loss.messages if change.loss else 0, code)
    assert row.deleted == gone
    assert row.error == 0 or f"JetStream error {row.error}" in change.reason
    assert change.loss is None or change.loss.exact


async def eventually_settled(connection: Connection) -> int:
    """Return the number of messages once two looks agree: the server deletes a moment after its answer."""
    seen = -1

    async def settled() -> bool:
        nonlocal seen
        last, seen = seen, await messages(connection)
        return last == seen

    await eventually(settled)
    return seen


async def test_first_seq_is_said_to_be_ignored(connection: Connection) -> None:
    """
    The server takes it into the configuration, and the messages stay where they are: the plan calls that impossible.
    """
    await scene(connection, BASE)
    (change,) = (await planned(connection, stream({**BASE, "first_seq": 100}))).changes
    await connection.api(f"STREAM.UPDATE.{NAME}", {**BASE, "first_seq": 100, "pedantic": True})
    state = (await connection.api(f"STREAM.INFO.{NAME}"))["state"]

    assert (change.danger, state["first_seq"], state["last_seq"]) == ("impossible", 1, 30)


async def test_subjects_of_another_stream_are_said_to_be_taken(connection: Connection) -> None:
    """
    The plan names the other stream, for a stream that is there and for one that is to be created.
    """
    await scene(connection, BASE)
    await connection.api("STREAM.CREATE.OTHER", {"name": "OTHER", "subjects": ["other.a"]})
    try:
        (change,) = (await planned(connection, stream({**BASE, "subjects": ["table.>", "other.>"]}))).changes
        third = Wanted("stream", "THIRD", "THIRD", {**BASE, "name": "THIRD", "subjects": ["*.a"]})
        (creation,) = (await planned(connection, third)).changes
    finally:
        await connection.api("STREAM.DELETE.OTHER")

    assert (change.danger, "OTHER" in change.reason) == ("impossible", True)
    assert (creation.danger, "OTHER, TABLE" in creation.reason) == ("impossible", True)


@pytest.mark.parametrize(
    ("change", "danger", "error"),
    [
        ({"deliver_policy": "new"}, "impossible", 10012),
        ({"ack_policy": "none"}, "impossible", 10012),
        ({"replay_policy": "original"}, "impossible", 10012),
        ({"max_waiting": 7}, "impossible", 10012),
        ({"mem_storage": True}, "impossible", 10012),
        ({"deliver_subject": "x"}, "impossible", 10012),
        ({"ack_wait": 10**9}, "service-affecting", 0),
        ({"ack_wait": 90 * 10**9}, "safe", 0),
        ({"max_deliver": 3}, "service-affecting", 0),
        ({"max_ack_pending": 5}, "service-affecting", 0),
        ({"max_ack_pending": 5000}, "safe", 0),
        ({"filter_subjects": ["table.1"]}, "service-affecting", 0),
        ({"filter_subjects": ["nowhere.1"]}, "service-affecting", 0),
        ({"inactive_threshold": HOUR_NS}, "service-affecting", 0),
        ({"description": "else"}, "safe", 0),
        ({"metadata": {"owner": "else"}}, "safe", 0),
    ],
    ids=str,
)
async def test_a_durable_changes_as_planned(
    connection: Connection, change: dict[str, Any], danger: str, error: int
) -> None:
    """
    What the plan calls impossible is refused with error 10012; all else is accepted, however much it bites.
    """
    await scene(connection, BASE)
    payload = {"stream_name": NAME, "config": DURABLE, "action": "create"}
    await connection.api(f"CONSUMER.CREATE.{NAME}.reader", payload)
    wanted = {**DURABLE, **change}
    (found,) = (await planned(connection, stream(BASE), Wanted("durable", "reader", NAME, wanted))).changes
    try:
        await connection.api(
            f"CONSUMER.CREATE.{NAME}.reader", {**payload, "config": wanted, "action": "update", "pedantic": True}
        )
        code = 0
    except ApiError as refusal:
        code = refusal.code

    assert (danger, error) == (found.danger, code)
    assert ("would be idle" in found.reason) == (change.get("filter_subjects") == ["nowhere.1"])


async def test_an_age_is_counted_from_the_servers_clock(connection: Connection) -> None:
    """
    Messages older than the new age are counted exactly, also around gaps, and the server deletes those and no others.
    """
    await scene(connection, BASE)
    for sequence in (3, 7, 8, 20):
        await connection.api(f"STREAM.MSG.DELETE.{NAME}", {"seq": sequence})
    payload = {"stream_name": NAME, "config": DURABLE, "action": "create"}
    await connection.api(f"CONSUMER.CREATE.{NAME}.reader", payload)
    # A gap in time, wide enough that the cut falls into it however slow the machine is.
    await asyncio.sleep(1.5)
    await fill(connection, 12)
    config = {**BASE, "max_age": 10**9, "duplicate_window": 10**8}
    changes = {change.field: change for change in (await planned(connection, stream(config))).changes}
    loss = changes["max_age"].loss

    assert loss is not None
    assert (loss.messages, loss.of, loss.exact, loss.unacknowledged) == (26, 38, True, {"reader": 9})


async def test_many_messages_are_not_walked(connection: Connection) -> None:
    """
    Of more messages than questions, a plan says `about`, is near, and asks little more than a thousand questions.
    """
    await connection.api(f"STREAM.CREATE.{NAME}", {**BASE, "max_bytes": 2**26})
    for number in range(5000):
        await connection.client.publish(f"table.{number % 3}", b"x" * (100 + number % 50))
    await connection.client.flush()

    async def stored() -> bool:
        return await messages(connection) == 5000

    await eventually(stored)
    state = (await connection.api(f"STREAM.INFO.{NAME}"))["state"]
    (change,) = (await planned(connection, stream({**BASE, "max_bytes": state["bytes"] // 2}))).changes
    await connection.api(f"STREAM.UPDATE.{NAME}", {**BASE, "max_bytes": state["bytes"] // 2})
    gone = 5000 - await eventually_settled(connection)

    assert change.loss is not None
    assert (change.loss.exact, change.reason.startswith("would delete about ")) == (False, True)
    assert abs(change.loss.messages - gone) < 250


SIZES = st.lists(st.integers(min_value=0, max_value=400), min_size=1, max_size=40)
LIMITS = st.fixed_dictionaries(
    {
        "discard": st.sampled_from(["old", "new"]),
        "max_msgs": st.integers(min_value=1, max_value=45) | st.just(-1),
        "max_bytes": st.integers(min_value=500, max_value=9000),
        "max_msgs_per_subject": st.integers(min_value=1, max_value=20) | st.just(-1),
    }
)


@given(sizes=SIZES, gaps=st.sets(st.integers(min_value=1, max_value=40), max_size=5), limits=LIMITS)
@settings(max_examples=25)
def test_whatever_is_predicted_happens(
    nats_server: Nats, sizes: list[int], gaps: set[int], limits: dict[str, Any]
) -> None:
    """
    For all contents and limits: a single limit deletes what the plan predicts; several together, no more than the sum.
    """
    predicted, gone = asyncio.run(_predict_and_do(nats_server.url, sizes, gaps, limits))
    losses = [change.loss.messages for change in predicted if change.loss]

    assert sum(losses) == gone if len(losses) < 2 else max(losses) <= gone <= sum(losses)


async def _predict_and_do(
    url: str, sizes: list[int], gaps: set[int], limits: dict[str, Any]
) -> tuple[list[Change], int]:
    from athlete_ally.adapters.logs import build_log  # noqa: PLC0415  # not a fixture: Hypothesis runs it often

    connection = Connection(url, name="property", log=build_log("property", level="error", form="json"))
    await connection.open()
    try:
        await _drop(connection)
        await connection.api(f"STREAM.CREATE.{NAME}", BASE)
        for number, size in enumerate(sizes):
            headers = {"a": "b"} if number % 2 else None
            await connection.client.request(f"table.{number % 3}", b"x" * size, headers=headers)
        for sequence in gaps & set(range(1, len(sizes) + 1)):
            await connection.api(f"STREAM.MSG.DELETE.{NAME}", {"seq": sequence})
        before = await messages(connection)
        plan = await planned(connection, stream({**BASE, **limits}))
        await connection.api(f"STREAM.UPDATE.{NAME}", {**BASE, **limits})
        return plan.changes, before - await eventually_settled(connection)
    finally:
        await _drop(connection)
        await connection.close()
