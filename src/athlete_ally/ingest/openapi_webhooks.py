"""The part of the HTTP contract that vendors use."""

from collections.abc import Callable, Sequence
from typing import Any

_PROBLEMS = {
    "400": "The connection was closed before the body was complete.",
    "401": "The request is not proven to come from the vendor; nothing of it is kept.",
    "404": "There is no such vendor, its secret is not set, or its probe carries a wrong code.",
    "405": "The vendor delivers by POST.",
    "408": "The body did not arrive in time.",
    "413": "The webhook is too large.",
    "429": "Too many requests are in progress; send again after `Retry-After` seconds.",
    "503": "The stream did not acknowledge within the vendor's deadline. Send it again after `Retry-After` seconds.",
}
_ANSWERS = {
    "200": "Taken and on disk, or the answer to a handshake.",
    "201": "The answer to a handshake.",
    "204": "Taken and on disk, or the answer to a handshake.",
}
_DESCRIPTION = """\
What a vendor sends is verified over its raw bytes, kept as received, and answered in the vendor's own terms once it is
on disk. Which header proves it, and which handshake the vendor makes, differs: see the reference of vendors."""


def webhook_paths(vendors: Sequence[str], problem: Callable[[str, str], dict[str, Any]]) -> dict[str, Any]:
    """Return the paths; `problem` makes a response of a status and its description."""
    vendor = {"name": "vendor", "in": "path", "required": True, "schema": {"type": "string", "enum": list(vendors)}}
    secret = {
        "name": "secret",
        "in": "path",
        "required": True,
        "description": "The secret of a vendor that does not sign.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{16,128}$"},
    }
    return {
        "/webhooks/{vendor}": _operations("webhook", [vendor], problem),
        "/webhooks/{vendor}/{secret}": _operations("webhook_at_secret_address", [vendor, secret], problem),
    }


def _operations(name: str, parameters: list[Any], problem: Callable[[str, str], dict[str, Any]]) -> dict[str, Any]:
    answers = {status: {"description": text} for status, text in _ANSWERS.items()}
    problems = {status: problem(status, text) for status, text in _PROBLEMS.items()}
    common = {"tags": ["webhooks"], "description": _DESCRIPTION, "responses": {**answers, **problems}}
    body: dict[str, Any] = {
        "required": False,
        "content": {media: {"schema": {}} for media in ("application/json", _FORM)},
    }
    return {
        "parameters": parameters,
        "get": {"operationId": f"{name}_handshake", "summary": "Shake hands with a vendor", **common},
        "post": {"operationId": name, "summary": "Take a vendor's webhook", "requestBody": body, **common},
    }


_FORM = "application/x-www-form-urlencoded"
