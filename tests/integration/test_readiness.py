"""What /health/ready says of streams and durables: what is wrong, by name, with the command that fixes it."""

import time
from dataclasses import replace
from typing import Any

from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.adapters.nats.publisher import NatsPublisher
from athlete_ally.core.broker.topology import CORE_HOT, Topology, normalize_durable
from athlete_ally.core.watched_publisher import WatchedPublisher
from athlete_ally.wiring.services.readiness import stream_reasons, worker_reasons

HRV = normalize_durable("hrv")


async def test_a_worker_says_what_keeps_it_from_working(connection: Connection, pool: Any, topology: Topology) -> None:
    """
    Ready as created; then a durable with limited deliveries, one that is paused, one that is missing and one beyond the
    end of its stream are each named.
    """
    nothing_published = WatchedPublisher(NatsPublisher(connection, timeout_s=2), time.monotonic)
    ready = await worker_reasons(connection, pool, topology, (), nothing_published)
    limited = {**topology.durable(HRV).config(), "max_deliver": 5}
    payload = {"stream_name": CORE_HOT, "config": limited, "action": "update"}
    await connection.api(f"CONSUMER.CREATE.{CORE_HOT}.{HRV}", payload)
    until = {"pause_until": "2100-01-01T00:00:00Z"}
    await connection.api(f"CONSUMER.PAUSE.{CORE_HOT}.normalize-sleep-durable", until)
    await connection.api(f"CONSUMER.DELETE.{CORE_HOT}.normalize-spo2-durable")
    await connection.api(f"CONSUMER.RESET.{CORE_HOT}.normalize-body-durable", {"seq": 100_000})
    reasons = await worker_reasons(connection, pool, topology, (), nothing_published)

    assert (ready, len(reasons)) == ([], 4)
    assert [reason.split(":")[0] for reason in sorted(reasons)] == [
        "durable normalize-body-durable stands beyond the end of AA_CORE_HOT",
        f"durable {HRV}",
        "durable normalize-sleep-durable is paused",
        "durable normalize-spo2-durable is missing",
    ]
    assert all("`athlete-ally streams " in reason for reason in reasons)


async def test_ingest_says_what_its_streams_lack(connection: Connection, topology: Topology) -> None:
    """
    A stream that forgets, or takes in something else, is named; a limit that an operator chose is not.
    """
    only_hot = replace(topology, streams=(topology.stream(CORE_HOT),), durables=())
    live = topology.stream(CORE_HOT).config()
    await connection.api(f"STREAM.UPDATE.{CORE_HOT}", {**live, "max_age": 3600 * 10**9})
    chosen = await stream_reasons(connection, only_hot)
    await connection.api(f"STREAM.UPDATE.{CORE_HOT}", {**live, "discard": "old"})
    forgetful = await stream_reasons(connection, only_hot)

    assert (chosen, len(forgetful)) == ([], 1)
    assert forgetful[0].startswith(f"stream {CORE_HOT}: discard is 'old', wanted 'new'; `athlete-ally streams plan`")
