"""Webhooks of vendors: as stored in the stream, what they contain, and their outcome. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal, get_args

UnpackResult = Literal[
    "unpacked", "named", "withdrawn", "ignored", "duplicate", "retry", "schema_invalid", "unknown_account", "dlq"
]
"""The outcome of a webhook: `named` holds only ids of what has to be fetched, `ignored` nothing of use."""
UNPACK_RESULTS: Final[tuple[UnpackResult, ...]] = get_args(UnpackResult)


INSTANT: Final = timedelta(seconds=1)
"""The length of what was measured at an instant: the shortest that vendors and files tell apart."""


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
class Deleted:
    """Something of a kind that the vendor took back: `fields` are those of a deletion on our wire, less the person."""

    index: int
    kind: str
    account: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Renamed:
    """An account whose person has another one from now on: the vendor's ids of both. Personal, as every account."""

    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What a webhook holds.

    `withdrawn` are accounts whose person took the permission back, `renamed` those whose vendor gave them another id.
    `ignored` counts items of a type that we don't use. `deleted` is what the vendor took back.
    """

    found: tuple[Found, ...] = ()
    resources: tuple[Resource, ...] = ()
    withdrawn: tuple[str, ...] = ()
    unusable: tuple[Unusable, ...] = ()
    ignored: int = 0
    deleted: tuple[Deleted, ...] = ()
    renamed: tuple[Renamed, ...] = ()


NOTHING = Unpacked(ignored=1)
Readings = list[tuple[str, dict[str, Any]]]
"""What a vendor's item holds: kinds, each with fields as on our wire, the person left out."""
UNREAD: Final = "unread"
"""Stands among `Readings` in place of a kind for a part of an item that can't be read; `error` says why."""


def taken_back(kinds: Iterable[str], session_id: str, *, captured_at: str, source: str) -> Readings:
    """Return what stands for a session that the vendor took back, of these kinds."""
    common = {"sessionId": session_id, "capturedAt": captured_at, "source": source, "deleted": True}
    return [(kind, common) for kind in kinds]


def found_in(readings: Readings, index: int, account: str) -> Unpacked:
    """Return the readings of the item at a place, what it says was deleted, and what of it can't be used."""
    return Unpacked(
        found=tuple(Found(index, kind, account, each) for kind, each in readings if kind != UNREAD and not _gone(each)),
        unusable=tuple(Unusable(index, each["error"]) for kind, each in readings if kind == UNREAD),
        deleted=tuple(Deleted(index, kind, account, each) for kind, each in readings if _gone(each)),
    )


def _gone(fields: Mapping[str, Any]) -> bool:
    return fields.get("deleted") is True


def holding(readings: Readings, account: str) -> Unpacked:
    """Return the readings of the one item that there is."""
    return replace(found_in(readings, 0, account), ignored=int(not readings))


def joined(found: Iterable[Found]) -> tuple[Found, ...]:
    """Return readings with those joined that one source has of one person and one instant (see `at_instant`).

    What several say is taken from the one that was captured last; what only one says is kept.
    """
    joined: dict[object, Found] = {}
    for number, each in enumerate(found):
        place = (each.kind, each.account, *(each.fields.get(name) for name in _PLACE)) if _is_instant(each) else number
        earlier = joined.get(place)
        joined[place] = each if earlier is None else _one_of(earlier, each)
    return tuple(joined.values())


# A point of a series is one of a code; all else of an instant is one record of its kind.
_PLACE = ("source", "context", "device", "code", "start", "end")


def _is_instant(found: Found) -> bool:
    start, end = found.fields.get("start"), found.fields.get("end")
    if not isinstance(start, str) or not isinstance(end, str):
        return False
    return datetime.fromisoformat(end) - datetime.fromisoformat(start) == INSTANT


def _one_of(earlier: Found, later: Found) -> Found:
    captured = [datetime.fromisoformat(each.fields["capturedAt"]) for each in (earlier, later)]
    first, last = (earlier, later) if captured[0] <= captured[1] else (later, earlier)
    return replace(earlier, fields={**first.fields, **last.fields})
