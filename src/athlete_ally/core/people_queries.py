"""People without their values: what readers ask for, and the port that answers. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

import msgspec


class KindSpan(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What there is of a person in one kind: its days, and, for one person, the sources."""

    kind: str
    first_day: date
    last_day: date
    sources: tuple[str, ...] | None = None


class VendorConnection(msgspec.Struct, frozen=True, kw_only=True):
    """A person's connection with a vendor: `linked` by account, or a grant with its state (`active`, `withdrawn`)."""

    vendor: str
    state: str


class PersonSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A person, what there is of them, and their connections."""

    user_id: str
    kinds: Sequence[KindSpan]
    connections: Sequence[VendorConnection]


@dataclass(frozen=True, slots=True)
class PeoplePage:
    """People in the order of their ids, and the last id where more follow."""

    people: Sequence[PersonSummary]
    next: str | None


class PeopleReader(Protocol):
    """Reads who there is. Both raise Unavailable when the database can't be reached in time."""

    async def page(self, prefix: str, after: str, limit: int) -> PeoplePage:
        """Return up to `limit` people whose ids begin with `prefix`, behind an id."""
        ...

    async def person(self, user_id: str) -> PersonSummary | None:
        """Return one person with the sources of each kind; None where nothing is stored of them."""
        ...
