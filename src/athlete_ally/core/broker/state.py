"""What a server has: streams, durables, and the server itself, as the operator's tool sees them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from athlete_ally.core.broker.permissions import covers


@dataclass(frozen=True, slots=True)
class Rights:
    """What the server says that our user may publish; without limits, everything."""

    allow: tuple[str, ...] = (">",)
    deny: tuple[str, ...] = ()

    def may_publish(self, subject: str) -> bool:
        """Tell whether everything that this subject stands for is allowed."""
        return any(covers(each, subject) for each in self.allow) and not any(
            overlap(each, subject) for each in self.deny
        )


@dataclass(frozen=True, slots=True)
class Server:
    """The server that we speak to. Where a limit of the account is None, there is none, or we can't see it."""

    name: str
    version: str
    cluster: str
    domain: str
    account: str
    account_names: tuple[str, ...]
    api_level: int
    max_storage: int | None
    reserved_storage: int
    max_streams: int | None
    streams: int
    user: str
    rights: Rights


@dataclass(frozen=True, slots=True)
class Replica:
    """One further copy of a stream."""

    name: str
    current: bool
    offline: bool
    lag: int


@dataclass(frozen=True, slots=True)
class LiveStream:
    """A stream as the server has it. `deleted` counts the gaps between the first and the last message.

    `first_at` and `last_at` are None where it holds nothing, and where the server does not know.
    `by_subject` counts messages where it was asked for. Without a leader nothing is stored and nothing delivered, and
    a server tells what it knows.
    """

    config: Mapping[str, Any]
    created: str
    asked_at: datetime
    messages: int
    bytes: int
    first_sequence: int
    last_sequence: int
    first_at: datetime | None
    last_at: datetime | None
    deleted: int
    replicas: tuple[Replica, ...] = ()
    has_leader: bool = True
    by_subject: Mapping[str, int] = field(default_factory=dict[str, int])

    @property
    def name(self) -> str:
        """Return the stream's name."""
        return str(self.config["name"])

    @property
    def created_at(self) -> datetime:
        """Return when it was created; `created` is the server's own text, and exact."""
        return datetime.fromisoformat(self.created)

    @property
    def max_bytes(self) -> int:
        """Return the limit of its size in bytes; -1 is none."""
        return int(self.config["max_bytes"])

    @property
    def max_age_s(self) -> float:
        """Return after how many seconds a message is deleted; 0 is never."""
        return self.config["max_age"] / 1e9

    @property
    def replicas_wanted(self) -> int:
        """Return how many copies there are to be."""
        return int(self.config["num_replicas"])

    @property
    def replicas_current(self) -> int:
        """Count the copies that hold all of it: the leader, and those that have caught up with it."""
        return self.has_leader + sum(copy.current and not copy.offline for copy in self.replicas)


@dataclass(frozen=True, slots=True)
class LiveDurable:
    """A durable as the server has it. `delivered` and `ack_floor` are sequences of the stream."""

    config: Mapping[str, Any]
    created: str
    stream: str
    pending: int
    ack_pending: int
    redelivered: int
    delivered: int
    ack_floor: int
    abandoned: int
    paused: bool

    @property
    def name(self) -> str:
        """Return the durable's name."""
        return str(self.config.get("durable_name") or self.config["name"])

    @property
    def filters(self) -> tuple[str, ...]:
        """Return the subjects that it hears."""
        several = tuple(map(str, self.config.get("filter_subjects") or ()))
        return several or (str(self.config.get("filter_subject") or ">"),)

    @property
    def unacknowledged(self) -> int:
        """Return how many messages it has not settled."""
        return self.pending + self.ack_pending


@dataclass(frozen=True, slots=True)
class LiveMessage:
    """What is known of a message without looking into it; `size` is what the stream counts for it, in bytes."""

    sequence: int
    subject: str
    size: int
    stored_at: datetime


def abandoned_in(info: Mapping[str, Any]) -> int:
    """Return how many messages a durable delivered for the last time and nobody settled, at most; silent, and so lost.

    `info` is the server's answer to CONSUMER.INFO. The stream's sequences alone don't tell: on several servers they
    also run ahead over messages that the durable does not hear. Deliveries are counted by its own.
    """
    if info["num_ack_pending"]:
        return 0
    delivered, floor = info["delivered"], info["ack_floor"]
    return max(0, min(delivered[each] - floor[each] for each in ("stream_seq", "consumer_seq")))


def stated_time(text: str) -> datetime | None:
    """Return a time that the server states; None where it states the first second of the year 1: it does not know.

    nats-server 2.15.1 does so for the last message of a stream whose disk is full.
    """
    at = datetime.fromisoformat(text)
    return at if at.year > 1 else None


def metadata_of(config: Mapping[str, Any]) -> dict[str, str]:
    """Return the notes on a stream or durable; none is the same as empty."""
    return dict(config.get("metadata") or {})


def overlap(one: str, other: str) -> bool:
    """Tell whether two patterns have a subject in common."""
    left, right = one.split("."), other.split(".")
    for a, b in zip(left, right, strict=False):
        if ">" in {a, b}:
            return True
        if a != b and "*" not in {a, b}:
            return False
    return len(left) == len(right)
