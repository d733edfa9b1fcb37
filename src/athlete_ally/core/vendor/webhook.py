"""Webhooks of vendors: as the stream has them, what they turn out to hold, and what becomes of them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, get_args

UnpackResult = Literal[
    "unpacked", "named", "withdrawn", "ignored", "duplicate", "retry", "schema_invalid", "unknown_account", "dlq"
]
"""What became of a webhook: `named` holds only ids of what has to be fetched, `ignored` nothing of use."""
UNPACK_RESULTS: Final[tuple[UnpackResult, ...]] = get_args(UnpackResult)


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook as the stream has it; `received_at` is when ingest took it."""

    body: bytes
    headers: Mapping[str, str]
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Found:
    """A reading in a webhook: whose, by the vendor's user id, and its fields as on our wire, the person left out.

    `index` is the place of the item that it comes from; one item may hold readings of several kinds.
    """

    index: int
    kind: str
    account: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Resource:
    """Something that a webhook names and does not hold: whose, of which type, and how to ask for it."""

    account: str
    type: str
    id: str


@dataclass(frozen=True, slots=True)
class Unusable:
    """An item of a webhook that can't be used, and why (in words without values)."""

    index: int
    error: str


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What a webhook holds.

    `withdrawn` are accounts whose person took the permission back. `ignored` counts items of a type that we don't use.
    """

    found: tuple[Found, ...] = ()
    resources: tuple[Resource, ...] = ()
    withdrawn: tuple[str, ...] = ()
    unusable: tuple[Unusable, ...] = ()
    ignored: int = 0


NOTHING = Unpacked(ignored=1)
Readings = list[tuple[str, dict[str, Any]]]
"""What a vendor's item holds: kinds, each with fields as on our wire, the person left out."""


def holding(readings: Readings, account: str) -> Unpacked:
    """Return the readings of the one item that there is."""
    return Unpacked(tuple(Found(0, kind, account, fields) for kind, fields in readings), ignored=int(not readings))
