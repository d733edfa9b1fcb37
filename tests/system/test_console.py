"""The console in a real browser, on real servers."""

from collections.abc import AsyncGenerator, Callable

import pytest
from support.browser import Visitor, visiting
from support.samples import hrv_reading
from support.services import Client, Site


@pytest.fixture
async def visitor(require_tool: Callable[[str], str]) -> AsyncGenerator[Visitor]:
    """Give a visitor, and check at the end that no page did what it must not do."""
    async with visiting(require_tool("chromium")) as visitor:
        yield visitor
        assert visitor.complaints == []


async def console_of(site: Site) -> str:
    """Start ingest, normalize and the console of a site; return the console's address."""
    ingest, normalize = site.service("ingest").start(), site.service("normalize").start()
    await ingest.ready()
    await normalize.ready()
    console = site.service("console", AA_INGEST_URL=ingest.url, AA_NORMALIZE_URL=normalize.url)
    await console.start().ready()
    await Client(lambda: ingest.url).send(hrv_reading(), count=1)
    return console.url


async def test_the_flow_is_alive_and_fit_for_everybody(site: Site, visitor: Visitor) -> None:
    """
    A stored reading shows up by itself; axe has no serious finding in light or dark, and a phone needs no scrolling.
    """
    url = await console_of(site)

    assert await visitor.go(url) == "Flow"
    await visitor.page.get_by_text("Nothing needs attention").wait_for()
    await visitor.page.locator("#figure-database", has_text="1").wait_for()
    assert await visitor.serious_findings() == []
    assert await visitor.overflow_px() <= 0


async def test_the_theme_is_chosen_with_the_keyboard_and_kept(site: Site, visitor: Visitor) -> None:
    """
    Without a mouse: the first Tab offers to skip the navigation, and the theme's switch is reached and kept.
    """
    url = (await site.service("console").start().ready()).url
    await visitor.go(url)
    await visitor.page.keyboard.press("Tab")
    assert "Skip to the content" in await visitor.page.locator(":focus").inner_text()

    await visitor.tab_to("Theme: system")
    await visitor.page.keyboard.press("Enter")
    await visitor.page.keyboard.press("Enter")
    await visitor.page.reload()

    assert await visitor.page.evaluate("document.documentElement.dataset.theme") == "dark"
