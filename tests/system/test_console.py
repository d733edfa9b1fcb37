"""The console in a real browser, on real servers: every page, for everybody, and while servers are away."""

import asyncio
import json
import os
import signal
import sys
from datetime import UTC, datetime, timedelta
from math import sin

import httpx
import pytest
from support.browser import Visitor
from support.freeze import signal_all
from support.here import Here
from support.samples import hrv_reading
from support.services import Client, Site
from support.wait import eventually
from support.webhooks import SAMPLES
from support.world import World

from athlete_ally.adapters.nats.admin import NatsAdmin
from athlete_ally.adapters.postgres.webhook_store import PostgresWebhookStore
from athlete_ally.console import poller
from athlete_ally.core.broker.topology import CORE_HOT, VENDOR_HOT, normalize_durable
from athlete_ally.core.messages import headers
from athlete_ally.core.vendor.webhook_store import Account

SECRET, TRACE = "garmin-address-secret", "0af7651916cd43dd8448eb211c80319c"


async def is_fit(visitor: Visitor) -> None:
    """The page has no serious finding of axe in light or dark, and a phone needs no scrolling to the side."""
    assert await visitor.serious_findings() == []
    assert await visitor.overflow_px() <= 0


async def test_every_page_works_and_is_fit_for_everybody(here: Here, visitor: Visitor) -> None:
    """
    A stored reading shows up in the flow by itself; streams, records, lineage and what was sent are shown as they are.
    """
    ingest, _, console = await here.start("ingest", "normalize", "console")
    page, now = visitor.page, datetime.now(UTC)
    days = [(now - timedelta(days=back)).date() for back in range(40)]
    readings = [
        hrv_reading(
            "ada",
            round(44 + 7 * sin(number / 5) + number * 37 % 13 - 6, 1),
            date=str(day),
            capturedAt=f"{day}T05:00:00+00:00",
            source="oura",
            context="overnight",
        )
        for number, day in enumerate(days)
    ]
    await visitor.go(console)
    await Client(lambda: ingest).send(readings, count=40)
    night = {"userId": "ada", "date": str(days[0]), "durationMinutes": 451, "source": "oura"}
    await Client(lambda: ingest).send({**night, "capturedAt": now.isoformat()}, kind="sleep")
    flagged = hrv_reading("ada", 250, date=str(days[0]), capturedAt=now.isoformat(), source="polar")
    await Client(lambda: ingest).send(flagged)
    await page.locator("#figure-database", has_text="42").wait_for()
    await page.get_by_text("Nothing needs attention").wait_for()
    await is_fit(visitor)
    await visitor.picture("phone", width=375)

    await page.get_by_role("link", name="Records").click()
    await page.get_by_label("Exact id of the person").fill("ad")
    await page.get_by_role("button", name="Look up").click()
    await page.get_by_text("There is no record of this person").wait_for()
    await is_fit(visitor)
    await page.get_by_label("Exact id of the person").fill("ada")
    await page.get_by_role("button", name="Look up").click()
    await page.get_by_text("normal band: mean").wait_for()
    await visitor.picture("records")
    assert await page.locator("circle.day:not(.outside) title").count() == 40
    assert "ada" not in page.url
    await page.get_by_text("Hours asleep, night by night").wait_for()
    assert await page.get_by_text("rmssd-implausible").count() == 1
    await is_fit(visitor)
    await page.get_by_role("button", name="Lineage").first.click()
    await page.get_by_text("AA_CORE_HOT, sequence ").wait_for()
    await is_fit(visitor)
    await visitor.go(f"{console}/letters/journal")
    assert await page.get_by_role("row").filter(has_text="reveal").count() == 2
    assert "ada" not in await page.locator("table").inner_text()

    for number in range(6):
        await Client(lambda: ingest).send(hrv_reading(f"u{number}", 900))
    await visitor.go(console)
    await page.get_by_text("6 dead letters in AA_DLQ").first.wait_for()
    await visitor.picture("flow")
    await visitor.picture("flow-dark", scheme="dark")


async def test_differences_are_shown_and_not_applied(site: Site, here: Here, visitor: Visitor) -> None:
    """
    Streams say how they differ, what a plan would do and how dangerous it is; the command line alone applies it.
    """
    (console,) = await here.start("console")
    page = visitor.page
    await visitor.go(f"{console}/streams")
    await page.get_by_text("As desired").wait_for()
    await is_fit(visitor)

    live = await NatsAdmin(site.connection).stream(CORE_HOT)
    assert live is not None
    await site.connection.api(f"STREAM.UPDATE.{CORE_HOT}", {**live.config, "max_age": 7 * 86_400 * 10**9})
    await site.connection.api(f"CONSUMER.DELETE.{CORE_HOT}.{normalize_durable('sleep')}")
    pause = {"pause_until": "2099-01-01T00:00:00Z"}
    await site.connection.api(f"CONSUMER.PAUSE.{CORE_HOT}.{normalize_durable('hrv')}", pause)
    await page.reload()
    differences = await page.get_by_role("region", name="Differences", exact=True).inner_text()
    assert [word in differences for word in ("max_age", "7d", "2d", normalize_durable("sleep"), "missing")] == [
        True
    ] * 5
    await page.get_by_text(f"athlete-ally streams consumers resume {normalize_durable('hrv')}").wait_for()
    assert await page.locator("main form").count() == 0
    await is_fit(visitor)
    await visitor.go(console)
    await page.get_by_text(f"durable {normalize_durable('sleep')} is missing").first.wait_for()
    await page.get_by_text(f"{normalize_durable('hrv')} is paused").first.wait_for()
    await is_fit(visitor)
    await visitor.picture("problems")


async def test_a_row_leads_back_to_its_webhook(site: Site, here: Here, visitor: Visitor) -> None:
    """
    From a row to its message, its webhook with the body masked, and its trace; both say so once they have aged out.
    """
    await PostgresWebhookStore(site.pool).link([Account("garmin", "g-1", "anna")])
    ingest, _, console = await here.start("ingest", "normalize", "console", AA_GARMIN_WEBHOOK_SECRETS=SECRET)
    now = datetime.now(UTC)
    day = now.date()
    samples = json.loads((SAMPLES / "garmin.json").read_text(encoding="utf-8"))
    sample = next(each["payload"] for each in samples if "the overnight average" in each["says"])
    night = {"calendarDate": str(day), "startTimeInSeconds": int((now - timedelta(hours=9)).timestamp())}
    sample["hrv"][0].update(night)
    async with httpx.AsyncClient(trust_env=False) as client:
        path = f"{ingest}/webhooks/garmin/{SECRET}"
        answer = await client.post(path, json=sample, headers={"traceparent": f"00-{TRACE}-b7ad6b7169203331-00"})
    assert answer.status_code == 200
    await eventually(site.stored)
    page = visitor.page

    async def open_lineage() -> None:
        await visitor.go(f"{console}/records")
        await page.get_by_label("Exact id of the person").fill("anna")
        await page.get_by_role("button", name="Look up").click()
        await page.get_by_role("button", name="Lineage").first.click()
        await page.get_by_text("AA_VENDOR_HOT, sequence 1").wait_for()

    await open_lineage()
    await page.get_by_text("On vendor.garmin.webhook.received").wait_for()
    await page.get_by_text(f"From garmin, received {day}").wait_for()
    assert await page.get_by_text(TRACE).count() >= 2
    await page.get_by_text("Body (values masked)").click()
    shown = await page.locator("pre").inner_text()
    assert ("lastNightAvg" in shown, "g-1" in shown, "<text," in shown) == (True, False, True)
    await is_fit(visitor)
    message_id = await site.pool.fetchval("SELECT message_id FROM hrv_data")
    said = await site.run("lineage", message_id, "--json")
    way = [(step["what"], step["stream"], step["sequence"]) for step in said.document["way"]]
    assert (said.code, said.document["trace_id"]) == (0, TRACE)
    sequence = await site.pool.fetchval("SELECT sequence FROM receipt WHERE stream = 'AA_CORE_HOT'")
    assert way == [("message", "AA_CORE_HOT", sequence), ("webhook", "AA_VENDOR_HOT", 1)]

    for stream, number in ((CORE_HOT, sequence), (VENDOR_HOT, 1)):
        await site.connection.api(f"STREAM.MSG.DELETE.{stream}", {"seq": number})
    await open_lineage()
    assert await page.get_by_text("No longer in the stream").count() == 2
    await page.get_by_text(f"From garmin, received {day}").wait_for()
    gone = await site.run("lineage", message_id)
    unknown = await site.run("lineage", "nobody")
    assert (gone.code, gone.out.count("no longer in the stream")) == (0, 2)
    assert (unknown.code, "no receipt of nobody" in unknown.err) == (2, True)


async def test_a_letter_of_a_webhook_is_predicted(site: Site, here: Here, visitor: Visitor) -> None:
    """
    Of a webhook of an account that nobody knows the letter says what helps, and once that is done, that it would pass.
    """
    ingest, _, console = await here.start("ingest", "normalize", "console", AA_GARMIN_WEBHOOK_SECRETS=SECRET)
    samples = json.loads((SAMPLES / "garmin.json").read_text(encoding="utf-8"))
    sample = next(each["payload"] for each in samples if "the overnight average" in each["says"])
    async with httpx.AsyncClient(trust_env=False) as client:
        await client.post(f"{ingest}/webhooks/garmin/{SECRET}", json=sample)
    await eventually(site.letters)
    page = visitor.page
    await visitor.go(f"{console}/letters/1")
    await page.get_by_text("athlete-ally accounts add").wait_for()
    await is_fit(visitor)
    await PostgresWebhookStore(site.pool).link([Account("garmin", "g-1", "anna")])
    await page.get_by_role("button", name="Test this dead letter").click()
    await page.get_by_text("1 of 1 dead letter would pass (100%)").wait_for()
    await page.get_by_role("button", name="Replay 1 dead letter").click()
    await page.get_by_text("Done: all passed").wait_for()
    assert (await eventually(site.stored), await site.letters()) == ({"anna": 44}, [])


async def test_readings_are_sent_and_watched(here: Here, visitor: Visitor) -> None:
    """
    A fine reading becomes a record, an impossible one a letter that says why, and a misspelt one is refused at once.
    """
    _, _, console = await here.start("ingest", "normalize", "console")
    page = visitor.page
    await visitor.go(f"{console}/nowhere")
    await is_fit(visitor)
    await page.get_by_role("link", name="Try it").click()
    await page.get_by_label("Body of POST").wait_for()
    await is_fit(visitor)
    for example, end in (("fine", "The record is stored"), ("misspelt", "did you mean"), ("impossible", "Letter 1")):
        await visitor.go(f"{console}/try?example={example}")
        await page.get_by_role("button", name="Send", exact=True).click()
        await page.get_by_text(end).wait_for()
    await is_fit(visitor)
    await visitor.picture("try-it")
    await page.get_by_role("link", name="Dead letter 1").click()
    await page.get_by_text("above 0 and at most 300 ms").first.wait_for()


HOSTILE = '<script>alert(1)</script><img src=x onerror="alert(2)">\'>{{7*7}} \u202egnp.exe ' + 300 * "long"


async def test_what_a_letter_says_is_text_and_nothing_else(site: Site, here: Here, visitor: Visitor) -> None:
    """
    Markup, endless words, hidden characters and a fingerprint with slashes are shown as they are, and break no page.
    """
    stated = {
        headers.DLQ_REASON: "non-retryable",
        headers.DLQ_ERROR: HOSTILE,
        headers.ORIGINAL_STREAM: CORE_HOT,
        headers.ORIGINAL_CONSUMER: normalize_durable("hrv"),
        headers.READINGS: "1",
    }
    bodies = {"<b>a/../b": b'{"readings": [{"<script>alert(3)</script>": "\\ud800"}]}', "": b"\xff" + 5000 * b"["}
    for fingerprint, body in bodies.items():
        said = {**stated, headers.DLQ_FINGERPRINT: fingerprint} if fingerprint else stated
        await site.connection.client.publish("dlq.normalize.hrv.raw-received.non-retryable", body, headers=said)
    (console,) = await here.start("console")
    page = visitor.page
    await visitor.go(f"{console}/letters")
    await page.get_by_text("2 dead letters with 2 readings in 2 groups").wait_for()
    await is_fit(visitor)
    await page.get_by_role("link", name="for example 2").click()
    await page.get_by_role("heading", name="Dead letter 2").wait_for()
    await is_fit(visitor)

    await visitor.go(f"{console}/letters")
    await page.get_by_role("link", name="<script>").first.click()
    assert HOSTILE.replace("\u202e", "\\u202e") == await visitor.heading()
    await is_fit(visitor)
    await page.get_by_role("link", name="Dead letter 1", exact=True).click()
    await page.get_by_role("button", name="Reveal values").click()
    await page.get_by_text("The journal records that you saw it").wait_for()
    assert "\\ud800" in await page.locator("pre").inner_text()
    await is_fit(visitor)
    await page.get_by_role("link", name="group <b>a/../b").click()
    await page.get_by_role("button", name="Test this group").click()
    await page.get_by_text("0 of 1 dead letter would pass").wait_for()


async def test_the_theme_is_chosen_with_the_keyboard_and_kept(here: Here, visitor: Visitor) -> None:
    """
    Without a mouse: the first Tab offers to skip the navigation, and the theme's switch is reached and kept.
    """
    (console,) = await here.start("console")
    await visitor.go(console)
    await visitor.page.keyboard.press("Tab")
    assert "Skip to the content" in await visitor.page.locator(":focus").inner_text()

    await visitor.tab_to("Theme: system")
    await visitor.page.keyboard.press("Enter")
    await visitor.page.keyboard.press("Enter")
    await visitor.page.reload()

    assert await visitor.page.evaluate("document.documentElement.dataset.theme") == "dark"


@pytest.mark.skipif(sys.platform != "linux", reason="a database freezes with all its processes, found in /proc")
async def test_servers_go_and_come_back(world: World, monkeypatch: pytest.MonkeyPatch, visitor: Visitor) -> None:
    """
    NATS is killed and PostgreSQL freezes: pages say so at once, a page that could not be shown comes by itself.
    """
    nats, postgres = world.nats, world.postgres
    monkeypatch.setattr(poller, "_ANSWER_WITHIN_S", 1.0)
    here = Here({"NATS_URL": nats.url, "DATABASE_URL": postgres.url}, monkeypatch)
    try:
        _, _, console = await here.start("ingest", "normalize", "console")
        page = visitor.page
        await visitor.go(console)
        await page.get_by_text("Nothing needs attention").wait_for()

        os.kill(nats.pid, signal.SIGKILL)
        await page.get_by_text("NATS: cannot connect to").first.wait_for()
        await visitor.go(f"{console}/letters")
        await page.get_by_text("cannot connect to NATS").wait_for()
        await is_fit(visitor)
        await asyncio.to_thread(nats.start)
        await page.get_by_text("No dead letters are waiting").wait_for()
        await is_fit(visitor)

        signal_all(postgres.pid, signal.SIGSTOP)
        await visitor.go(console)
        await page.get_by_text("PostgreSQL: no answer").first.wait_for()
        await visitor.go(f"{console}/streams")
        await page.get_by_text("As desired").wait_for()
        await visitor.go(f"{console}/letters")
        await page.get_by_text("Replays are unknown now").wait_for()
        await visitor.go(f"{console}/letters/journal")
        await page.get_by_text("PostgreSQL: no answer").wait_for()
        signal_all(postgres.pid, signal.SIGCONT)
        await visitor.go(console)
        await page.get_by_text("Nothing needs attention").wait_for(timeout=60_000)
    finally:
        signal_all(postgres.pid, signal.SIGCONT)
        await here.close()
