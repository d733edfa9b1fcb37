"""The HTTP surface of the API: its routes."""

from http import HTTPStatus

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from athlete_ally.api.changes import changes
from athlete_ally.api.kinds import kinds
from athlete_ally.api.people import people, person, tokens
from athlete_ally.api.records import records_of_all, records_of_person
from athlete_ally.api.refusal import Refusal
from athlete_ally.api.samples import samples_of_person
from athlete_ally.api.service import Endpoint, ReadService, endpoint

BASE = "/api/v1"
_GET: dict[str, tuple[str, Endpoint]] = {
    "/changes": ("changes", changes),
    "/kinds": ("kinds", kinds),
    "/people": ("people", people),
    "/people/{id}": ("person", person),
    "/people/{id}/records/{kind}": ("person-records", records_of_person),
    "/people/{id}/samples/{code}": ("samples", samples_of_person),
    "/records/{kind}": ("records", records_of_all),
}
PATHS = tuple(BASE + path for path in (*_GET, "/tokens"))
"""Where readers ask."""


def build_app(service: ReadService, more_routes: list[BaseRoute]) -> Starlette:
    """Return the application; `more_routes` are health, series and docs."""
    routes: list[BaseRoute] = [
        *(Route(BASE + path, endpoint(service, name, act), methods=["GET"]) for path, (name, act) in _GET.items()),
        Route(f"{BASE}/tokens", endpoint(service, "tokens", tokens), methods=["POST"]),
        *more_routes,
    ]
    app = Starlette(routes=routes, exception_handlers={HTTPException: _as_problem})
    # A redirect would go to whatever name the request gave itself.
    app.router.redirect_slashes = False
    return app


async def _as_problem(request: Request, error: Exception) -> Response:
    """Answer what the router refuses (404, 405) like every other refusal."""
    if not isinstance(error, HTTPException):
        raise error
    detail = {
        HTTPStatus.NOT_FOUND: f"there is nothing at {request.url.path[:200]}; see /docs",
        HTTPStatus.METHOD_NOT_ALLOWED: f"{request.method[:20]} is not possible here; see /docs",
    }.get(HTTPStatus(error.status_code), error.detail)
    response = Refusal(HTTPStatus(error.status_code), detail).response()
    response.headers.update(error.headers or {})
    return response
