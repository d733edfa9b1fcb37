"""A whole triage in a real browser, from alert to last record: with the mouse only, and with the keyboard only."""

import json
from collections import Counter
from pathlib import Path

from support.browser import Visitor
from support.samples import hrv_reading
from support.services import Service, Site
from support.wait import eventually

from athlete_ally.adapters.nats.publisher import NatsPublisher
from athlete_ally.core import headers
from athlete_ally.core.identity import message_id
from athlete_ally.core.messages import OutgoingMessage
from athlete_ally.core.topology import CORE_HOT, raw_subject


async def dead(site: Site, count: int) -> None:
    """Let today's worker give up this many readings, each for a field that only tomorrow's code knows."""
    today = await site.service("normalize", AA_FUSE_CONSECUTIVE="100000").start().ready()
    publisher = NatsPublisher(site.connection, timeout_s=5)
    for number in range(count):
        body = json.dumps({"readings": [hrv_reading(f"u{number}", mood=3)]}).encode()
        identity = message_id(raw_subject("hrv"), body)
        await publisher.publish(OutgoingMessage(CORE_HOT, raw_subject("hrv"), body, identity, {headers.READINGS: "1"}))
    await eventually(site.is_settled, within_s=60)
    today.kill()


async def mended(site: Site) -> tuple[Service, Service]:
    """Start tomorrow's worker and tomorrow's console."""
    normalize = await site.service("normalize", tomorrow=True).start().ready()
    console = site.service("console", tomorrow=True, AA_NORMALIZE_URL=normalize.url)
    return normalize, await console.start().ready()


async def check_the_end(site: Site, normalize: Service, count: int) -> None:
    """Every reading is stored once, no letter is left, the books balance, and the journal tells of each letter once."""
    await site.balance(count, normalize)
    assert (len(await site.stored()), await site.letters()) == (count, [])
    journal = (await site.run("dlq", "journal", "--limit", "2000", "--json")).document["entries"]
    settled = Counter(entry["sequence"] for entry in journal if entry["step"] == "settled")
    assert (len(settled), set(settled.values())) == (count, {1})
    assert {entry["actor"] for entry in journal} == {entry["actor"] for entry in journal if "@" in entry["actor"]}


async def test_with_the_mouse_only_and_a_kill_half_way(site: Site, visitor: Visitor) -> None:
    """
    Alert, group, letter, test, replay with canary; the console is killed, started again, and resumes to the end.
    """
    await dead(site, 60)
    normalize, console = await mended(site)
    page = visitor.page
    await visitor.go(console.url)
    await page.get_by_role("link", name="Look at AA_DLQ").click()
    await page.get_by_role("link", name="unknown field").wait_for()
    await visitor.picture("letters")
    await page.get_by_role("link", name="unknown field").click()
    await page.get_by_role("link", name="Letter 1", exact=True).click()
    await page.get_by_text("Today's code would take it").wait_for()
    assert '"mood": "<whole number>"' in await page.locator("pre").inner_text()

    await page.get_by_role("link", name="group").click()
    await page.get_by_label("Letters a second").fill("8")
    await page.get_by_role("button", name="Test this group").click()
    await page.get_by_text("60 of 60 letters would come through (100%)").wait_for()
    await visitor.picture("test")
    await page.get_by_role("button", name="Replay 60 letters").click()
    await page.get_by_role("button", name="Go on").click()

    async def settled() -> bool:
        return int(await page.locator("#settled").inner_text()) >= 15

    await eventually(settled)
    await visitor.picture("replay")
    console.kill()
    await console.start().ready()

    await visitor.go(f"{console.url}/letters")
    await page.get_by_role("button", name="Resume").click()
    if await page.locator("#go-on").or_(page.get_by_text("Done: all came through")).first.inner_text() == "Go on":
        await page.get_by_role("button", name="Go on").click()
    await page.get_by_text("Done: all came through").wait_for(timeout=60_000)
    await check_the_end(site, normalize, 60)
    await visitor.go(f"{console.url}/letters")
    await page.get_by_text("No dead letters wait").wait_for()


async def test_with_the_keyboard_only(site: Site, visitor: Visitor) -> None:
    """
    The same triage with Tab, Enter and typing alone; every page on the way is without serious findings of axe.
    """
    await dead(site, 12)
    normalize, console = await mended(site)
    page = visitor.page
    await visitor.go(console.url)
    await page.get_by_role("link", name="Look at AA_DLQ").wait_for()
    for step, arrived in (
        ("Look at AA_DLQ", "Grouped by how they failed"),
        ("unknown field", "Would they pass today?"),
        ("Letter 1", "Why it fails today"),
        ("Reveal it", "The journal notes that you saw it"),
        ("group ", "Would they pass today?"),
        ("Test this group", "12 of 12 letters would come through"),
        ("Replay 12 letters", "go on with the others?"),
        ("Go on", "Done: all came through"),
        ("What the journal says", "Who did what"),
    ):
        await page.get_by_role("heading", level=1).wait_for()
        await visitor.tab_to(step)
        await page.keyboard.press("Enter")
        await page.get_by_text(arrived).first.wait_for()
        assert await visitor.serious_findings() == [], arrived
        assert await visitor.overflow_px() <= 0, arrived
    await check_the_end(site, normalize, 12)


async def test_a_viewer_sees_and_changes_nothing(site: Site, visitor: Visitor, tmp_path: Path) -> None:
    """
    Whoever has a viewer's token may test, and finds neither the body nor a way to replay.
    """
    await dead(site, 1)
    file = str(tmp_path / "viewers.json")
    key = (await site.run("keys", "create", "vera", "--file", file, "--json")).document
    console = site.service("console", AA_CONSOLE_VIEWERS_FILE=file)
    await console.start().ready()
    page = visitor.page
    assert await visitor.go(f"{console.url}/letters") == "Log in"

    await page.get_by_label("Your token").fill("aak_wrong")
    await page.get_by_role("button", name="Log in").click()
    await page.get_by_text("not known, or was revoked").wait_for()
    await page.get_by_label("Your token").fill(key["key"])
    await page.get_by_role("button", name="Log in").click()
    await page.get_by_text("vera").wait_for()
    await visitor.go(f"{console.url}/letters/1")
    assert await page.get_by_role("button", name="Reveal").count() == 0

    await page.get_by_role("button", name="Test this letter").click()
    await page.get_by_text("0 of 1 letter would come through").wait_for()
    assert await page.get_by_role("button", name="Replay").count() == 0
