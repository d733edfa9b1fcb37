"""What `dlq test` and `diff` say of letters of webhooks, documents and fetches, with real accounts and permissions."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.letters import Bench
from support.servers import Nats
from support.webhooks import SAMPLES

from athlete_ally.adapters.encryption.tokens import TokenCipher, new_token_key
from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.adapters.postgres.store import PostgresStore
from athlete_ally.adapters.postgres.token_store import PostgresTokenStore
from athlete_ally.adapters.postgres.webhook_store import PostgresWebhookStore
from athlete_ally.core.broker.topology import VENDOR_HOT, fetch_durable, normalize_durable, unpack_durable
from athlete_ally.core.messages import headers
from athlete_ally.core.messages.message import Delivery
from athlete_ally.core.readings.measurement import Rules
from athlete_ally.core.vendor.grant import Granted, Tokens
from athlete_ally.core.vendor.webhook import Webhook
from athlete_ally.core.vendor.webhook_store import Account
from athlete_ally.measurements import MEASUREMENTS
from athlete_ally.normalize.prepare import prepare
from athlete_ally.normalize.unpack import sort_out
from athlete_ally.vendors.garmin import GARMIN

NOWHERE = {"NATS_URL": "nats://127.0.0.1:1", "DATABASE_URL": "postgresql://127.0.0.1:1/none"}
UNPACK, FETCH = unpack_durable("garmin"), fetch_durable("whoop")
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
NIGHT, NAMED = "the overnight average", "a recovery is named"
WHOOP_ACCOUNT = "10129"


@pytest.fixture
async def bench(connection: Connection, pool: Any, nats_server: Nats, database_url: str) -> Bench:
    """Give the test a bench of its own."""
    return Bench(connection, pool, {"NATS_URL": nats_server.url, "DATABASE_URL": database_url, "NO_COLOR": "1"})


def payload(vendor: str, words: str) -> Any:
    """Return the payload of the sample whose sentence holds these words."""
    samples = json.loads((SAMPLES / f"{vendor}.json").read_text(encoding="utf-8"))
    return next(sample["payload"] for sample in samples if words in sample["says"])


def garmin(*averages: float) -> bytes:
    """Return a webhook with a night for each of these averages, in ms."""
    (night,) = payload("garmin", NIGHT)["hrv"]
    nights = [
        {**night, "lastNightAvg": average, "startTimeInSeconds": night["startTimeInSeconds"] - day * 86_400}
        for day, average in enumerate(averages)
    ]
    return json.dumps({"hrv": nights, "epochs": [{"userId": "g-1", "steps": 1}]}).encode()


async def link(bench: Bench) -> None:
    """Say whose the account of these webhooks is."""
    await PostgresWebhookStore(bench.pool).link([Account("garmin", "g-1", "anna")])


async def connect(bench: Bench, account: str = WHOOP_ACCOUNT) -> PostgresTokenStore:
    """Let a person connect her account at WHOOP."""
    token_store = PostgresTokenStore(bench.pool, TokenCipher(new_token_key()))
    await token_store.keep(Granted("whoop", account, "ada", Tokens("a", "r", datetime(2030, 1, 1, tzinfo=UTC))))
    return token_store


async def predicted(bench: Bench, *more: str, **environment: str) -> tuple[int, dict[str, int], list[str]]:
    """Return exit code, readings by outcome (those that there are), and what would fail or can't be told."""
    ran = await bench.run("test", *(more or ("--all",)), "--json", **environment)
    found = ran.document
    errors = [each["error"] for each in found["failures"]] + [each["why"] for each in found["unknowns"]]
    return ran.code, {name: count for name, count in found["readings"].items() if count}, errors


async def test_an_account_that_was_linked_meanwhile_would_map(bench: Bench) -> None:
    """
    Before, the letter fails for the reason it states, and `diff` says what helps; after, its readings would be stored,
    and what is of no use is said to be ignored. Nothing is written.
    """
    await bench.write_webhook(UNPACK, "garmin", garmin(44, 45), "unknown-account")
    before, why = await predicted(bench), await bench.run("diff", "1")
    await link(bench)
    after, passes = await predicted(bench), await bench.run("diff", "1")

    assert before == (2, {"ignored": 1, "failing": 2}, ["no person is linked to this account"])
    assert (why.code, "item 0" in why.out, "accounts add" in why.out) == (2, True, True)
    assert after == (0, {"stored": 2, "ignored": 1}, [])
    assert (passes.code, "accepts 1 item" in passes.out) == (0, True)
    assert await bench.pool.fetchval("SELECT count(*) FROM hrv_data") + len(await bench.journal()) == 0


async def test_what_normalising_refuses_is_told_beside_what_it_takes(bench: Bench) -> None:
    """
    One night of three is impossible: the others would be stored, and it would become a letter of its own.
    """
    await link(bench)
    await bench.write_webhook(UNPACK, "garmin", garmin(44, 900, 45), "unknown-account")
    code, readings, (error,) = await predicted(bench)

    assert (code, readings) == (2, {"stored": 2, "ignored": 1, "failing": 1})
    assert (error.startswith("hrv: rmssd"), error.endswith("(in a letter of its own)")) == (True, True)


async def test_readings_that_were_dealt_with_are_told_from_new_ones(bench: Bench) -> None:
    """
    A recorded message of the same readings makes a replay a repetition, whatever its outcome was.
    """
    await link(bench)
    await bench.write_webhook(UNPACK, "garmin", garmin(44), "schema-invalid", ce_time=NOON.isoformat())
    fresh = await predicted(bench)
    kinds = {each.kind: each for each in MEASUREMENTS}
    webhook = Delivery(VENDOR_HOT, 1, "", UNPACK, garmin(44), {}, 1, NOON, None)
    opened = GARMIN.unpack(Webhook(webhook.body, {}, NOON))
    (message,) = sort_out(opened, {"g-1": "anna"}, kinds, webhook, NOON).messages
    stated = {headers.MSG_ID: message.message_id}
    first = Delivery(message.stream, 1, message.subject, normalize_durable("hrv"), message.body, stated, 1, NOON, None)
    await PostgresStore(bench.pool).store(kinds["hrv"], [prepare(kinds["hrv"], first, Rules())])

    assert (fresh, await predicted(bench)) == (
        (0, {"stored": 1, "ignored": 1}, []),
        (0, {"duplicate": 1, "ignored": 1}, []),
    )


@pytest.mark.parametrize(("body", "code"), [(garmin(44), 1), (garmin(900), 2), (b"{", 2), (b'{"epochs": []}', 0)])
async def test_an_export_is_tested_as_far_as_that_goes(bench: Bench, tmp_path: Path, body: bytes, code: int) -> None:
    """
    Without a database it is known what can't be unpacked or normalised, and not whose an account is: exit code 1, and
    the reason says so.
    """
    await bench.write_webhook(UNPACK, "garmin", body, "unknown-account")
    out = tmp_path / "letters.ndjson"
    await bench.run("export", "--out", str(out))
    found, _, errors = await predicted(bench, "--from", str(out), **NOWHERE)

    assert (found, any("without the database" in error for error in errors)) == (code, code == 1)


async def test_of_a_fetch_only_the_permission_is_known(bench: Bench, tmp_path: Path) -> None:
    """
    Nobody connected, or the permission ended: it would fail again. With a permission only the vendor knows, which is
    not asked: exit code 1, in words.
    """
    await bench.write_webhook(FETCH, "whoop", json.dumps(payload("whoop", NAMED)).encode(), "non-retryable")
    out = tmp_path / "letters.ndjson"
    await bench.run("export", "--out", str(out))
    offline = await predicted(bench, "--from", str(out), **NOWHERE)
    nobody = await predicted(bench)
    token_store = await connect(bench)
    connected, shown = await predicted(bench), await bench.run("diff", "1")
    text = await bench.run("test", "--all")
    await token_store.withdraw("whoop", WHOOP_ACCOUNT)
    ended = await predicted(bench)

    assert (offline[0], "without the database" in offline[2][0]) == (1, True)
    assert (nobody[0], "connect link" in nobody[2][0]) == (2, True)
    assert (connected[0], "without asking it" in connected[2][0]) == (1, True)
    assert (text.code, "unknown for 1 dead letter: " in text.out, shown.code) == (1, True, 1)
    assert (ended[0], "connect again" in ended[2][0]) == (2, True)


async def test_a_document_belongs_to_the_person_who_gave_the_permission(bench: Bench) -> None:
    """
    A fetched document of a grant that is there would be stored, of one that is not it would fail again.
    """
    await connect(bench, "4000")
    grant = await bench.pool.fetchval("SELECT id FROM vendor_grant")
    body = json.dumps(payload("whoop", "a recovery with its sleep")).encode()
    about = {headers.RESOURCE_TYPE: "recovery"}
    for number in (grant, grant + 1):
        stated = {**about, headers.GRANT: str(number)}
        await bench.write_webhook(unpack_durable("whoop"), "whoop", body, "unknown-account", **stated)
    first, second = await predicted(bench, "1"), await predicted(bench, "2")

    assert (first[0], first[1]["stored"] >= 2, first[2]) == (0, True, [])
    assert (second[0], "permission" in second[2][0]) == (2, True)
