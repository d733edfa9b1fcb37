"""Whose a message is: finding one person in what a stream holds, and who else is in it. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple
from urllib.parse import parse_qsl

import msgspec

from athlete_ally.core.messages import headers

Family = Literal["readings", "webhook", "foreign"]
"""The author of a body: ours is split into readings or records, a vendor's is searched, others are tried as both."""


@dataclass(frozen=True, slots=True)
class Person:
    """A person: our id, the accounts at vendors as (vendor, account), and the grants that stand for them in headers."""

    user_id: str = field(repr=False)
    accounts: frozenset[tuple[str, str]] = field(default=frozenset(), repr=False)
    grants: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Share:
    """What of a message is the person's.

    `readings` counts theirs. `others` are the places of other people's readings, where the body can be split, and
    `people` are those other people. A body that can't be read and holds the id somewhere is not `is_readable`: who else
    is in it is unknown.
    """

    readings: int
    others: tuple[int, ...] = ()
    people: frozenset[str] = field(default=frozenset(), repr=False)
    is_readable: bool = True

    @property
    def is_mixed(self) -> bool:
        """Tell whether other people's readings are in it."""
        return bool(self.others or self.people)


class Origin(NamedTuple):
    """Where a message comes from; `vendor` is empty unless it is a vendor's."""

    family: Family
    vendor: str


def origin_of(subject: str, stated: Mapping[str, str]) -> Origin:
    """Return where a message comes from; a dead letter comes from where its original did."""
    original = stated.get(headers.ORIGINAL_SUBJECT, "") if subject.startswith("dlq.") else subject
    parts = (original or _without_shelf(subject)).split(".")
    match parts[0:3]:
        case ["athlete-ally", *_] | ["dlq", "normalize", *_]:
            return Origin("readings", "")
        case ["vendor", "redrive", durable]:
            return Origin("webhook", durable.partition("-")[2].removesuffix("-durable"))
        case ["vendor", vendor, *_] | ["dlq", "vendor", vendor]:
            return Origin("webhook", vendor)
        case _:
            return Origin("foreign", "")


def share_of(person: Person, subject: str, stated: Mapping[str, str], body: bytes) -> Share | None:
    """Return what of a message is the person's, or None where nothing is."""
    origin = origin_of(subject, stated)
    if stated.get(headers.GRANT, "") in map(str, person.grants):
        # What was fetched with a person's permission is that person's, whatever is in it.
        return Share(1)
    accounts = {account for vendor, account in person.accounts if origin.vendor in {"", vendor}}
    if origin.family == "webhook":
        return _in_webhook(accounts, body)
    found = _in_readings(person.user_id, body)
    if origin.family == "foreign" and (found is None or not found.is_readable):
        return _in_webhook({person.user_id, *accounts}, body)
    return found


def _without_shelf(subject: str) -> str:
    shelf, _, rest = subject.removeprefix("dlq.").partition(".")
    return f"dlq.{rest}" if shelf in {"quarantine", "resolved"} else subject


class _Body(msgspec.Struct, frozen=True):
    readings: list[msgspec.Raw] | None = None
    records: list[msgspec.Raw] | None = None


class _Owned(msgspec.Struct, frozen=True):
    wire: str | None = msgspec.field(default=None, name="userId")
    column: str | None = msgspec.field(default=None, name="user_id")


_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def _in_readings(user_id: str, body: bytes) -> Share | None:
    if not _may_hold({user_id}, body):
        return None
    try:
        whole = msgspec.json.decode(body, type=_Body)
    except _UNREADABLE:
        whole = _Body()
    items = whole.records if whole.readings is None else whole.readings
    if items is None:
        return _unread({user_id}, body)
    owners = [_owner(item, user_id) for item in items]
    mine = owners.count(user_id)
    if not mine:
        return None
    others = tuple(position for position, owner in enumerate(owners) if owner != user_id)
    people = frozenset(owner for owner in owners if owner is not None and owner != user_id)
    # Only readings can be taken out one by one; the place of a record says nothing.
    return Share(mine, others if whole.readings is not None else (), people)


def _owner(item: msgspec.Raw, user_id: str) -> str | None:
    """Return whose a reading is; one that does not say it in a valid way is the person's if it names them at all."""
    try:
        owned = msgspec.json.decode(item, type=_Owned)
    except _UNREADABLE:
        owned = _Owned()
    stated = owned.column if owned.wire is None else owned.wire
    if stated is not None:
        return stated
    return user_id if _in_webhook({user_id}, bytes(item)) else None


def _in_webhook(ids: set[str], body: bytes) -> Share | None:
    """Search a body of any shape: the id is a value in it, and other values of the same field are other people."""
    if not ids or not _may_hold(ids, body):
        return None
    try:
        fields = list(_scalars("", msgspec.json.decode(body)))
    except _UNREADABLE:
        fields = _form(body)
    names = {name for name, value in fields if value in ids}
    if not names:
        return None if fields else _unread(ids, body)
    people = frozenset(value for name, value in fields if name in names and value not in ids)
    return Share(1, people=people)


def _scalars(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yield every text of a document with the name of its field, and every whole number whose name ends in id."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, int) and not isinstance(value, bool) and name.lower().endswith("id"):
        yield name, str(value)
    elif isinstance(value, dict):
        for key, each in value.items():  # pyright: ignore[reportUnknownVariableType]  # JSON
            yield from _scalars(str(key), each)  # pyright: ignore[reportUnknownArgumentType]  # JSON
    elif isinstance(value, list):
        for each in value:  # pyright: ignore[reportUnknownVariableType]  # JSON
            yield from _scalars(name, each)


def _form(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(body.decode(), strict_parsing=True)
    except ValueError:
        return []


def _unread(ids: set[str], body: bytes) -> Share | None:
    return Share(1, is_readable=False) if _holds(ids, body) else None


def _may_hold(ids: set[str], body: bytes) -> bool:
    """Tell quickly whether a body has to be looked at: it holds an id, or something is escaped in it."""
    return b"\\" in body or b"%" in body or _holds(ids, body)


def _holds(ids: set[str], body: bytes) -> bool:
    return any(each.encode() in body or msgspec.json.encode(each)[1:-1] in body for each in ids)
