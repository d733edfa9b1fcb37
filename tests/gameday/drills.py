"""The drills: a fault, the alert that it must raise, and the remedy of its runbook."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gameday.stage import Stage, kill
from support.samples import hrv_reading
from support.wait import eventually

from athlete_ally.adapters.nats.publisher import NatsPublisher
from athlete_ally.core.broker.topology import CORE_HOT, build_topology, normalize_durable, raw_subject
from athlete_ally.core.messages import headers
from athlete_ally.core.messages.message import OutgoingMessage
from athlete_ally.measurements import KINDS

DURABLE = normalize_durable("hrv")
IMPOSSIBLE_MS = 900.0
# One more than the circuit breaker allows.
A_BAD_DEPLOY = 51
# nats-server keeps a message id no longer than the message.
SHORT_AGE_S = 60
# Over the alert's limit of ten within half an hour.
FORGED = 15


@dataclass(frozen=True, slots=True)
class Drill:
    """One fault. All `alerts` must be received; `fix` applies the remedy of the runbook, which `remedy` names."""

    name: str
    fault: str
    alerts: tuple[str, ...]
    inject: Callable[[Stage], Awaitable[None]]
    fix: Callable[[Stage], Awaitable[None]]
    remedy: str


async def _kill_normalize(stage: Stage) -> None:
    stage.normalize.kill()


async def _start_normalize(stage: Stage) -> None:
    await stage.normalize.start().ready()


async def _kill_ingest(stage: Stage) -> None:
    stage.ingest.kill()


async def _start_ingest(stage: Stage) -> None:
    await stage.ingest.start().ready()


async def _change_by_hand(stage: Stage) -> None:
    await stage.change_stream(CORE_HOT, {"duplicate_window": SHORT_AGE_S * 10**9})


async def _apply(stage: Stage) -> None:
    done = await stage.command("streams", "apply", "--yes")
    assert done.code == 0, done.out + done.err


async def _poison(stage: Stage) -> None:
    assert await stage.send(1, IMPOSSIBLE_MS) == [202]


async def _resolve(stage: Stage) -> None:
    done = await stage.command("dlq", "resolve", "--all", "--reason", "game day", "--yes")
    assert done.code == 0, done.err


async def _bad_deploy(stage: Stage) -> None:
    publisher = NatsPublisher(stage.site.connection, timeout_s=5)
    for number in range(A_BAD_DEPLOY):
        body = json.dumps({"readings": [hrv_reading(f"deploy-{number}", IMPOSSIBLE_MS)]}).encode()
        stated = {headers.READINGS: "1", headers.SENDER: f"key:{number % 2}"}
        await publisher.publish(OutgoingMessage(CORE_HOT, raw_subject("hrv"), body, f"deploy-{number}", stated))


async def _restart_and_resolve(stage: Stage) -> None:
    stage.normalize.kill()
    await stage.normalize.start().ready()
    # The rest of the interrupted batch is dead-lettered now.
    await eventually(stage.site.is_settled, within_s=200)
    await _resolve(stage)


async def _fill(stage: Stage) -> None:
    await stage.send(20)
    await stage.change_stream(CORE_HOT, {"max_bytes": await stage.bytes_in(CORE_HOT) + 10})
    stage.keep_sending()


async def _make_room(stage: Stage) -> None:
    await _as_desired(stage)
    stage.stop_sending()


async def _as_desired(stage: Stage) -> None:
    await stage.change_stream(CORE_HOT, build_topology(KINDS, ()).stream(CORE_HOT).config())


async def _delete_durable(stage: Stage) -> None:
    await stage.durable("DELETE", DURABLE)


async def _create_durable(stage: Stage) -> None:
    await _apply(stage)
    stage.normalize.kill()
    await stage.normalize.start().ready()
    # Everything is delivered again, and what was dead-lettered before is dead-lettered again. The rest of a batch that
    # the circuit breaker interrupts is delivered after another ack_wait.
    await eventually(stage.site.is_settled, within_s=200)
    await stage.command("dlq", "resolve", "--all", "--reason", "game day", "--yes")


async def _pause(stage: Stage) -> None:
    await stage.durable("PAUSE", DURABLE, {"pause_until": (datetime.now(UTC) + timedelta(hours=1)).isoformat()})
    await stage.send(3)


async def _resume(stage: Stage) -> None:
    await stage.durable("PAUSE", DURABLE, {})


async def _stop_postgres(stage: Stage) -> None:
    kill(stage.postgres)
    await stage.send(3)


async def _start_postgres(stage: Stage) -> None:
    await asyncio.to_thread(stage.postgres.start)


async def _forge(stage: Stage) -> None:
    await stage.forge(FORGED)


async def _wait(_: Stage) -> None:
    """Wait: the vendor signs with the right secret again, and the failures leave the window."""


async def _near_the_cliff(stage: Stage) -> None:
    await _pause(stage)
    await stage.change_stream(CORE_HOT, dict.fromkeys(("max_age", "duplicate_window"), SHORT_AGE_S * 10**9))


async def _lengthen_and_resume(stage: Stage) -> None:
    await _as_desired(stage)
    await _resume(stage)


async def _stop_nats(stage: Stage) -> None:
    kill(stage.nats)
    stage.keep_sending()


async def _start_nats(stage: Stage) -> None:
    await asyncio.to_thread(stage.nats.start)
    await eventually(stage.ingest.is_ready, within_s=60)
    stage.stop_sending()


async def _lose_a_receipt(stage: Stage) -> None:
    await stage.send(3)
    await eventually(stage.site.is_settled)
    await stage.site.pool.execute("DELETE FROM receipt WHERE sequence = (SELECT max(sequence) FROM receipt)")


async def _deliver_again(stage: Stage) -> None:
    await stage.durable("RESET", DURABLE, {"seq": 1})


DRILLS = (
    Drill(
        "poison message",
        "one reading with an impossible value",
        ("AaDeadLettersWaiting",),
        _poison,
        _resolve,
        "`uv run athlete-ally dlq resolve --all --reason TEXT`",
    ),
    Drill(
        "kill normalize",
        "the process is killed",
        ("AaNormalizeDown",),
        _kill_normalize,
        _start_normalize,
        "start it again",
    ),
    Drill(
        "kill ingest",
        "the process is killed",
        ("AaIngestDown",),
        _kill_ingest,
        _start_ingest,
        "start it again",
    ),
    Drill(
        "change by hand",
        "the duplicate window of AA_CORE_HOT is halved",
        ("AaConfigurationDrift",),
        _change_by_hand,
        _apply,
        "`uv run athlete-ally streams apply`",
    ),
    Drill(
        "bad deploy",
        f"{A_BAD_DEPLOY} impossible readings of two senders",
        ("AaDeadLettersArriving", "AaFuseOpen"),
        _bad_deploy,
        _restart_and_resolve,
        "restart normalize, resolve the dead letters",
    ),
    Drill(
        "full stream",
        "AA_CORE_HOT has no space left",
        ("AaIngestRefusing", "AaStreamNearlyFull"),
        _fill,
        _make_room,
        "raise max_bytes to the desired state",
    ),
    Drill(
        "deleted durable",
        f"{DURABLE} is deleted",
        ("AaDurableMissing",),
        _delete_durable,
        _create_durable,
        "`uv run athlete-ally streams apply`, restart normalize",
    ),
    Drill(
        "paused consumer",
        f"{DURABLE} is paused while messages come",
        ("AaConsumerPaused", "AaConsumerLagAge", "AaConsumerStuck"),
        _pause,
        _resume,
        "resume it",
    ),
    Drill(
        "database down",
        "PostgreSQL is stopped at once",
        ("AaWorkerHolding",),
        _stop_postgres,
        _start_postgres,
        "start it again",
    ),
    Drill(
        "retention near",
        f"{DURABLE} is paused, and max_age of AA_CORE_HOT is {SHORT_AGE_S} s",
        ("AaRetentionCliff",),
        _near_the_cliff,
        _lengthen_and_resume,
        "lengthen max_age to the desired state, resume",
    ),
    Drill(
        "forged webhooks",
        f"{FORGED} webhooks with a wrong signature",
        ("AaWebhooksUnverified",),
        _forge,
        _wait,
        "the right secret (here: the forged webhooks stop)",
    ),
    Drill(
        "broker down",
        "nats-server is killed",
        ("AaIngestRefusing", "AaTelemetryMissing"),
        _stop_nats,
        _start_nats,
        "start it again",
    ),
    Drill(
        "lost receipt",
        "a receipt is deleted from the database",
        ("AaLedgerUnaccounted",),
        _lose_a_receipt,
        _deliver_again,
        "deliver again from the first message",
    ),
)
