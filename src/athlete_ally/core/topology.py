"""Streams, subjects, durables and ports: spelled once, here, for the operator tool, the services, docs and tests."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

INGEST_PORT: Final = 4101
NORMALIZE_PORT: Final = 4102

CORE_HOT: Final = "AA_CORE_HOT"
VENDOR_HOT: Final = "AA_VENDOR_HOT"
DLQ: Final = "AA_DLQ"

Environment = Literal["dev", "staging", "production"]
ENVIRONMENTS: Final[tuple[Environment, ...]] = ("dev", "staging", "production")

_MIB = 1024 * 1024
_GIB = 1024 * _MIB
_HOUR_S = 3600
_DAY_S = 24 * _HOUR_S

# nats-server's default max_payload, headers included: what a stock server takes, managed ones too.
MAX_DEAD_LETTER_BYTES: Final = _MIB
# A dead letter is its original and up to 16 KiB of headers that say why: every message we take fits in AA_DLQ.
MAX_MESSAGE_BYTES: Final = MAX_DEAD_LETTER_BYTES - 16 * 1024
# Headers count towards max_msg_size; those of a reading stay below 2 KiB.
MAX_BODY_BYTES: Final = MAX_MESSAGE_BYTES - 8 * 1024
DUPLICATE_WINDOW_S: Final = 120
ACK_WAIT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Stream:
    """The desired state of one stream."""

    name: str
    subjects: tuple[str, ...]
    max_age_s: int
    max_bytes: int
    max_message_bytes: int
    replicas: int
    description: str

    def config(self) -> dict[str, Any]:
        """Return the JetStream configuration; durations are integer nanoseconds, as the server keeps them."""
        return {
            "name": self.name,
            "description": self.description,
            "subjects": list(self.subjects),
            "retention": "limits",
            "storage": "file",
            "discard": "new",
            "compression": "s2",
            "num_replicas": self.replicas,
            "max_age": self.max_age_s * 1_000_000_000,
            "max_bytes": self.max_bytes,
            "max_msg_size": self.max_message_bytes,
            "max_msgs": -1,
            "max_msgs_per_subject": -1,
            "max_consumers": -1,
            "duplicate_window": DUPLICATE_WINDOW_S * 1_000_000_000,
            "allow_direct": True,
            "metadata": {"owner": "athlete-ally"},
        }


@dataclass(frozen=True, slots=True)
class Durable:
    """The desired state of one durable pull consumer."""

    name: str
    stream: str
    filter_subjects: tuple[str, ...]
    max_ack_pending: int = 2000

    def config(self) -> dict[str, Any]:
        """Return the JetStream configuration.

        `max_deliver` is unlimited, since a server that stops delivering writes no dead letter.
        """
        return {
            "name": self.name,
            "durable_name": self.name,
            "filter_subjects": list(self.filter_subjects),
            "ack_policy": "explicit",
            "deliver_policy": "all",
            "replay_policy": "instant",
            "ack_wait": int(ACK_WAIT_S * 1_000_000_000),
            "max_deliver": -1,
            "max_ack_pending": self.max_ack_pending,
            "metadata": {"owner": "athlete-ally"},
        }


@dataclass(frozen=True, slots=True)
class Topology:
    """All streams and durables of an environment, in the order in which they are created (AA_DLQ first)."""

    environment: Environment
    streams: tuple[Stream, ...]
    durables: tuple[Durable, ...]

    def stream(self, name: str) -> Stream:
        """Return the stream of this name."""
        return next(stream for stream in self.streams if stream.name == name)

    def durable(self, name: str) -> Durable:
        """Return the durable of this name."""
        return next(durable for durable in self.durables if durable.name == name)


@dataclass(frozen=True, slots=True)
class _Limits:
    hot_age_s: int
    dlq_age_s: int
    hot_bytes: int
    dlq_bytes: int
    replicas: int


_LIMITS: Final[dict[Environment, _Limits]] = {
    "dev": _Limits(48 * _HOUR_S, 14 * _DAY_S, _GIB, 256 * _MIB, 1),
    "staging": _Limits(72 * _HOUR_S, 30 * _DAY_S, 8 * _GIB, 2 * _GIB, 1),
    "production": _Limits(7 * _DAY_S, 90 * _DAY_S, 64 * _GIB, 16 * _GIB, 3),
}


def raw_subject(kind: str) -> str:
    """Return the subject on which raw readings of a kind arrive."""
    return f"athlete-ally.{kind}.raw-received"


def stored_subject(kind: str) -> str:
    """Return the subject on which stored records of a kind are announced."""
    return f"athlete-ally.{kind}.normalized-stored"


def dead_letter_subject(kind: str, reason: str) -> str:
    """Return the subject of a kind's dead letters of this reason."""
    return f"dlq.normalize.{kind}.raw-received.{reason}"


def normalize_durable(kind: str) -> str:
    """Return the name of the durable that normalises a kind."""
    return f"normalize-{kind}-durable"


def unpack_durable(vendor: str) -> str:
    """Return the name of the durable that unpacks a vendor's webhooks."""
    return f"unpack-{vendor}-durable"


def redrive_subject(stream: str, durable: str) -> str:
    """Return the subjects of a durable's own redrive lane: replays reach the consumer that failed, and no other."""
    return f"{'vendor' if stream == VENDOR_HOT else 'athlete-ally'}.redrive.{durable}.>"


def build_topology(kinds: Sequence[str], vendors: Sequence[str], environment: Environment) -> Topology:
    """Return the desired state of an environment for these kinds and vendors."""
    limits = _LIMITS[environment]
    hot = (limits.hot_age_s, limits.hot_bytes, MAX_MESSAGE_BYTES, limits.replicas)
    dlq = (limits.dlq_age_s, limits.dlq_bytes, MAX_DEAD_LETTER_BYTES, limits.replicas)
    streams = (
        Stream(DLQ, ("dlq.>",), *dlq, "Dead letters, kept for a person"),
        Stream(CORE_HOT, ("athlete-ally.>",), *hot, "Raw readings and announcements of stored records"),
        Stream(VENDOR_HOT, ("vendor.>",), *hot, "Webhooks exactly as received"),
    )
    normalisers = [_durable(CORE_HOT, normalize_durable(kind), raw_subject(kind)) for kind in kinds]
    unpackers = [_durable(VENDOR_HOT, unpack_durable(vendor), f"vendor.{vendor}.>") for vendor in vendors]
    return Topology(environment, streams, tuple(normalisers + unpackers))


def _durable(stream: str, name: str, subject: str) -> Durable:
    return Durable(name, stream, (subject, redrive_subject(stream, name)))
