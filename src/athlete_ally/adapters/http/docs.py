"""The HTTP contract as JSON, and as pages that load nothing from elsewhere."""

from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from swagger_ui_bundle import swagger_ui_path  # pyright: ignore[reportMissingTypeStubs]  # it is one constant

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
<div id="docs"></div>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</html>
"""
_START = 'SwaggerUIBundle({url: "/openapi.json", dom_id: "#docs", deepLinking: true, validatorUrl: null});'
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'"
)


def docs_routes(document: Mapping[str, Any]) -> list[BaseRoute]:
    """Return `/openapi.json` and `/docs`."""
    encoded = msgspec.json.encode(document)
    html = _PAGE.format(title=document["info"]["title"])

    async def openapi(_: Request) -> Response:
        return Response(encoded, media_type="application/json")

    async def page(_: Request) -> Response:
        return HTMLResponse(html, headers={"Content-Security-Policy": _POLICY})

    async def start(_: Request) -> Response:
        return Response(_START, media_type="text/javascript")

    return [
        Route("/openapi.json", openapi),
        Route("/docs", page),
        Route("/docs/start.js", start),
        Mount("/docs/assets", StaticFiles(directory=swagger_ui_path)),
    ]
