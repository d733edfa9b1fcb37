"""Watching HTTP requests. Paths may hold secrets, and are never told: only which route they took.

The conventions: https://opentelemetry.io/docs/specs/semconv/http/http-spans/
"""

from collections.abc import MutableMapping, Sequence
from http import HTTPMethod, HTTPStatus
from typing import Any

from opentelemetry.trace import SpanKind
from starlette.routing import compile_path

from athlete_ally.adapters.tracing import spans
from athlete_ally.adapters.tracing.spans import Spans
from athlete_ally.core.messages.headers import TRACEPARENT
from athlete_ally.core.ports import Asgi

_NAME = TRACEPARENT.encode()
_METHODS = {method.value for method in HTTPMethod}


class WatchedApp:
    """An ASGI application whose requests name the span in which they are answered."""

    def __init__(self, app: Asgi, paths: Sequence[str], spans: Spans) -> None:
        """Watch the requests to these paths."""
        self._app = app
        self._spans = spans
        self._routes = [(path, compile_path(path)[0]) for path in paths]

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        """Answer one request."""
        route = self._route(scope)
        if not route:
            await self._app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in _METHODS else "_OTHER"
        attributes = {spans.METHOD: method, spans.ROUTE: route}
        name = f"{'HTTP' if method == '_OTHER' else method} {route}"
        with self._spans.begin(name, SpanKind.SERVER, _stated(scope), attributes) as span:

            async def send_and_note(message: MutableMapping[str, Any]) -> None:
                if message["type"] == "http.response.start":
                    status = message["status"]
                    span.note({spans.STATUS: status})
                    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                        span.fail(str(status))
                await send(message)

            others = [(name, value) for name, value in scope["headers"] if name != _NAME]
            stated = [*others, (_NAME, span.traceparent.encode())]
            await self._app({**scope, "headers": stated}, receive, send_and_note)

    def _route(self, scope: MutableMapping[str, Any]) -> str:
        if scope["type"] != "http":
            return ""
        return next((path for path, pattern in self._routes if pattern.fullmatch(scope["path"])), "")


def _stated(scope: MutableMapping[str, Any]) -> dict[str, str]:
    """Return the trace context of a request; two of them are none: https://www.w3.org/TR/trace-context-2/#traceparent-header"""
    found = [value for name, value in scope["headers"] if name == _NAME]
    return {TRACEPARENT: found[0].decode("latin-1")} if len(found) == 1 else {}
