"""Rules and dashboard on a live system: services under load, scraped by a real Prometheus."""

import asyncio
import time
from collections.abc import Callable, Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from generator.clock import Clock
from generator.dashboard import panel_ids
from generator.files import environments
from generator.rules import rules_document
from support.dashboard import annotations, queries
from support.prometheus import Prometheus
from support.samples import hrv_reading
from support.servers import Nats
from support.services import Service, Site
from support.wait import eventually

from athlete_ally.adapters.encryption.tokens import new_token_key
from athlete_ally.core.broker.topology import CORE_HOT, normalize_durable

ROOT = Path(__file__).parents[2]
TRACE = "0af7651916cd43dd8448eb211c80319c"
SLEEP = {"userId": "s", "date": "2026-11-20", "durationMinutes": 400, "capturedAt": "2026-11-20T07:00:00+01:00"}


@pytest.fixture
def prometheus_of(
    require_tool: Callable[[str], str], tmp_path: Path
) -> Generator[Callable[[dict[str, str]], Prometheus]]:
    """Give a Prometheus with production's rules for these jobs; it ends with the test."""
    started: list[Prometheus] = []

    def build(jobs: dict[str, str]) -> Prometheus:
        limits = environments(ROOT)["production"].thresholds
        rules = rules_document(limits, panel_ids(limits), clock=Clock())
        started.append(Prometheus(require_tool("prometheus"), tmp_path, jobs, rules))
        return started[-1]

    yield build
    for each in started:
        each.close()


async def test_every_query_of_the_dashboard_finds_something(
    site: Site, nats_server: Nats, prometheus_of: Callable[[dict[str, str]], Prometheus], tmp_path: Path
) -> None:
    """
    With services under load each panel's queries return series with numbers, and the labels that the legends name;
    deploys are annotated, and examples lead to a trace.
    """
    ingest = site.service(
        "ingest", AA_MESSAGE_JOURNAL="required", AA_MESSAGE_JOURNAL_DIR=str(tmp_path / "journal")
    ).start()
    normalize = site.service("normalize", AA_NATS_MONITOR_URL=nats_server.monitor_url).start()
    fetch = site.service("fetch", AA_TOKEN_KEY=new_token_key()).start()
    prometheus = prometheus_of({"ingest": ingest.url, "normalize": normalize.url, "fetch": fetch.url})
    prometheus.start()
    await asyncio.gather(ingest.ready(), normalize.ready(), fetch.ready(), prometheus.ready())
    await pause(site, normalize_durable("sleep"))
    started = time.time()
    stop = asyncio.Event()
    load = asyncio.create_task(send(ingest, stop))
    wanted = list(queries("10s"))
    missing = wanted

    async def all_are_there() -> bool:
        nonlocal missing
        found = [await prometheus.query(query.expr) for query in missing]
        missing = [
            query
            for query, series in zip(missing, found, strict=True)
            if not any(query.legend_labels <= each["metric"].keys() and each["value"][1] != "NaN" for each in series)
        ]
        return not missing

    try:
        await eventually(all_are_there, within_s=60)
    except AssertionError:
        pytest.fail("\n".join(f"{query.panel}: {query.expr}" for query in missing))
    finally:
        stop.set()
        await load
    deploys = await prometheus.query(annotations()[1])
    examples = await prometheus.exemplars("normalize_hrv_latency_seconds_bucket", started, time.time())

    assert {"ingest", "normalize", "fetch"} == {each["metric"]["service"] for each in deploys}
    assert {TRACE} == {each["labels"]["trace_id"] for series in examples for each in series["exemplars"]}
    assert [each["value"][1] for each in await prometheus.query("aa:nats_sync_always:bool")] == ["1"]


async def send(ingest: Service, stop: asyncio.Event) -> None:
    """Send what a day brings, many times over: good readings, duplicates, nonsense, impossible values."""
    headers = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
    async with httpx.AsyncClient(base_url=ingest.url, trust_env=False, timeout=10, headers=headers) as client:
        number = 0
        while not stop.is_set():
            number += 1
            good, impossible = hrv_reading(f"u{number}"), hrv_reading(f"v{number}", 900)
            for reading in (good, hrv_reading("again"), impossible, {**good, "rmssd": "much"}):
                await client.post("/api/v1/ingest/hrv", json=reading)
            await client.post("/api/v1/ingest/sleep", json=[{**SLEEP, "userId": f"s{number}"}])
            await asyncio.sleep(0.1)


async def pause(site: Site, durable: str) -> None:
    """Let something wait, so that there is lag and a time to data loss."""
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    await site.connection.api(f"CONSUMER.PAUSE.{CORE_HOT}.{durable}", {"pause_until": until})
