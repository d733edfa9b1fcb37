"""Streams and durables: their state, and their differences from the desired state."""

import asyncio
from collections.abc import Awaitable, Callable

from starlette.responses import Response
from starlette.routing import Route

from athlete_ally.console.figures import Source
from athlete_ally.console.layout import PageLayout, Visit
from athlete_ally.ops.streams.effect import value_text
from athlete_ally.ops.streams.overview import Overview
from athlete_ally.ops.streams.plan import Plan


def stream_routes(
    layout: PageLayout,
    look: Callable[[], Awaitable[Overview]],
    plan: Callable[[], Awaitable[Plan]],
    broker: Callable[[], Source],
) -> list[Route]:
    """Return the page. It changes nothing: plans are confirmed and applied on the command line."""

    async def page(visit: Visit) -> Response:
        overview, made = await asyncio.gather(look(), plan())
        figures = broker().figures
        left_s = {
            row.name: figures.least("aa_consumer_time_to_data_loss_seconds", consumer_name=row.name)
            for row in overview.durables
        }
        return layout.render(visit, "streams.html", overview=overview, plan=made, left_s=left_s, value_text=value_text)

    return [layout.page("/streams", page)]
