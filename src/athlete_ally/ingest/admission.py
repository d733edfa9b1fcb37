"""How much ingest takes in hand at once: requests, and bytes of their bodies."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus

from athlete_ally.ingest.refusal import Refusal

# Requests take milliseconds: whoever waits a second finds room.
_RETRY_AFTER_S = 1


@dataclass(slots=True)
class Admission:
    """Counts what is in hand, so that memory stays bounded however many senders there are."""

    max_requests: int
    max_bytes: int
    requests: int = 0
    bytes: int = 0

    @contextmanager
    def enter(self) -> "Generator[Ticket]":
        """Take one request in hand; on leaving, all that it held is given back.

        Raises:
            Refusal: 429, too many are in hand.
        """
        if self.requests >= self.max_requests:
            raise _busy(f"{self.max_requests} requests are in hand")
        self.requests += 1
        ticket = Ticket(self)
        try:
            yield ticket
        finally:
            self.requests -= 1
            self.bytes -= ticket.bytes


@dataclass(slots=True)
class Ticket:
    """One request in hand, and the bytes that it holds."""

    admission: Admission
    bytes: int = 0

    def hold(self, size: int) -> None:
        """Take `size` more bytes in hand.

        Raises:
            Refusal: 429, too many bytes are in hand. One request alone is never refused: its size has its own limit.
        """
        admission = self.admission
        if admission.bytes + size > admission.max_bytes and admission.bytes > self.bytes:
            raise _busy("the bodies in hand fill the memory set aside for them")
        admission.bytes += size
        self.bytes += size


def _busy(reason: str) -> Refusal:
    detail = f"{reason}; send again after a second, with fewer requests at once or larger batches"
    return Refusal(HTTPStatus.TOO_MANY_REQUESTS, detail, retry_after_s=_RETRY_AFTER_S)
