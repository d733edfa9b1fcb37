"""A real Chromium for tests, which takes note of everything that a page must not do."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from axe_playwright_python.base import AXE_SCRIPT  # pyright: ignore[reportMissingTypeStubs]  # untyped
from playwright.async_api import ConsoleMessage, Page, Request, async_playwright

ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# What the project calls serious: affected people can't do it, or only with difficulty.
SERIOUS = ("serious", "critical")
_WAIT_MS = 20_000
# Of all rules only that of contrast depends on the colours.
_CHECKS: tuple[tuple[Literal["light", "dark"], dict[str, Any]], ...] = (
    ("light", {"resultTypes": ["violations"]}),
    ("dark", {"resultTypes": ["violations"], "runOnly": ["color-contrast"]}),
)


class Visitor:
    """Somebody with a browser; `complaints` are errors of the pages and requests to other hosts."""

    def __init__(self, page: Page, pictures: Path | None) -> None:
        """Watch a page; `pictures` is a folder for pictures of it, where anybody wants them."""
        self.page, self._pictures = page, pictures
        self.complaints: list[str] = []
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._see)

    def _hear(self, message: ConsoleMessage) -> None:
        # Chromium reports each answer with an error status, too; those that a test provokes are no complaint.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self.complaints.append(message.text)

    def _see(self, request: Request) -> None:
        if urlsplit(request.url).hostname != "127.0.0.1":
            self.complaints.append(request.url)

    async def go(self, url: str) -> str:
        """Open a page and return the text of its heading."""
        await self.page.goto(url)
        return await self.heading()

    async def heading(self) -> str:
        """Return the text of the page's heading."""
        return await self.page.locator("h1").inner_text()

    async def picture(self, name: str, *, scheme: Literal["light", "dark"] = "light", width: int = 1280) -> None:
        """Save what is seen, for the docs."""
        if self._pictures is None:
            return
        await self.page.emulate_media(color_scheme=scheme)
        await self.page.set_viewport_size({"width": width, "height": 860})
        await self.page.evaluate("scrollTo(0, 0)")
        await self.page.screenshot(path=self._pictures / f"console-{name}.png")
        await self.page.set_viewport_size({"width": 1280, "height": 800})

    async def tab_to(self, text: str, *, key: str = "Tab", most: int = 200) -> None:
        """Press Tab until what has the focus says `text`; a person without a mouse has no other way."""
        for _ in range(most):
            await self.page.keyboard.press(key)
            if text in await self.page.evaluate(_FOCUSED):
                return
        raise AssertionError(f"{key} never leads to {text!r}")

    async def serious_findings(self) -> list[str]:
        """Return what axe-core calls serious or critical, in light and in dark."""
        found: list[str] = []
        await self.page.evaluate(AXE_SCRIPT)
        for scheme, options in _CHECKS:
            await self.page.emulate_media(color_scheme=scheme)
            violations: Any = await self.page.evaluate(_VIOLATIONS, options)
            found += [
                f"{scheme}: {each['id']}: {node['target']}"
                for each in violations
                if each["impact"] in SERIOUS
                for node in each["nodes"]
            ]
        return found

    async def overflow_px(self, width: int = 375) -> int:
        """Return by how much the page is wider than a phone."""
        size = self.page.viewport_size
        await self.page.set_viewport_size({"width": width, "height": 700})
        found: int = await self.page.evaluate("document.documentElement.scrollWidth")
        if size is not None:
            await self.page.set_viewport_size(size)
        return found - width


# Only what is wrong comes back: what is right takes longer to send than to find.
_VIOLATIONS = "options => axe.run(options).then(results => results.violations)"
_FOCUSED = """() => {
  const at = document.activeElement;
  if (!["A", "BUTTON", "INPUT", "SUMMARY"].includes(at.tagName)) return "";
  const label = at.labels?.[0]?.textContent ?? "";
  const legend = at.closest("fieldset")?.querySelector("legend")?.textContent ?? "";
  return `${legend} ${at.getAttribute("aria-label") ?? ""} ${at.textContent} ${label}`.replace(/\\s+/g, " ");
}"""


@asynccontextmanager
async def visiting(chromium: str, pictures: Path | None) -> AsyncGenerator[Visitor]:
    """Give a visitor with a browser of their own."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        context = await browser.new_context(color_scheme="light", viewport={"width": 1280, "height": 800})
        page = await context.new_page()
        page.set_default_timeout(_WAIT_MS)
        yield Visitor(page, pictures)
        await browser.close()
