"""What a person allowed us to read at a vendor, and the port that keeps it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

GrantState = Literal["active", "withdrawn", "refresh-lost"]
"""withdrawn: the vendor no longer honours it. refresh-lost: nor does it, but a refresh of ours was cut off before."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What opens a person's data; `expires_at` is that of the access token. No `refresh` means that it is the last."""

    access: str = field(repr=False)
    refresh: str | None = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Granted:
    """A permission as the vendor gave it: whose account, for whom of ours, and what may be read."""

    vendor: str
    account: str = field(repr=False)
    user_id: str
    tokens: Tokens
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Grant:
    """A permission as stored in the token store; `id` names it where the vendor's id of the person must not be seen."""

    id: int
    granted: Granted
    state: GrantState
    granted_at: datetime


Exchange = Callable[[Tokens], Awaitable[Tokens]]
"""Gets new tokens from the vendor for these; raises `Withdrawn` or `Later`."""


class TokenStore(Protocol):
    """Keeps grants, with their tokens encrypted."""

    async def keep(self, granted: Granted, *, link_made_at: datetime | None = None) -> Grant:
        """Keep a grant in place of an earlier one of the same account; it is active from now on.

        `link_made_at`: when the link was made by which the person came. A link is good for one grant, however many
        browsers use it at once.

        Raises:
            Refused: the account belongs to another person of ours, or the link was used already.
            Unavailable: the database can't be reached.
        """
        ...

    async def find(self, vendor: str, account: str) -> Grant | None:
        """Return the grant of an account, whatever its state.

        Raises:
            Misconfigured: no key opens its tokens.
            Unavailable: the database can't be reached.
        """
        ...

    async def of_user(self, vendor: str, user_id: str) -> Grant | None:
        """Return the latest grant of a person of ours at a vendor, whatever its state. Raises as `find`."""
        ...

    async def people(self, vendor: str) -> Sequence[str]:
        """Return the people of ours whose permission at a vendor is active, in order.

        Raises:
            Unavailable: the database can't be reached.
        """
        ...

    async def refresh(self, vendor: str, account: str, *, stale: str, exchange: Exchange) -> Grant:
        """Return the grant with another access token than `stale`: one that somebody else got, or a new one.

        Over all processes there is one exchange at a time for an account. It is on record before it begins.

        Raises:
            Withdrawn: the vendor no longer honours the grant, which is now on record; or there is no grant.
            Later: the vendor can't answer now.
            Unavailable: the database can't be reached.
        """
        ...

    async def withdraw(self, vendor: str, account: str) -> bool:
        """Note that the person took the permission back, and forget the tokens; tell whether there was a grant.

        Raises:
            Unavailable: the database can't be reached.
        """
        ...
