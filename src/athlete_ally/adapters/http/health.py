"""The routes that every service has: alive, ready, series."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from athlete_ally.adapters.prometheus import CONTENT_TYPE, PrometheusObserver

Readiness = Callable[[], Awaitable[list[str]]]
"""Returns the reasons why the service is not ready; none means ready."""


def health_routes(
    about: Callable[[], Mapping[str, Any]], readiness: Readiness, observer: PrometheusObserver
) -> list[BaseRoute]:
    """Return `/health` (alive), `/health/ready` (its dependencies work; else 503 with reasons) and `/metrics`."""

    async def health(_: Request) -> Response:
        return _json({"status": "ok", **about()}, 200)

    async def ready(_: Request) -> Response:
        reasons = await readiness()
        if reasons:
            return _json({"status": "not-ready", "reasons": reasons}, 503)
        return _json({"status": "ready", "reasons": []}, 200)

    async def metrics(_: Request) -> Response:
        return Response(observer.exposition(), media_type=CONTENT_TYPE)

    return [Route("/health", health), Route("/health/ready", ready), Route("/metrics", metrics)]


def _json(document: Mapping[str, Any], status: int) -> Response:
    return Response(msgspec.json.encode(document), status, media_type="application/json")
