"""What tells vendors apart, seen from outside: what is delivered, how it is signed, what an API answers. Pure."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

Headers = dict[str, str]
Wrap = Callable[[int, Any], tuple[int, Any]]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to an API by somebody who may: `account` is whose token came with it; data ends with `last_day`."""

    path: str
    account: str
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    form: Mapping[str, str] = field(default_factory=dict[str, str])
    last_day: date = date.max

    def days(self, first: date, last: date) -> list[date]:
        """Return the days from one to the other of which there is data."""
        return [date.fromordinal(each) for each in range(first.toordinal(), min(last, self.last_day).toordinal() + 1)]


def page(items: Sequence[Any], token: str, size: int) -> tuple[Sequence[Any], str]:
    """Return a page of items, and the token of the next one; nothing where it is the last."""
    begins = int(token or 0)
    ends = begins + size
    return items[begins:ends], str(ends) if ends < len(items) else ""


def plain(status: int, document: Any) -> tuple[int, Any]:
    """Put an answer into no envelope."""
    return status, document


@dataclass(frozen=True, slots=True)
class ApiProfile:
    """A vendor's API as its clients see it.

    `document` makes the answer to what is asked; None, or a ValueError, means 404. The same question has the same
    answer. The person's id is `account_field` of an answer with tokens, or of the one at `who_path`. `wrap` puts an
    answer into the vendor's envelope. Clients name themselves to the token endpoint by HTTP Basic if `wants_basic`, and
    have to prove with `wants_pkce` that they asked for the code. Nobody has data before a POST to `enrol_path`, if any.
    """

    authorize_path: str
    token_path: str
    account_field: str
    document: Callable[[Asked], Any]
    who_path: str | None = None
    wrap: Wrap = plain
    number_accounts: bool = False
    wants_basic: bool = False
    wants_pkce: bool = False
    refreshes: bool = True
    enrol_path: str | None = None


@dataclass(frozen=True, slots=True)
class Handshake:
    """One request of a handshake, and what is wanted for it: a status, and a text within the answer."""

    method: str
    status: int
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""
    holds: str = ""


def no_handshake(_secret: str, _token: str) -> tuple[Handshake, ...]:
    """Ask for nothing."""
    return ()


# For vendors whose documentation names no waits: unconfirmed, and in the range of those that do.
SOME_WAITS_S = (5.0, 60.0, 300.0, 1800.0)


@dataclass(frozen=True, slots=True)
class VendorProfile:
    """One vendor as we see it.

    `deliveries` makes the bodies of everything that is delivered of one day of an account, none of them alike. `sign`
    makes the headers of a body sent at so many Unix seconds. `secret_in_path`: the secret ends the address instead.
    `handshake` makes the requests of a handshake, given secret and token. What is not answered 2xx is sent again after
    each of `waits_s`, and then abandoned.
    """

    deliveries: Callable[[str, date], tuple[bytes, ...]]
    sign: Callable[[str, bytes, int], Headers]
    content_type: str = "application/json"
    secret_in_path: bool = False
    handshake: Callable[[str, str], tuple[Handshake, ...]] = no_handshake
    waits_s: tuple[float, ...] = SOME_WAITS_S
    api: ApiProfile | None = None


def unsigned(_secret: str, _body: bytes, _at_s: int) -> Headers:
    """Return no headers: what proves the sender is the address."""
    return {}


def to_json(document: Any) -> bytes:
    """Return a document as vendors send it."""
    return json.dumps(document, separators=(",", ":")).encode()
