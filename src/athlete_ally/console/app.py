"""The console's application: the pages behind the request guard."""

from collections.abc import Collection, Iterable
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from athlete_ally.console.layout import PageLayout, log_in_routes
from athlete_ally.console.request_guard import Guard

_ASSETS = Path(__file__).parent / "static"


def build_app(layout: PageLayout, pages: Iterable[BaseRoute], *, names: Collection[str]) -> ASGIApp:
    """Return the application; it answers requests for these host names only."""

    async def alive(_: Request) -> Response:
        return Response('{"status":"ok","service":"console"}', media_type="application/json")

    routes: list[BaseRoute] = [
        Route("/health", alive),
        # Ready means that pages are served; they show which servers can't be reached.
        Route("/health/ready", alive),
        Mount("/assets", StaticFiles(directory=_ASSETS)),
        *log_in_routes(layout),
        *pages,
    ]
    pages_app = Starlette(routes=routes, exception_handlers={404: layout.missing})
    pages_app.router.redirect_slashes = False
    return Guard(pages_app, names=names)
