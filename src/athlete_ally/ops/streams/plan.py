"""A plan: what would have to change on a server, how dangerous each change is, and for which server it is."""

import hashlib
from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Struct

from athlete_ally.ops.streams.deletion_forecast import Loss
from athlete_ally.ops.streams.difference import Wanted, What
from athlete_ally.ops.streams.effect import Danger

SCHEMA = 1
"""The version of a plan's JSON; it grows when a field changes its meaning or goes."""
NEEDS_PERMISSION: tuple[Danger, ...] = ("destructive", "one-way")
CREATED = "(all)"
"""Stands for the field where a whole object is created."""


class Change(Struct, frozen=True):
    """One field of one object that changes, or an object that is created."""

    what: What
    name: str
    field: str
    before: Any
    after: Any
    danger: Danger
    reason: str = ""
    remedy: str = ""
    loss: Loss | None = None

    @property
    def is_creation(self) -> bool:
        """Tell whether the whole object is made."""
        return self.field == CREATED

    @property
    def key(self) -> str:
        """Return how a person names this change: `STREAM:field`."""
        return f"{self.name}:{self.field}"


class Found(Struct, frozen=True):
    """Something that an operator should know, and that no change of ours fixes."""

    subject: str
    detail: str
    remedy: str


class Target(Struct, frozen=True):
    """Which server a plan is for."""

    cluster: str
    account: str
    domain: str


class Step(Struct, frozen=True):
    """One object that is created or changed, in one call. `live_sha256` is its configuration when this was planned."""

    wanted: Wanted
    live_sha256: str


class Plan(Struct, frozen=True):
    """All of it, as it is written to a file. `sha256` is the live configuration of everything that is wanted."""

    schema: int
    environment: str
    made_at: str
    target: Target
    sha256: str
    wanted: list[Wanted]
    changes: list[Change]
    found: list[Found]
    steps: list[Step]

    @property
    def refused(self) -> list[Change]:
        """Return what the server would refuse."""
        return [change for change in self.changes if change.danger == "impossible"]

    @property
    def unsafe(self) -> list[Change]:
        """Return what a person has to allow by name."""
        return [change for change in self.changes if change.danger in NEEDS_PERMISSION]

    @property
    def fingerprint(self) -> str:
        """Return a hash of what is to be changed, for journals."""
        return sha256_of([msgspec.to_builtins(step) for step in self.steps])[:16]


def sha256_of(value: Any) -> str:
    """Return the hash of a value's canonical JSON."""
    return hashlib.sha256(msgspec.json.encode(value, order="deterministic")).hexdigest()


def encode(plan: Plan) -> bytes:
    """Return a plan as JSON."""
    return msgspec.json.format(msgspec.json.encode(plan), indent=2) + b"\n"


def decode(text: bytes) -> Plan:
    """Return the plan that this JSON is.

    Raises:
        ValueError: it is none, or of another schema.
    """
    plan = msgspec.json.decode(text, type=Plan)
    if plan.schema != SCHEMA:
        raise ValueError(f"schema {plan.schema}, wanted {SCHEMA}: make the plan again with this version")
    return plan


def only(plan: Plan, names: Iterable[str]) -> Plan:
    """Return what of a plan concerns these objects."""
    chosen = set(names)
    return msgspec.structs.replace(
        plan,
        wanted=[each for each in plan.wanted if each.name in chosen],
        changes=[each for each in plan.changes if each.name in chosen],
        steps=[each for each in plan.steps if each.wanted.name in chosen],
    )
