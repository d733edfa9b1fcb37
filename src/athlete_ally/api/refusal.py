"""A request that is refused, and the problem document (RFC 9457) that says why and what to do."""

from http import HTTPStatus

import msgspec
from starlette.responses import Response

from athlete_ally.core.errors import AthleteAllyError

MEDIA_TYPE = "application/problem+json"


class Refusal(AthleteAllyError):
    """Answer this status; `detail` names the parameter that was wrong, its limit, and the remedy."""

    def __init__(
        self, status: HTTPStatus, detail: str, *, parameter: str | None = None, retry_after_s: int | None = None
    ) -> None:
        """Keep what the answer needs."""
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.parameter = parameter
        self.retry_after_s = retry_after_s

    def response(self) -> Response:
        """Return the answer."""
        headers: dict[str, str] = {}
        if self.retry_after_s is not None:
            headers["Retry-After"] = str(self.retry_after_s)
        if self.status == HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = 'Bearer realm="athlete-ally"'
        document: dict[str, str | int] = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": self.status.value,
            "detail": self.detail,
        }
        if self.parameter is not None:
            document["parameter"] = self.parameter
        return Response(msgspec.json.encode(document), self.status, headers, MEDIA_TYPE)


def invalid(parameter: str, problem: str) -> Refusal:
    """Return the refusal of a parameter."""
    return Refusal(HTTPStatus.BAD_REQUEST, f"{parameter}: {problem}", parameter=parameter)


def no_such_person() -> Refusal:
    """Return the refusal of a person who is not there, or whom the key may not see: the reader can't tell which."""
    return Refusal(HTTPStatus.NOT_FOUND, "there is no such person, or this key may not see them")
