"""The overview: the state of the pipeline, its problems and their remedies."""

from collections.abc import Awaitable, Callable

from starlette.responses import Response
from starlette.routing import Route

from athlete_ally.console.flow import Flow
from athlete_ally.console.layout import PageLayout, Visit


def flow_routes(layout: PageLayout, flow: Callable[[], Awaitable[Flow]]) -> list[Route]:
    """Return the page, and the part of it that is updated."""

    async def page(visit: Visit) -> Response:
        return layout.render(visit, "flow.html", flow=await flow())

    async def live(visit: Visit) -> Response:
        return layout.render(visit, "_flow.html", flow=await flow())

    return [layout.page("/", page), layout.page("/flow/live", live)]
