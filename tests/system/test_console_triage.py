"""A whole triage in a real browser, from alert to last record: with the mouse only, and with the keyboard only."""

from collections import Counter
from pathlib import Path

import pytest
from support.browser import Visitor
from support.commands import in_process
from support.here import Here
from support.input_devices import Keyboard, Mouse
from support.missing_field import send, send_many
from support.samples import hrv_reading
from support.services import Service, Site
from support.wait import eventually

from athlete_ally.core.broker.topology import normalize_durable


@pytest.fixture
def letters(request: pytest.FixtureRequest) -> int:
    """Return how many dead letters a triage begins with."""
    return request.config.option.letters or 30


async def deploy(site: Site, today: Here, console_port: int) -> tuple[Service, Service]:
    """Start tomorrow's worker, and tomorrow's console in the place of today's."""
    await today.close()
    normalize = site.service("normalize", tomorrow=True).start()
    tomorrow = site.service("console", port=console_port, tomorrow=True, AA_NORMALIZE_URL=normalize.url).start()
    return await normalize.ready(), await tomorrow.ready()


async def check_the_end(site: Site, normalize: Service, count: int) -> None:
    """Every reading is stored once, no letter is left, the ledger balances, and the journal has each letter once."""
    await site.balance(count, normalize)
    assert (len(await site.stored()), await site.letters()) == (count, [])
    journal = (await site.run("dlq", "journal", "--limit", str(9 * count), "--json")).document["entries"]
    steps = Counter((entry["act"], entry["step"]) for entry in journal)
    settled = {entry["sequence"] for entry in journal if entry["step"] == "settled"}
    assert (len(settled), steps["replay", "settled"], steps["replay", "finished"]) == (count, count, 1)
    assert ["@" in entry["actor"] for entry in journal] == [True] * len(journal)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind_of_hand", [Mouse, Keyboard])
async def test_from_alert_to_replayed(
    site: Site, here: Here, visitor: Visitor, letters: int, kind_of_hand: type[Mouse | Keyboard]
) -> None:
    """
    Alert, group, letter, difference; the code gains the field; test, replay with canary; console and worker are killed
    half-way, the page offers to resume. Every page on the way is without serious findings of axe, and fits a phone.
    """
    hand, page = kind_of_hand(visitor), visitor.page

    async def press(text: str, then: str) -> None:
        await hand.press(text)
        await page.get_by_text(then).first.wait_for()
        if kind_of_hand is Keyboard:
            assert (then, await visitor.serious_findings()) == (then, [])
            assert await visitor.overflow_px() <= 0, then

    # The killed worker's messages come again soon, and not after a minute.
    await site.retrying_with(normalize_durable("hrv"), 5)
    _, address = await here.start("normalize", "console")
    await send_many(site, letters)
    await visitor.go(address)
    await page.get_by_text(f"{letters:,} dead letters in AA_DLQ").first.wait_for()
    await press("View AA_DLQ", "Grouped by how they failed")
    if kind_of_hand is Mouse:
        await visitor.picture("letters")
    await press("unknown field", "Would they pass today?")
    await press("Dead letter 1", "Why it fails today")
    assert "mood" in await page.get_by_role("row").nth(1).inner_text()

    normalize, console = await deploy(site, here, int(address.rpartition(":")[2]))
    await page.reload()
    await page.get_by_text("Today's code accepts it").wait_for()
    await press("Reveal values", "The journal records that you saw it")
    await press("group ", "Would they pass today?")
    await hand.choose("Dead letters per second", "500/s" if letters > 1000 else "10/s")
    await press("Test this group", f"{letters:,} of {letters:,} dead letters would pass (100%)")
    if kind_of_hand is Mouse:
        await visitor.picture("test")
    await press(f"Replay {letters:,} dead letters", "continue with the others?")
    await hand.press("Continue")

    async def is_half_way() -> bool:
        return 2 * int((await page.locator("#settled").inner_text()).replace(",", "")) >= letters

    await eventually(is_half_way, within_s=60)
    if kind_of_hand is Mouse:
        await visitor.picture("replay")
    console.kill()
    normalize.kill()
    await page.get_by_text("The console does not answer").wait_for()
    await normalize.start().ready()
    await console.start().ready()

    await press("Resume", "Done: all passed")
    await press("Journal of this run", "Who did what")
    await check_the_end(site, normalize, letters)
    await visitor.go(f"{console.url}/letters")
    await page.get_by_text("No dead letters are waiting").wait_for()


async def test_a_viewer_sees_and_changes_nothing(site: Site, here: Here, visitor: Visitor, tmp_path: Path) -> None:
    """
    A viewer may test, and finds neither the body nor a way to replay.
    """
    file = str(tmp_path / "viewers.json")
    key = in_process(site.environment, "keys", "create", "vera", "--file", file, "--json").document
    _, console = await here.start("normalize", "console", AA_CONSOLE_VIEWERS_FILE=file)
    await send(site, hrv_reading("a", 900))
    await eventually(site.letters)
    page = visitor.page
    assert await visitor.go(f"{console}/letters") == "Log in"
    assert await visitor.serious_findings() == []

    await page.get_by_label("Your token").fill("aak_wrong")
    await page.get_by_role("button", name="Log in").click()
    await page.get_by_text("unknown or was revoked").wait_for()
    await page.get_by_label("Your token").fill(key["key"])
    await page.get_by_role("button", name="Log in").click()
    await page.get_by_text("vera").wait_for()
    await visitor.go(f"{console}/letters/1")
    assert await page.get_by_role("button", name="Reveal").count() == 0

    await page.get_by_role("button", name="Test this dead letter").click()
    await page.get_by_text("0 of 1 dead letter would pass").wait_for()
    assert await page.get_by_role("button", name="Replay").count() == 0
