"""Traces, as a collector gets them from real services: one for the whole way of a reading, nothing private in it."""

import json
from typing import Any

import httpx
from support.otlp import Collector
from support.services import Service, Site
from support.wait import eventually
from support.webhooks import SAMPLES

from athlete_ally.adapters.postgres.webhook_store import PostgresWebhookStore
from athlete_ally.adapters.servers.ports import free_port
from athlete_ally.core.broker.topology import CORE_HOT
from athlete_ally.core.vendor.webhook_store import Account

SENDER = "b7ad6b7169203331"
TRACE = "0af7651916cd43dd8448eb211c80319c"
CONTEXT = {"traceparent": f"00-{TRACE}-{SENDER}-01"}
SECRET = "garmin-address-secret"  # noqa: S105  # of nobody
READING: dict[str, Any] = {
    "userId": "ada-lovelace",
    "date": "2026-11-23",
    "rmssd": 61.5,
    "capturedAt": "2026-11-23T06:00:00+00:00",
    "source": "test-watch",
}
PRIVATE = ("ada-lovelace", "61.5", SECRET, "g-1", "test-watch")
# Whatever is added here is looked at by everybody who may see traces.
ALLOWED = {
    *("messaging.system", "messaging.operation.name", "messaging.operation.type", "messaging.destination.name"),
    *("messaging.consumer.group.name", "http.request.method", "http.route", "http.response.status_code"),
    *("db.system.name", "db.collection.name", "error.type", "athlete_ally.stream", "athlete_ally.stream.sequence"),
    *("athlete_ally.attempt", "athlete_ally.duplicate", "athlete_ally.verdict", "athlete_ally.readings"),
    *("athlete_ally.stored", "athlete_ally.superseded", "athlete_ally.dead_lettered"),
}


async def both(site: Site, environment: dict[str, str]) -> tuple[Service, Service]:
    """Return ingest and normalize, ready."""
    settings: dict[str, Any] = {**environment, "AA_GARMIN_WEBHOOK_SECRETS": SECRET}
    started = [site.service(name, **settings).start() for name in ("ingest", "normalize")]
    return await started[0].ready(), await started[1].ready()


async def send(ingest: Service, path: str, document: Any, headers: dict[str, str]) -> None:
    """Send a document; it has to be taken."""
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        answer = await client.post(ingest.url + path, json=document, headers=headers)
    assert answer.is_success, answer.text


def check_nothing_private(collector: Collector) -> None:
    """Every attribute that was exported is one of the list, and holds nothing of the person or of a secret."""
    assert {name for span in collector.spans for name in span.attributes} <= ALLOWED
    everything = str(collector.spans) + str(collector.resources)
    assert [each for each in PRIVATE if each in everything] == []


async def test_a_reading_is_one_trace_from_the_request_to_the_row(site: Site, collector: Collector) -> None:
    """
    The sender's trace goes on through ingest, the stream and normalize to the row and its announcement; each span has
    the right parent, a delivery is linked to its publish, and both name the message in the stream.
    """
    ingest, _ = await both(site, collector.environment)
    await send(ingest, "/api/v1/ingest/hrv", READING, CONTEXT)
    tree = await collector.whole_tree(TRACE, 5)

    assert tree == [
        "ingest serves POST /api/v1/ingest/{kind}",
        "  ingest sends publish athlete-ally.hrv.raw-received",
        "    normalize takes process athlete-ally.hrv.raw-received",
        "      normalize asks store hrv_data",
        "      normalize sends publish athlete-ally.hrv.normalized-stored",
    ]
    request, publish, process, *_ = collector.trace(TRACE)
    assert (SENDER, (publish.span_id,)) == (request.parent_id, process.links)
    assert (
        request.attributes["http.response.status_code"],
        request.attributes["http.route"],
    ) == (202, "/api/v1/ingest/{kind}")
    places = [
        (each.attributes["athlete_ally.stream"], each.attributes["athlete_ally.stream.sequence"])
        for each in (publish, process)
    ]
    row = await site.pool.fetchrow("SELECT stream, sequence, trace_id FROM receipt")
    assert [(CORE_HOT, row["sequence"])] * 2 == places
    assert row["trace_id"] == TRACE
    assert (process.attributes["messaging.consumer.group.name"], process.attributes["athlete_ally.verdict"]) == (
        "normalize-hrv-durable",
        "ack",
    )
    check_nothing_private(collector)


async def test_a_webhook_is_one_trace_through_both_streams(site: Site, collector: Collector) -> None:
    """
    Request, webhook, unpacking, reading, row: one trace that began at ingest; the secret address is not in it.
    """
    await PostgresWebhookStore(site.pool).link([Account("garmin", "g-1", "ada-lovelace")])
    ingest, _ = await both(site, collector.environment)
    samples = json.loads((SAMPLES / "garmin.json").read_text(encoding="utf-8"))
    night = next(each["payload"] for each in samples if "the overnight average" in each["says"])
    await send(ingest, f"/webhooks/garmin/{SECRET}", night, {})

    async def stored() -> str | None:
        return await site.pool.fetchval("SELECT trace_id FROM receipt")

    trace_id = await eventually(stored)
    assert trace_id is not None

    assert await collector.whole_tree(trace_id, 7) == [
        "ingest serves POST /webhooks/{vendor}/{secret}",
        "  ingest sends publish vendor.garmin.webhook.received",
        "    normalize takes process vendor.garmin.webhook.received",
        "      normalize sends publish athlete-ally.hrv.raw-received",
        "        normalize takes process athlete-ally.hrv.raw-received",
        "          normalize asks store hrv_data",
        "          normalize sends publish athlete-ally.hrv.normalized-stored",
    ]
    check_nothing_private(collector)


async def test_a_dead_letter_leads_to_its_trace(site: Site, collector: Collector) -> None:
    """
    A reading that can't be: its processing failed, and the letter names the very span in which it was written.
    """
    ingest, _ = await both(site, collector.environment)
    await send(ingest, "/api/v1/ingest/hrv", {**READING, "rmssd": 6150}, CONTEXT)
    tree = await collector.whole_tree(TRACE, 5)
    (letter,) = await site.letters()
    (written,) = (span for span in collector.trace(TRACE) if "dlq" in span.name)

    assert tree == [
        "ingest serves POST /api/v1/ingest/{kind}",
        "  ingest sends publish athlete-ally.hrv.raw-received",
        "    normalize takes process athlete-ally.hrv.raw-received and fails",
        "      normalize asks store hrv_data",
        "      normalize sends publish dlq.normalize.hrv.raw-received.non-retryable",
    ]
    assert f"00-{TRACE}-{written.span_id}-01" == letter.headers["traceparent"]
    check_nothing_private(collector)


async def test_readings_don_t_wait_for_a_collector(site: Site, collector: Collector) -> None:
    """
    One collector takes exports and never answers, the other is not there: readings are answered and stored as ever, the
    services say so once, in JSON, and stop when they are told to.
    """
    collector.answers.clear()
    gone: dict[str, Any] = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}",
        "OTEL_BSP_SCHEDULE_DELAY": "50",
    }
    stuck: dict[str, Any] = collector.environment
    ingest = await site.service("ingest", **gone).start().ready()
    normalize = await site.service("normalize", **stuck).start().ready()
    for number in range(20):
        await send(ingest, "/api/v1/ingest/hrv", {**READING, "userId": f"person-{number}"}, {})
    await site.balance(20, normalize)
    for service in (ingest, normalize):
        service.terminate()

    assert ([await each.exit_code() for each in (ingest, normalize)], len(await site.stored())) == ([0, 0], 20)
    lines = [json.loads(line) for line in ingest.log.splitlines()]
    assert len([line for line in lines if line["event"] == "traces-trouble"]) == 1, ingest.log
