"""Ask a service as any client would.

Standard library only, and never the package under examination: a smoke check sees what a user sees.
"""

import json
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, cast
from urllib.parse import urlsplit

# A healthy service answers in milliseconds; two services that don't are still named within 10 s.
FIRST_CONTACT_S = 4.0
# UnicodeError: a host name that can't be encoded is as absent as one that can't be found.
NO_ANSWER = (OSError, HTTPException, UnicodeError)
# Enough to recognise an answer by, and still one line.
SHOWN_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer, and the address that gave it."""

    status: int
    content_type: str
    body: bytes
    peer: str

    @property
    def document(self) -> dict[str, Any]:
        """The body as a JSON object; empty when it is none, so that a check fails on what it misses."""
        try:
            parsed: object = json.loads(self.body)
        except ValueError:
            return {}
        return cast("dict[str, Any]", parsed) if isinstance(parsed, dict) else {}

    def __str__(self) -> str:
        # Escaped: what a stranger sent must neither steer the terminal nor trip over its code page.
        text = self.body[:SHOWN_CHARACTERS].decode(errors="replace")
        return f"{self.status} {text.encode('unicode_escape').decode()}".rstrip()


@dataclass(frozen=True, slots=True)
class Service:
    """A service under examination; `timeout_s` bounds each wait for its network."""

    name: str
    base_url: str
    timeout_s: float
    key: str | None = None

    def get(self, path: str) -> Answer:
        """Ask for `path`, past proxies and redirects: the answer is the service's own."""
        return self._ask("GET", path, None)

    def post(self, path: str, body: bytes) -> Answer:
        """Post `body` as JSON to `path`."""
        return self._ask("POST", path, body)

    def _ask(self, method: str, path: str, body: bytes | None) -> Answer:
        parts = urlsplit(self.base_url)
        connect = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        connection = connect(parts.hostname or "", parts.port, timeout=self.timeout_s)
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        try:
            connection.connect()
            peer = str(connection.sock.getpeername()[0])
            connection.request(method, parts.path.rstrip("/") + path, body, headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers.get_content_type(), answer.read(), peer)
        finally:
            connection.close()


def reason(error: Exception) -> str:
    """Say in one line why there was no answer."""
    text = str(getattr(error, "strerror", None) or error or type(error).__name__)
    # What speaks something else than HTTP is quoted in the error, line ends and all.
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def why_absent(service: Service) -> str | None:
    """Return why nobody answers at `service`, or None when somebody does, within FIRST_CONTACT_S.

    In a thread, because a name server that is silent can't be given a time limit.
    """
    outcome: SimpleQueue[str | None] = SimpleQueue()

    def knock() -> None:
        try:
            service.get("/health")
        except NO_ANSWER as error:
            outcome.put(reason(error))
        else:
            outcome.put(None)

    Thread(target=knock, daemon=True).start()
    try:
        return outcome.get(timeout=FIRST_CONTACT_S)
    except Empty:
        return f"silent for {FIRST_CONTACT_S:g} s"
