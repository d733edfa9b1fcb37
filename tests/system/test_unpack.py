"""From a vendor's delivery to rows, with real servers: killed in the middle, unknown people, things of no use."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.services import Service, Site
from support.wait import eventually
from support.webhooks import SAMPLES, standard_headers, terra_headers

from athlete_ally.adapters.nats.admin import NatsAdmin
from athlete_ally.adapters.nats.publisher import NatsPublisher
from athlete_ally.adapters.postgres.webhook_store import PostgresWebhookStore
from athlete_ally.core.broker.topology import VENDOR_HOT, normalize_durable, unpack_durable, webhook_letter_subject
from athlete_ally.core.messages import headers
from athlete_ally.core.messages.message import OutgoingMessage
from athlete_ally.core.vendor.webhook_store import Account

TERRA, GARMIN, CLINIC = "terra-signing-secret", "garmin-address-secret", "whsec_c3RhbmRhcmQtd2ViaG9va3Mta2V5LTE="
SETTINGS: dict[str, Any] = {
    "AA_TERRA_WEBHOOK_SECRETS": TERRA,
    "AA_GARMIN_WEBHOOK_SECRETS": GARMIN,
}
CONTEXT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
PEOPLE = [Account("garmin", "g-1", "anna"), Account("terra", "t-1", "bert")]


def payload(vendor: str, words: str) -> bytes:
    """Return the payload of the sample whose sentence holds these words."""
    samples = json.loads((SAMPLES / f"{vendor}.json").read_text(encoding="utf-8"))
    return json.dumps(next(sample["payload"] for sample in samples if words in sample["says"])).encode()


async def deliver(ingest: Service, path: str, body: bytes, signed: dict[str, str]) -> None:
    """Deliver a webhook; it has to be taken."""
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        answer = await client.post(f"{ingest.url}/webhooks/{path}", content=body, headers=signed)
    assert answer.status_code == 200, answer.text


async def unpacked(site: Site, vendor: str) -> dict[str, int]:
    """Return how many webhooks ended how, once none is pending."""

    async def none_pending() -> bool:
        live = await NatsAdmin(site.connection).durable(VENDOR_HOT, unpack_durable(vendor))
        return live is not None and (live.pending, live.ack_pending) == (0, 0)

    await eventually(none_pending, within_s=30)
    rows = await site.pool.fetch(
        "SELECT result, count(*) FROM webhook_receipt WHERE vendor = $1 GROUP BY result", vendor
    )
    return {row["result"]: row["count"] for row in rows}


async def test_deliveries_become_rows(site: Site) -> None:
    """
    Garmin's night and nap, and Terra's night twice: rows of the right people and units; rMSSD and SDNN apart;
    receipts of webhook and readings keep the trace of the request.
    """
    await PostgresWebhookStore(site.pool).link(PEOPLE)
    ingest = await site.service("ingest", **SETTINGS).start().ready()
    normalize = await site.service("normalize").start().ready()
    now = datetime.now(UTC)
    await deliver(ingest, f"garmin/{GARMIN}", payload("garmin", "a night over midnight"), {"traceparent": CONTEXT})
    night = payload("terra", "rMSSD and SDNN")
    for _ in range(2):
        await deliver(ingest, "terra", night, terra_headers(TERRA, night, now))
    assert (await unpacked(site, "garmin"), await unpacked(site, "terra")) == ({"unpacked": 1}, {"unpacked": 1})
    await site.balance(8, normalize)

    nights = await site.pool.fetch("SELECT user_id, context, asleep_min FROM sleep_data ORDER BY 1, 2")
    assert [tuple(row) for row in nights] == [
        ("anna", "nap", 20.0),
        ("anna", "overnight", 420.0),
        ("bert", "overnight", 420.0),
    ]
    (hrv,) = await site.pool.fetch("SELECT user_id, rmssd_ms, sdnn_ms, source FROM hrv_data")
    assert tuple(hrv) == ("bert", 47.5, 61.0, "oura")
    traced = "SELECT trace_id FROM {} WHERE trace_id IS NOT NULL"
    trace_ids = [await site.pool.fetchval(traced.format(table)) for table in ("webhook_receipt", "receipt")]
    assert [CONTEXT.split("-")[1]] * 2 == trace_ids


@pytest.mark.parametrize("step", ["before-announce", "after-announce", "before-ack"])
async def test_normalize_dies_while_it_unpacks(site: Site, step: str) -> None:
    """
    Killed before or after a reading is published, or before the settlement: every reading is stored once.
    """
    await PostgresWebhookStore(site.pool).link(PEOPLE)
    ingest = await site.service("ingest", **SETTINGS).start().ready()
    await site.retrying_with(unpack_durable("garmin"), 1, VENDOR_HOT)
    await site.retrying_with(normalize_durable("hrv"), 1)
    dying = await site.service("normalize", dies=step).start().ready()
    await deliver(ingest, f"garmin/{GARMIN}", payload("garmin", "the overnight average"), {})
    assert await dying.exit_code() != 0
    normalize = await site.service("normalize").start().ready()
    assert await unpacked(site, "garmin") == {"unpacked": 1}
    await site.balance(1, normalize)

    assert await site.stored() == {"anna": 44.0}


async def test_an_unknown_account_waits_as_a_dead_letter(site: Site) -> None:
    """
    Nobody is linked: a letter `unknown-account` with the webhook as received, without the account in its headers; once
    somebody is, the letter's webhook in the redrive lane becomes a row.
    """
    ingest = await site.service("ingest", **SETTINGS).start().ready()
    normalize = await site.service("normalize").start().ready()
    body = payload("garmin", "the overnight average")
    await deliver(ingest, f"garmin/{GARMIN}", body, {})
    assert await unpacked(site, "garmin") == {"unknown_account": 1}
    (letter,) = await site.letters()
    assert (webhook_letter_subject("garmin", "unknown-account"), body) == (letter.subject, letter.body)
    assert "g-1" not in str(letter.headers) + normalize.log
    labels = f'consumer="{unpack_durable("garmin")}",reason="unknown-account",subject="{letter.subject}"'
    assert f"dlq_messages_total{{{labels}}} 1.0" in await normalize.metrics()
    await PostgresWebhookStore(site.pool).link(PEOPLE)
    lane = f"vendor.redrive.{unpack_durable('garmin')}.1"
    again = OutgoingMessage(VENDOR_HOT, lane, letter.body, f"redrive-{letter.sequence}")
    await NatsPublisher(site.connection, timeout_s=5).publish(again)
    assert await unpacked(site, "garmin") == {"unknown_account": 1, "unpacked": 1}
    await site.balance(1, normalize)

    assert await site.stored() == {"anna": 44.0}


async def has_letters(site: Site, count: int) -> bool:
    """Tell whether AA_DLQ holds so many."""
    return len(await site.letters()) == count


async def test_a_letter_of_a_webhook_is_replayed(site: Site, tmp_path: Path) -> None:
    """
    A replay before the account is linked fails: the letter stays the only one, with its count raised. The import that
    links it replays it: it is stored, and the letter goes; both were predicted. The row leads back to the webhook as
    it first came. What waits for somebody else is left alone.
    """
    ingest = await site.service("ingest", **SETTINGS).start().ready()
    normalize = await site.service("normalize").start().ready()
    await deliver(ingest, f"garmin/{GARMIN}", payload("garmin", "the overnight average"), {})
    assert await unpacked(site, "garmin") == {"unknown_account": 1}
    too_early = await site.run("dlq", "replay", "--all", "--yes", "--json")
    assert too_early.document["plan"]["prediction"]["failing"] == 1
    (listed,) = (await site.run("dlq", "list", "--json")).document["letters"]
    assert (too_early.code, listed["replays"], listed["reason"]) == (2, 1, "unknown-account")

    strangers = payload("garmin", "the overnight average").replace(b'"g-1"', b'"g-9"')
    await deliver(ingest, f"garmin/{GARMIN}", strangers, {})
    await eventually(lambda: has_letters(site, 2))
    file = tmp_path / "accounts.csv"
    file.write_text("vendor,account,user_id\ngarmin,g-1,anna\n", encoding="utf-8")
    imported = await site.run("accounts", "import", str(file), "--replay", "--yes", "--json")
    assert imported.document["plan"]["prediction"]["readings"]["stored"] == 1
    await site.balance(1, normalize)
    assert (imported.code, imported.document["plan"]["letters"], await site.stored()) == (0, 1, {"anna": 44.0})
    (left,) = (await site.run("dlq", "list", "--reason", "unknown-account", "--json")).document["letters"]
    assert left["replays"] == 0
    again = await site.run("accounts", "import", str(file), "--replay")
    assert (again.code, again.out) == (0, "1 account linked; no dead letters of these accounts\n")
    message_id = await site.pool.fetchval("SELECT message_id FROM hrv_data")
    webhook = (await site.run("lineage", message_id, "--json")).document["way"][-1]
    assert (webhook["what"], webhook["stream"], webhook["sequence"]) == ("webhook", VENDOR_HOT, 1)


async def test_what_is_mixed_is_told_apart(site: Site) -> None:
    """
    A ping, a deregistration, an unreadable item and a good one in one delivery: the good one is stored, one letter, the
    person withdrawn, the resource counted; notifications of ids are acknowledged and counted as such.
    """
    store = PostgresWebhookStore(site.pool)
    await store.link([*PEOPLE, Account("garmin", "g-4", "carla")])
    ingest = await site.service("ingest", **SETTINGS, AA_STRAVA_WEBHOOK_SECRETS=GARMIN).start().ready()
    normalize = await site.service("normalize").start().ready()
    await deliver(ingest, f"garmin/{GARMIN}", payload("garmin", "a ping"), {})
    await deliver(ingest, f"strava/{GARMIN}", payload("strava", "an activity is named"), {})
    assert (await unpacked(site, "garmin"), await unpacked(site, "strava")) == ({"schema_invalid": 1}, {"named": 1})
    await site.balance(1, normalize)
    (letter,) = await site.letters()
    series = await normalize.metrics()

    assert (letter.headers[headers.DLQ_REASON], letter.headers[headers.READING_INDEXES]) == ("schema-invalid", "1")
    assert 'unpack_resources_total{vendor="garmin"} 1.0' in series
    assert await site.pool.fetchval("SELECT withdrawn_at IS NOT NULL FROM vendor_account WHERE account = 'g-4'")


async def test_a_sender_of_standard_webhooks_arrives_too(site: Site) -> None:
    """
    The sender that only the settings name: its reading is stored under the person who is linked to its id.
    """
    admin = NatsAdmin(site.connection)
    live = await admin.durable(VENDOR_HOT, unpack_durable("oura"))
    assert live is not None
    name = unpack_durable("clinic")
    filters = ["vendor.clinic.>", f"vendor.redrive.{name}.>"]
    config = {**live.config, "name": name, "durable_name": name, "filter_subjects": filters}
    await site.connection.api(
        f"CONSUMER.CREATE.{VENDOR_HOT}.{name}", {"stream_name": VENDOR_HOT, "config": config, "action": "create"}
    )
    await PostgresWebhookStore(site.pool).link([Account("clinic", "c-1", "dora")])
    settings: dict[str, Any] = {"AA_WEBHOOK_SENDERS": "clinic", "AA_CLINIC_WEBHOOK_SECRETS": CLINIC}
    ingest = await site.service("ingest", **settings).start().ready()
    normalize = await site.service("normalize", **settings).start().ready()
    reading = {"userId": "c-1", "date": "2026-11-24", "rmssd": 41, "capturedAt": "2026-11-24T06:41:00+01:00"}
    body = json.dumps({"type": "hrv", "data": reading}).encode()
    await deliver(ingest, "clinic", body, standard_headers(CLINIC, "msg-1", body, datetime.now(UTC)))
    assert await unpacked(site, "clinic") == {"unpacked": 1}
    await site.balance(1, normalize)

    assert await site.stored() == {"dora": 41.0}
