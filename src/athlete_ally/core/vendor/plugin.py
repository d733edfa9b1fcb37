"""The port of a vendor: what one file in `vendors/` has to provide."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from athlete_ally.core.vendor.api import Api
from athlete_ally.core.vendor.catalogue import Said
from athlete_ally.core.vendor.signature import Request, Signature
from athlete_ally.core.vendor.webhook import Unpacked, Webhook


@dataclass(frozen=True, slots=True)
class Secrets:
    """What is configured of a vendor, each with several valid at once: `tokens` are what its handshake asks for."""

    signing: tuple[str, ...] = field(default=(), repr=False)
    tokens: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer in the vendor's own terms."""

    status: int
    body: bytes = b""
    media_type: str | None = None


def no_handshake(_request: Request, _secrets: Secrets) -> Answer | None:
    """Answer nothing: the vendor has no handshake."""
    return None


def no_delivery_id(_request: Request) -> str | None:
    """Return nothing: the vendor guarantees no id of a delivery."""
    return None


@dataclass(frozen=True, slots=True, eq=False)
class Vendor:
    """A vendor: how it signs, how it shakes hands, what it names, and how its payloads become readings.

    `unpack` is pure and raises `InvalidMessage` for a body that can't be read at all. `handshake` returns the answer to
    a request other than a delivery, or None; `asks_for_token`: it wants a configured one. `delivery_id` returns the id
    that the vendor guarantees to be the same for every attempt; without one the content decides. `repeats_are_news`:
    equal content again tells of another change. `deadline_s` is how long the vendor waits for an answer. `kept_headers`
    are stored beside the body. `largest_body_bytes` is what the vendor wants taken, where that is more than any message
    holds: such a body is a JSON object of lists, which is kept in parts. `carries`, `kinds`, `says`, `sources` and
    `unconfirmed` are for the docs: what was looked up where, and what could not be. `api` is where what a webhook names
    is asked for, if we do.
    """

    name: str
    title: str
    signature: Signature
    unpack: Callable[[Webhook], Unpacked]
    carries: Literal["data", "ids", "data or ids"]
    sources: tuple[str, ...]
    kinds: tuple[str, ...] = ()
    says: tuple[Said, ...] = ()
    unconfirmed: tuple[str, ...] = ()
    handshake: Callable[[Request, Secrets], Answer | None] = no_handshake
    shakes_hands: str = "none"
    asks_for_token: bool = False
    delivery_id: Callable[[Request], str | None] = no_delivery_id
    repeats_are_news: bool = False
    accepted: Answer = Answer(200)
    deadline_s: float = 10.0
    kept_headers: tuple[str, ...] = ()
    largest_body_bytes: int | None = None
    api: Api | None = None
