"""The two ways by which somebody works a page: with a mouse and nothing else, or with a keyboard and nothing else."""

from dataclasses import dataclass

from support.browser import Visitor


@dataclass(frozen=True, slots=True)
class Mouse:
    """Points and clicks."""

    visitor: Visitor

    async def press(self, text: str) -> None:
        """Click the link or the button that says this."""
        page = self.visitor.page
        await page.get_by_role("link", name=text).or_(page.get_by_role("button", name=text)).first.click()

    async def choose(self, question: str, option: str) -> None:
        """Click the option of a question."""
        await self.visitor.page.get_by_role("group", name=question).get_by_label(option).click()


@dataclass(frozen=True, slots=True)
class Keyboard:
    """Moves the focus."""

    visitor: Visitor

    async def press(self, text: str) -> None:
        """Press Tab until the focus is on what says this, then Enter."""
        await self.visitor.tab_to(text)
        await self.visitor.page.keyboard.press("Enter")

    async def choose(self, question: str, option: str) -> None:
        """Press Tab until the focus is on the question's answer, then arrows until it is another."""
        await self.visitor.tab_to(question)
        await self.visitor.tab_to(option, key="ArrowRight", most=10)
