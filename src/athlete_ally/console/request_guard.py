"""Checks every request: known host, own origin, small body; adds strict headers to the response."""

from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
_SAFE_METHODS = {"GET", "HEAD"}
# The longest form contains a reading.
MAX_FORM_BYTES = 64 * 1024
LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})


class Guard:
    """Checks requests before the pages see them."""

    def __init__(self, app: ASGIApp, *, names: Collection[str]) -> None:
        """Accept requests for these host names; a name that an attacker points at us is not one of them."""
        self._app = app
        self._names = frozenset(name.lower() for name in names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request, or pass it on and add headers to the response."""
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                _add(MutableHeaders(scope=message), is_asset=scope["path"].startswith("/assets/"))
            await send(message)

        refusal = self._refusal(scope, headers)
        if refusal is not None:
            status, text = refusal
            await PlainTextResponse(text, status)(scope, receive, answer)
            return
        await self._app(scope, receive, answer)

    def _refusal(self, scope: Mapping[str, Any], headers: Headers) -> tuple[int, str] | None:
        host = headers.get("host", "")
        if host_name(host) not in self._names:
            return 421, "this host name is not configured: add it to AA_CONSOLE_NAMES\n"
        if scope["method"] in _SAFE_METHODS:
            return None
        if not _is_own(headers, host):
            return 403, "this request comes from another site\n"
        length = headers.get("content-length", "")
        if not length.isascii() or not length.isdigit() or len(length) > len(str(MAX_FORM_BYTES)):
            return 413, "expected a form with a Content-Length\n"
        return (413, "the form is too large\n") if int(length) > MAX_FORM_BYTES else None


def host_name(host: str) -> str:
    """Return the name in a Host header, without port and brackets."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _is_own(headers: Headers, host: str) -> bool:
    """Tell whether a page of the console sent the form. Browsers send Origin with every POST."""
    origin = headers.get("origin", "")
    if headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return False
    return urlsplit(origin).netloc.lower() == host.lower() if origin not in {"", "null"} else False


def _add(headers: MutableHeaders, *, is_asset: bool) -> None:
    for name, value in _HEADERS.items():
        headers[name] = value
    headers["cache-control"] = "no-cache" if is_asset else "no-store"
