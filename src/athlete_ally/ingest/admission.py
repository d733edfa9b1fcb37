"""How much ingest handles at once: requests, and bytes of their bodies; for each kind of sender apart."""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
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
    arriving: dict["Ticket", Callable[[], None]] = field(default_factory=dict["Ticket", Callable[[], None]])

    @contextmanager
    def enter(self) -> "Generator[Ticket]":
        """Admit one request; on leaving, all that it held is released.

        Raises:
            Refusal: 429, too many are in progress, and none of them can give way.
        """
        if self.requests >= self.max_requests and not self.make_room():
            raise busy(f"{self.max_requests} requests are in progress")
        self.requests += 1
        ticket = Ticket(self)
        try:
            yield ticket
        finally:
            ticket.leave()

    def make_room(self, newcomer: "Ticket | None" = None) -> bool:
        """End the oldest request that is still arriving; tell whether there was one beside the newcomer."""
        oldest = next((each for each in self.arriving if each is not newcomer), None)
        if oldest is None:
            return False
        self.arriving.pop(oldest)()
        oldest.leave()
        return True


@dataclass(slots=True, eq=False)
class Ticket:
    """One request in progress, and the bytes that it holds."""

    admission: Admission
    bytes: int = 0
    has_left: bool = False

    def hold(self, size: int) -> None:
        """Reserve `size` more bytes.

        Raises:
            Refusal: 429, too many bytes are in progress. A single request is never refused: its size has its own limit.
        """
        admission = self.admission
        if self.has_left:
            raise busy("a newer request took the place of this one")
        while admission.bytes + size > admission.max_bytes and admission.bytes > self.bytes:
            if not admission.make_room(self):
                raise busy("the request bodies in progress fill the memory set aside for them")
        admission.bytes += size
        self.bytes += size

    @contextmanager
    def arriving(self, give_way: Callable[[], None]) -> Generator[None]:
        """While its body arrives from a sender that nothing has proved, it may be ended by calling `give_way`."""
        self.admission.arriving[self] = give_way
        try:
            yield
        finally:
            self.admission.arriving.pop(self, None)

    def leave(self) -> None:
        """Give back what it holds. May be called twice."""
        if not self.has_left:
            self.has_left = True
            self.admission.requests -= 1
            self.admission.bytes -= self.bytes


@dataclass(frozen=True, slots=True)
class WebhookShare:
    """What webhooks of one vendor may take: those that nothing has proved yet, and those that are verified."""

    arriving: Admission
    verified: Admission


@dataclass(frozen=True, slots=True)
class WebhookShares:
    """A share for each vendor that has secrets, so that none takes from another; one more for all other routes."""

    by_vendor: Mapping[str, WebhookShare]
    others: WebhookShare

    @classmethod
    def build(cls, vendors: Sequence[str], *, max_requests: int, max_bytes: int) -> "WebhookShares":
        """Return shares of this size each."""

        def share() -> WebhookShare:
            return WebhookShare(Admission(max_requests, max_bytes), Admission(max_requests, max_bytes))

        return cls({vendor: share() for vendor in vendors}, share())

    def of(self, vendor: str) -> WebhookShare:
        """Return the share of a vendor."""
        return self.by_vendor.get(vendor, self.others)


def busy(reason: str) -> Refusal:
    """Return the refusal of a request for which there is no room."""
    detail = f"{reason}; send again after a second, with fewer requests at once or larger batches"
    return Refusal(HTTPStatus.TOO_MANY_REQUESTS, detail, retry_after_s=_RETRY_AFTER_S)
