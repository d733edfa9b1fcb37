"""The port of a vendor's API: how a person gives permission, and how what a webhook names is asked for. Pure."""

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from athlete_ally.core.errors import InvalidMessage
from athlete_ally.core.vendor.call import Call
from athlete_ally.core.vendor.grant import Tokens
from athlete_ally.core.vendor.history import Listing
from athlete_ally.core.vendor.json_body import decoded
from athlete_ally.core.vendor.webhook import (
    NOTHING,
    Deleted,
    Found,
    Readings,
    Resource,
    Unpacked,
    Unusable,
    found_in,
    holding,
    joined,
)

Outcome = Literal["ok", "gone", "unauthorized", "refused", "limited", "later"]
"""What an answer means: gone, deleted meanwhile; refused, this person's data will not be given; limited, we ask too
much; later, the vendor has an outage."""


@dataclass(frozen=True, slots=True)
class Document:
    """What a vendor answered: `type` as the webhook named it, whose it is, and when we got it."""

    type: str
    account: str
    body: bytes = field(repr=False)
    received_at: datetime


def unread(_document: Document) -> Unpacked:
    """Make nothing of a document."""
    return NOTHING


Reader = Callable[[Document], Readings]
Lister = Callable[[Document], Unpacked]


def by_type(readers: Mapping[str, Reader], listers: Mapping[str, Lister] | None = None) -> Lister:
    """Return what reads a document with the reader of its type; of a type without one it makes nothing.

    `listers` read the documents that hold many items, each with a place of its own.
    """

    def read(document: Document) -> Unpacked:
        if listers is not None and document.type in listers:
            return listers[document.type](document)
        reader = readers.get(document.type)
        return NOTHING if reader is None else holding(reader(document), document.account)

    return read


def one_by_one(items: Iterable[Callable[[], Readings]], account: str) -> Unpacked:
    """Read the items of a document; one that can't be read leaves the others alone."""
    found: list[Found] = []
    unusable: list[Unusable] = []
    deleted: list[Deleted] = []
    for index, read in enumerate(items):
        try:
            its = found_in(read(), index, account)
        except InvalidMessage as error:
            unusable.append(Unusable(index, str(error)))
        else:
            found += its.found
            unusable += its.unusable
            deleted += its.deleted
    is_nothing = not found and not unusable and not deleted
    return Unpacked(joined(found), unusable=tuple(unusable), ignored=int(is_nothing), deleted=tuple(deleted))


def askable(
    index: int, resources: Iterable[Resource], call: Callable[[Resource], Call | None], types: Container[str]
) -> tuple[list[Resource], list[Unusable]]:
    """Return the resources of a webhook's item, and those of a type that we use which name nothing to ask for."""
    named: list[Resource] = []
    unusable: list[Unusable] = []
    for resource in resources:
        if resource.type in types and call(resource) is None:
            unusable.append(Unusable(index, f"{resource.type}: nothing is named that could be asked for"))
        else:
            named.append(resource)
    return named, unusable


@dataclass(frozen=True, slots=True)
class Rate:
    """At most so many requests in any window of so many seconds, of whomever the vendor counts (`Api.counts`)."""

    requests: int
    window_s: int


def unwrapped(body: bytes) -> bytes:
    """Return the answer of a token endpoint as OAuth 2 has it: most vendors send just that."""
    return body


@dataclass(frozen=True, slots=True)
class OAuth:
    """How a person gives permission.

    `asks` goes along with the browser, `extra` with every request for tokens. `unwrap` finds the standard's document in
    an answer. The vendor's id of the person is `account_field` of that document, or of the answer to `who`. `client_by`
    is where our application names itself to the token endpoint: in the form, or by HTTP Basic. With `pkce` a code is
    only worth something together with what made its challenge (RFC 7636). `enrol` makes the request, from the account,
    without which the vendor gives no data of a person.
    """

    authorize_url: str
    token_url: str
    scopes: tuple[str, ...]
    account_field: str
    who: Call | None = None
    separator: str = " "
    asks: Mapping[str, str] = field(default_factory=dict[str, str])
    extra: Mapping[str, str] = field(default_factory=dict[str, str])
    unwrap: Callable[[bytes], bytes] = unwrapped
    client_by: Literal["form", "basic"] = "form"
    pkce: bool = False
    enrol: Callable[[str], Call] | None = None


def by_status(status: int, _body: bytes) -> Outcome:
    """Return the outcome by the HTTP status alone."""
    match status:
        case 200 | 204:
            return "ok"
        case 404 | 410:
            return "gone"
        case 401:
            return "unauthorized"
        case 429:
            return "limited"
        case _ if status in {408, 425} or status >= 500:  # noqa: PLR2004  # RFC 9110
            return "later"
        case _:
            return "refused"


def told_to_wait_s(headers: Mapping[str, str], _now_s: float) -> float | None:
    """Return how long a refusal asks to wait, as most vendors say it."""
    return seconds_of(headers, "retry-after", "x-ratelimit-reset")


def seconds_of(headers: Mapping[str, str], *names: str) -> float | None:
    """Return the first of these headers that holds a number of seconds."""
    for name in names:
        text = headers.get(name, "")
        if text.isascii() and text.isdigit():
            return float(text)
    return None


@dataclass(frozen=True, slots=True, eq=False)
class Api:
    """A vendor's API. `call` returns how to ask for a resource, or None for a type that we don't use.

    It returns None, too, for what does not name what could be asked for: `askable` makes that an item of a webhook that
    can't be used, so that a change is never passed over.

    `counts` says whose requests `rates` are about: those of the whole application, or those for one person. `wait_s`
    reads from the headers of a refusal, and the time in Unix seconds, for how long to leave the vendor alone.

    `read` makes readings of the answer. It is pure, and raises `InvalidMessage` for one that can't be read at all. Of
    two readings of one thing the one captured later stays: `capturedAt` is the vendor's time of the last change, or,
    where the vendor names none, the document's `received_at`.

    `history` holds the ways to ask for a person's past, one for each thing that the vendor lists.
    """

    base_url: str
    oauth: OAuth
    call: Callable[[Resource], Call | None]
    rates: tuple[Rate, ...]
    sources: tuple[str, ...]
    outcome_of: Callable[[int, bytes], Outcome] = by_status
    counts: Literal["application", "person"] = "application"
    wait_s: Callable[[Mapping[str, str], float], float | None] = told_to_wait_s
    read: Callable[[Document], Unpacked] = unread
    history: tuple[Listing, ...] = ()
    unconfirmed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answered:
    """A vendor's answer. `wait_s` is how long it asked us to wait, if it did."""

    outcome: Outcome
    body: bytes = field(default=b"", repr=False)
    wait_s: float | None = None


class VendorApi(Protocol):
    """Speaks with one vendor."""

    def authorize_url(self, *, state: str, redirect_url: str, verifier: str) -> str:
        """Return where a person gives permission; `redeem` has to know the same `verifier`."""
        ...

    async def redeem(self, code: str, *, redirect_url: str, verifier: str) -> tuple[str, Tokens, tuple[str, ...]]:
        """Return account, tokens and scopes for the code of a callback. May be repeated, with another code.

        Raises:
            Withdrawn: the vendor does not take the code.
            Refused: the vendor takes it, and will give no data of this person.
            Later: the vendor can't answer now.
        """
        ...

    async def exchange(self, tokens: Tokens) -> Tokens:
        """Return new tokens for these. Raises as `redeem`."""
        ...

    async def get(self, call: Call, access_token: str) -> Answered:
        """Return the vendor's answer; one that can't be reached answers "later"."""
        ...


class Budget(Protocol):
    """How many requests may still be sent, by all workers together; `whose` names a vendor, or one person there."""

    async def take(self, whose: str, rates: tuple[Rate, ...]) -> float:
        """Take one request out of the budget and return 0, or return after how many seconds there is one again.

        Raises:
            Unavailable: the database can't be reached.
        """
        ...

    async def rest(self, whose: str, until: datetime) -> None:
        """Let nobody ask before then: the vendor said so. Raises as `take`."""
        ...


def field_of(body: bytes, name: str) -> str:
    """Return a field of a JSON object, as text.

    Raises:
        InvalidMessage: it is not there, or not a text or number.
    """
    value = decoded(body, dict[str, Any]).get(name)
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise InvalidMessage(f"{name}: needed")
    return str(value)
