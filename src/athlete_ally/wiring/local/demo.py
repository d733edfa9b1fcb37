"""The demo: the whole system in a temporary directory, fed with real heartbeats, and its reconciliation."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

from athlete_ally.adapters.logs import build_log
from athlete_ally.adapters.nats.admin import NatsAdmin
from athlete_ally.adapters.nats.dead_letters import NatsLetters
from athlete_ally.adapters.postgres.receipts import PostgresReceipts
from athlete_ally.adapters.servers.ports import free_port
from athlete_ally.config.settings import Settings
from athlete_ally.core.broker import topology
from athlete_ally.core.errors import Unavailable
from athlete_ally.core.messages import headers
from athlete_ally.demo.reconciliation import Heard, Reconciliation
from athlete_ally.demo.recordings import Recording, load
from athlete_ally.demo.report import Heart
from athlete_ally.demo.scenario import Post, person_of, tell
from athlete_ally.measurements import KINDS, MEASUREMENTS
from athlete_ally.wiring.builders import now
from athlete_ally.wiring.local.demo_vendors import DURABLES, simulated_vendors, vendor_reconciliation, vendor_settings
from athlete_ally.wiring.local.simulate import Played
from athlete_ally.wiring.local.stack import Stack, start_stack

# As many as a browser opens to one server; enough for messages to overtake each other.
_AT_ONCE = 8
_SETTLE_TIMEOUT_S = 60.0
_LOOK_AGAIN_S = 0.05
_REQUEST_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class DemoResult:
    """The result of the demo."""

    reconciliation: Reconciliation
    hearts: Sequence[Heart]
    letters: Sequence[dict[str, str]]


@asynccontextmanager
async def demo_stack(settings: Settings, *, with_api: bool) -> AsyncGenerator[Stack]:
    """Run everything in a temporary directory on free ports; nothing is left when this ends or is killed."""
    ports = {name: free_port() for name in ("ingest_port", "normalize_port", "fetch_port", "api_port")}
    connect_url = f"http://127.0.0.1:{ports['fetch_port']}"
    settings = settings.model_copy(update={**ports, "connect_url": connect_url})
    log = build_log("demo", level="error", form="auto")
    stack = await start_stack(
        settings, None, log, services_log_to_files=True, extra=("api",) if with_api else (), vendors=vendor_settings()
    )
    try:
        yield stack
    finally:
        await stack.close()


async def run_demo(stack: Stack, started_s: float, tell_progress: Callable[[str], None]) -> DemoResult:
    """Send everything, wait until all is processed, and reconcile.

    Raises:
        Unavailable: accepted data is not processed in time.
    """
    recordings = load()
    scenario = tell(recordings, now())
    heard = Heard()
    accepted_at: dict[str, datetime] = {}
    limits = httpx.Limits(max_connections=_AT_ONCE)
    async with httpx.AsyncClient(
        base_url=stack.ingest_url, limits=limits, timeout=_REQUEST_TIMEOUT_S, trust_env=False
    ) as client:
        tell_progress(f"sending {scenario.readings} readings of {len(recordings)} recordings")
        for posts in (scenario.first, scenario.repeats):
            await asyncio.gather(*(_send(client, post, heard, accepted_at) for post in posts))
    async with simulated_vendors(stack, tell_progress) as played:
        tell_progress("waiting until everything is processed")
        await _until_settled(stack)
    letters = [_row(letter.sequence, letter.headers) async for letter in NatsLetters(stack.connection).all()]
    return DemoResult(
        reconciliation=await _reconciliation(stack, heard, played, accepted_at, letters, started_s),
        hearts=[heart for recording in recordings if (heart := await _heart(stack, recording)) is not None],
        letters=letters,
    )


async def _send(client: httpx.AsyncClient, post: Post, heard: Heard, accepted_at: dict[str, datetime]) -> None:
    response = await client.post(f"/api/v1/ingest/{post.kind}", content=post.body, headers=post.headers)
    answer: dict[str, Any] = response.json()
    duplicate = bool(answer.get("duplicate"))
    heard.hear(response.status_code, post.readings, duplicate=duplicate)
    if response.is_success and not duplicate:
        for message_id in answer.get("parts", [answer["id"]]):
            accepted_at[message_id] = now()


async def _until_settled(stack: Stack) -> None:
    deadline_s = time.monotonic() + _SETTLE_TIMEOUT_S
    while await _pending(stack):
        if time.monotonic() > deadline_s:
            raise Unavailable(f"not processed after {_SETTLE_TIMEOUT_S:g} s; the logs are in {stack.folder}")
        await asyncio.sleep(_LOOK_AGAIN_S)


async def _pending(stack: Stack) -> int:
    """Return the number of pending and unacknowledged messages, counted in pipeline order so that none is missed."""
    admin = NatsAdmin(stack.connection)
    places = [(topology.VENDOR_HOT, name) for name in DURABLES]
    places += [(topology.CORE_HOT, topology.normalize_durable(kind)) for kind in KINDS]
    return sum([await _left(admin, stream, name) for stream, name in places])


async def _left(admin: NatsAdmin, stream: str, name: str) -> int:
    durable = await admin.durable(stream, name)
    if durable is None:
        return 0
    # A durable may count a message only moments after the stream has acknowledged it, so the stream is asked as well.
    after = durable.delivered + 1
    unseen = [await admin.stored_at(stream, after, subject) is not None for subject in durable.filters]
    return max(durable.pending, sum(unseen)) + durable.ack_pending


async def _reconciliation(
    stack: Stack,
    heard: Heard,
    played: Mapping[str, Played],
    accepted_at: dict[str, datetime],
    letters: Sequence[dict[str, str]],
    started_s: float,
) -> Reconciliation:
    totals = await PostgresReceipts(stack.pool).totals()
    rows = await stack.pool.fetch("SELECT message_id, settled_at FROM receipt")
    # A row may be stored before its 202 reached the client: then there was no wait.
    latencies_ms = [
        max(0.0, (row["settled_at"] - accepted_at[row["message_id"]]).total_seconds() * 1000)
        for row in rows
        if row["message_id"] in accepted_at
    ]
    by_reason: dict[str, int] = {}
    for letter in letters:
        by_reason[letter["reason"]] = by_reason.get(letter["reason"], 0) + int(letter["readings"])
    return Reconciliation(
        heard=heard,
        vendors=await vendor_reconciliation(stack, played),
        stored=sum(total["stored"] for total in totals.values()),
        superseded=sum(total["superseded"] for total in totals.values()),
        repeated=sum(total["duplicate"] for total in totals.values()),
        dead_lettered=sum(total["dead_lettered"] for total in totals.values()),
        pending=await _pending(stack),
        dead_letters_by_reason=by_reason,
        records={each.kind: await stack.pool.fetchval(f"SELECT count(*) FROM {each.table}") for each in MEASUREMENTS},  # noqa: S608  # our own tables
        latencies_ms=latencies_ms,
        servers=await stack.versions(),
        seconds=time.monotonic() - started_s,
    )


async def _heart(stack: Stack, recording: Recording) -> Heart | None:
    """Return the results of a recording; None when all of it was refused."""
    rows = await stack.pool.fetch(
        "SELECT * FROM hrv_data WHERE user_id = $1 ORDER BY context, starts_at", person_of(recording)
    )
    whole = next((row for row in rows if row["context"] == "morning"), None)
    minutes = [row["rmssd_ms"] for row in rows if row["context"] == "spot"]
    if not rows:
        return None
    return Heart(
        name=recording.file.removesuffix(".txt"),
        day=rows[0]["day"],
        rmssd_ms=whole and whole["rmssd_ms"],
        ln_rmssd=whole and whole["ln_rmssd"],
        sdnn_ms=whole and whole["sdnn_ms"],
        beats=recording.beats,
        artefacts=whole and whole["artefact_count"],
        minutes_rmssd_ms=minutes,
    )


def _row(sequence: int, letter: Mapping[str, str]) -> dict[str, str]:
    return {
        "seq": str(sequence),
        "kind": letter[headers.ORIGINAL_SUBJECT].split(".")[1],
        "reason": letter[headers.DLQ_REASON],
        "error": letter[headers.DLQ_ERROR],
        "readings": letter[headers.READINGS],
    }
