"""Dead letters by how they failed: all groups, and one of them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from athlete_ally.console.charts import bars
from athlete_ally.console.dead_letters import OpenLetterTools, one_group
from athlete_ally.console.layout import PageLayout, Visit
from athlete_ally.console.letter_counts import Counting
from athlete_ally.console.replays import Replays
from athlete_ally.ops.dead_letters.grouping import Group

_SPARK = (120.0, 24.0)


@dataclass(frozen=True, slots=True)
class GroupPages:
    """The pages that show groups of dead letters."""

    layout: PageLayout
    letter_tools: OpenLetterTools
    counting: Counting
    replays: Replays
    now: Callable[[], datetime]

    def routes(self) -> list[Route]:
        """Return the routes."""
        layout = self.layout
        return [
            layout.page("/letters", self._all),
            layout.page("/letters/live", self._live),
            layout.page("/letters/groups/{fingerprint:path}", self._one),
        ]

    async def _all(self, visit: Visit) -> Response:
        no_history = self.letter_tools().no_history
        unfinished = [] if no_history else await self.replays.unfinished()
        count = await self._count(anew=True)
        return self.layout.render(visit, "letters.html", **count, unfinished=unfinished, no_history=no_history)

    async def _live(self, visit: Visit) -> Response:
        return self.layout.render(visit, "_letters.html", **await self._count(anew=False))

    async def _count(self, *, anew: bool) -> dict[str, Any]:
        count = await self.counting.look(anew=anew)
        shown = [(each, _trend(each)) for each in count.groups.largest()]
        return {"groups": count.groups, "shown": shown, "is_done": count.is_done}

    async def _one(self, visit: Visit) -> Response:
        letter_tools = self.letter_tools()
        found = await one_group(letter_tools, visit.request.path_params["fingerprint"], self.now())
        if found is None:
            text = "No dead letter is left in this group: they passed a replay, or were set aside."
            return self.layout.notice(visit, "This group is empty", text, HTTPStatus.NOT_FOUND)
        return self.layout.render(
            visit, "letter_group.html", group=found.group, letters=found.letters, no_history=letter_tools.no_history
        )


def _trend(group: Group) -> list[object]:
    width, height = _SPARK
    return list(bars(group.by_hour, width=width, height=height))
