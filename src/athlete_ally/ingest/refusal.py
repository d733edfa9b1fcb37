"""A request that is refused, and the problem document (RFC 9457) that says why and what to do."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.responses import Response

from athlete_ally.core.errors import AthleteAllyError, JournalUnavailable, ServerLimit, StreamFull
from athlete_ally.core.readings.reading import Problem
from athlete_ally.core.series import Cause

MAX_ERRORS = 100
MEDIA_TYPE = "application/problem+json"
# Left open, the connection would go on taking in a body that nobody wants, however large.
_BODY_MAY_BE_UNREAD = {
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.TOO_MANY_REQUESTS,
}

_CAUSES: dict[HTTPStatus, Cause] = {
    HTTPStatus.UNAUTHORIZED: "unauthorised",
    HTTPStatus.FORBIDDEN: "unauthorised",
    HTTPStatus.NOT_FOUND: "unknown-kind",
    HTTPStatus.REQUEST_TIMEOUT: "too-slow",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "too-large",
    HTTPStatus.TOO_MANY_REQUESTS: "busy",
    HTTPStatus.SERVICE_UNAVAILABLE: "broker",
}


def cause_of(error: AthleteAllyError) -> Cause:
    """Return under which cause a message that could not be stored is counted."""
    if isinstance(error, ServerLimit):
        return "payload-limit"
    if isinstance(error, JournalUnavailable):
        return "journal"
    return "stream-full" if isinstance(error, StreamFull) else "broker"


class Refusal(AthleteAllyError):
    """Answer this status; `detail` names what was wrong and the remedy, `errors` locates problems in the readings.

    `cause` is what the refusal is counted under, where the status alone does not say it.
    """

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        *,
        errors: Sequence[Problem] = (),
        retry_after_s: int | None = None,
        cause: Cause | None = None,
    ) -> None:
        """Keep what the answer needs."""
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors
        self.retry_after_s = retry_after_s
        self.cause: Cause = cause or _CAUSES.get(status, "invalid")

    def response(self) -> Response:
        """Return the answer."""
        headers: dict[str, str] = {}
        if self.retry_after_s is not None:
            headers["Retry-After"] = str(self.retry_after_s)
        if self.status in _BODY_MAY_BE_UNREAD:
            headers["Connection"] = "close"
        if self.status == HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = 'Bearer realm="athlete-ally"'
        return Response(msgspec.json.encode(self._document()), self.status, headers, MEDIA_TYPE)

    def _document(self) -> dict[str, Any]:
        document: dict[str, Any] = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": self.status.value,
            "detail": self.detail,
        }
        if self.errors:
            document["errors"] = [
                {"index": each.index, "field": each.field, "message": each.message} for each in self.errors[:MAX_ERRORS]
            ]
        return document
