"""The application of a service whose pages are for programs: every refusal is a problem document (RFC 9457)."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute


def build_application(routes: Sequence[BaseRoute]) -> Starlette:
    """Return the application. It never redirects by itself: a sender's Host header would decide where to."""
    app = Starlette(routes=routes, exception_handlers={HTTPException: _refused, Exception: _failed})
    app.router.redirect_slashes = False
    return app


async def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    detail = {
        HTTPStatus.NOT_FOUND: "there is nothing at this path",
        HTTPStatus.METHOD_NOT_ALLOWED: f"{request.method} is not possible at this path",
    }.get(HTTPStatus(error.status_code), error.detail)
    return _problem(HTTPStatus(error.status_code), detail, error.headers)


async def _failed(_request: Request, _error: Exception) -> Response:
    """Answer for a defect of ours, which the server logs."""
    return _problem(HTTPStatus.INTERNAL_SERVER_ERROR, "this service has a defect: its log says more")


def _problem(status: HTTPStatus, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    document = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail}
    return Response(msgspec.json.encode(document), status, headers, "application/problem+json")
