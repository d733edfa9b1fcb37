"""How much ingest handles at once: requests, and bytes of their bodies."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus

from athlete_ally.ingest.refusal import Refusal

# Requests take milliseconds: after a second there is capacity again.
_RETRY_AFTER_S = 1


@dataclass(slots=True)
class Admission:
    """Counts what is in progress, so that memory stays bounded however many senders there are."""

    max_requests: int
    max_bytes: int
    requests: int = 0
    bytes: int = 0

    @contextmanager
    def enter(self) -> "Generator[Ticket]":
        """Admit one request; on leaving, all that it held is released.

        Raises:
            Refusal: 429, too many are in progress.
        """
        if self.requests >= self.max_requests:
            raise _busy(f"{self.max_requests} requests are in progress")
        self.requests += 1
        ticket = Ticket(self)
        try:
            yield ticket
        finally:
            self.requests -= 1
            self.bytes -= ticket.bytes


@dataclass(slots=True)
class Ticket:
    """One request in progress, and the bytes that it holds."""

    admission: Admission
    bytes: int = 0

    def hold(self, size: int) -> None:
        """Reserve `size` more bytes.

        Raises:
            Refusal: 429, too many bytes are in progress. A single request is never refused: its size has its own limit.
        """
        admission = self.admission
        if admission.bytes + size > admission.max_bytes and admission.bytes > self.bytes:
            raise _busy("the request bodies in progress fill the memory set aside for them")
        admission.bytes += size
        self.bytes += size


def _busy(reason: str) -> Refusal:
    detail = f"{reason}; send again after a second, with fewer requests at once or larger batches"
    return Refusal(HTTPStatus.TOO_MANY_REQUESTS, detail, retry_after_s=_RETRY_AFTER_S)
