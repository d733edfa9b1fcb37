"""Streams, subjects, durables and ports: spelled once, here, for the operator tool, the services, docs and tests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from athlete_ally.core.broker.environment import DurableLimits, Environment, EnvironmentSpec, StreamLimits
from athlete_ally.core.units_text import Size, Span

INGEST_PORT: Final = 4101
NORMALIZE_PORT: Final = 4102
FETCH_PORT: Final = 4103
API_PORT: Final = 4104
CONSOLE_PORT: Final = 4180

CORE_HOT: Final = "AA_CORE_HOT"
VENDOR_HOT: Final = "AA_VENDOR_HOT"
DLQ: Final = "AA_DLQ"
MAX_SEQUENCE: Final = 2**63 - 1
"""The largest sequence of a stream that PostgreSQL can keep, too; the server would count twice as far."""
ADVISORY: Final = "AA_ADVISORY"
STREAMS: Final = (DLQ, ADVISORY, CORE_HOT, VENDOR_HOT)
"""In the order in which they are created: dead letters first, then the server's advisories."""

ENVIRONMENT_KEY: Final = "athlete-ally.environment"
"""The metadata of streams and durables that says whose they are."""
REAP_ADVISORIES_DURABLE: Final = "reap-advisories-durable"
# https://docs.nats.io/running-a-nats-service/nats_admin/monitoring/monitoring_jetstream
_ADVISORY_SUBJECTS: Final = (
    "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>",
    "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.>",
)

_MIB = 1024 * 1024

# nats-server's default max_payload, headers included: what a stock server takes, managed ones too.
MAX_DEAD_LETTER_BYTES: Final = _MIB
# A dead letter is its original and up to 16 KiB of headers that say why: every message we take fits in AA_DLQ.
MAX_MESSAGE_BYTES: Final = MAX_DEAD_LETTER_BYTES - 16 * 1024
# Headers count towards max_msg_size; those of a reading stay below 2 KiB.
MAX_BODY_BYTES: Final = MAX_MESSAGE_BYTES - 8 * 1024
# Workers keep what they have in progress at a quarter of this.
ACK_WAIT_S: Final = 60.0
# An advisory is one small JSON object about one message; it does not hold the message.
_MAX_ADVISORY_BYTES: Final = 64 * 1024


def _dev_limits(max_age: str, max_bytes: str) -> StreamLimits:
    return StreamLimits(max_age=Span.parse(max_age), max_bytes=Size.parse(max_bytes), duplicate_window=Span.parse("2m"))


DEV: Final = EnvironmentSpec(
    environment="dev",
    owner="athlete-ally",
    streams={
        DLQ: _dev_limits("14d", "256 MiB"),
        ADVISORY: _dev_limits("14d", "16 MiB"),
        CORE_HOT: _dev_limits("48h", "1 GiB"),
        VENDOR_HOT: _dev_limits("48h", "1 GiB"),
    },
)
"""The environment of a developer's machine: what holds where no file is named."""


@dataclass(frozen=True, slots=True)
class Stream:
    """The desired state of one stream."""

    name: str
    subjects: tuple[str, ...]
    limits: StreamLimits
    max_message_bytes: int
    description: str
    discard: Literal["new", "old"]
    metadata: Mapping[str, str]

    def config(self) -> dict[str, Any]:
        """Return the JetStream configuration; durations are integer nanoseconds, as the server keeps them."""
        placement = {"cluster": self.limits.placement.cluster, "tags": list(self.limits.placement.tags)}
        chosen = {key: value for key, value in placement.items() if value}
        return {
            "name": self.name,
            "description": self.description,
            "subjects": list(self.subjects),
            "retention": "limits",
            "storage": "file",
            "discard": self.discard,
            "compression": self.limits.packing,
            "num_replicas": self.limits.replicas,
            "max_age": self.limits.max_age * 1_000_000_000,
            "max_bytes": int(self.limits.max_bytes),
            "max_msg_size": self.max_message_bytes,
            "max_msgs": -1,
            "max_msgs_per_subject": -1,
            "max_consumers": -1,
            "duplicate_window": self.limits.duplicate_window * 1_000_000_000,
            "allow_direct": True,
            # A server has these off; stated, so that one who turns them on is noticed: a header that purges, publishes
            # without acknowledgement, lives cut short by publishers, and doors that close for ever.
            "allow_rollup_hdrs": False,
            "no_ack": False,
            "allow_msg_ttl": False,
            "deny_delete": False,
            "deny_purge": False,
            "sealed": False,
            **({"placement": chosen} if chosen else {}),
            "metadata": dict(self.metadata),
        }


@dataclass(frozen=True, slots=True)
class Durable:
    """The desired state of one durable pull consumer."""

    name: str
    stream: str
    filter_subjects: tuple[str, ...]
    limits: DurableLimits = field(default_factory=DurableLimits)
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])

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
            "max_ack_pending": self.limits.max_ack_pending,
            # Otherwise the server deletes it when nobody pulls, and its place in the stream with it.
            "inactive_threshold": 0,
            "headers_only": False,
            "metadata": dict(self.metadata),
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


def raw_subject(kind: str) -> str:
    """Return the subject on which raw readings of a kind arrive."""
    return f"athlete-ally.{kind}.raw-received"


def probe_subject(service: str) -> str:
    """Return the subject on which an idle service tries whether the stream of readings takes a message."""
    return f"athlete-ally.probe.{service}"


def stored_subject(kind: str) -> str:
    """Return the subject on which stored records of a kind are announced."""
    return f"athlete-ally.{kind}.normalized-stored"


def deleted_subject(kind: str) -> str:
    """Return the subject on which records that are there no more are announced."""
    return f"athlete-ally.{kind}.normalized-deleted"


def dead_letter_subject(kind: str, reason: str) -> str:
    """Return the subject of a kind's dead letters of this reason."""
    return f"dlq.normalize.{kind}.raw-received.{reason}"


def foreign_letter_subject(consumer: str, reason: str) -> str:
    """Return the subject of dead letters of a consumer that is not ours."""
    return f"dlq.consumer.{consumer}.{reason}"


def normalize_durable(kind: str) -> str:
    """Return the name of the durable that normalises a kind."""
    return f"normalize-{kind}-durable"


def unpacked_vendor(durable: str) -> str:
    """Return the vendor whose webhooks an unpack durable delivers."""
    return durable.removeprefix("unpack-").removesuffix("-durable")


def unpack_durable(vendor: str) -> str:
    """Return the name of the durable that unpacks a vendor's webhooks."""
    return f"unpack-{vendor}-durable"


def webhook_subject(vendor: str) -> str:
    """Return the subject on which a vendor's webhooks are kept as received."""
    return f"vendor.{vendor}.webhook.received"


def webhook_letter_subject(vendor: str, reason: str) -> str:
    """Return the subject of a vendor's dead letters of this reason."""
    return f"dlq.vendor.{vendor}.webhook.{reason}"


def fetch_durable(vendor: str) -> str:
    """Return the name of the durable that fetches what a vendor's webhooks name."""
    return f"fetch-{vendor}-durable"


def fetched_subject(vendor: str) -> str:
    """Return the subject on which what a vendor's API answered is kept as received."""
    return f"vendor.{vendor}.resource.fetched"


def redrive_subject(stream: str, durable: str) -> str:
    """Return the subjects of a durable's own redrive lane: replays reach the consumer that failed, and no other."""
    return f"{'vendor' if stream == VENDOR_HOT else 'athlete-ally'}.redrive.{durable}.>"


def build_topology(
    kinds: Sequence[str], vendors: Sequence[str], spec: EnvironmentSpec = DEV, *, fetched: Sequence[str] = ()
) -> Topology:
    """Return the desired state of an environment for these kinds and vendors; from those `fetched` we ask for more."""
    streams = (
        _stream(spec, DLQ, ("dlq.>",), MAX_DEAD_LETTER_BYTES, "Dead letters, kept for a person"),
        # The server publishes advisories and waits for nobody: those that a full stream refused would be the newest.
        _stream(
            spec,
            ADVISORY,
            _ADVISORY_SUBJECTS,
            _MAX_ADVISORY_BYTES,
            "Messages that the server abandoned or terminated",
            discard="old",
        ),
        _stream(
            spec, CORE_HOT, ("athlete-ally.>",), MAX_MESSAGE_BYTES, "Raw readings and announcements of stored records"
        ),
        _stream(spec, VENDOR_HOT, ("vendor.>",), MAX_MESSAGE_BYTES, "Webhooks exactly as received"),
    )
    normalisers = [_worker(spec, CORE_HOT, normalize_durable(kind), raw_subject(kind)) for kind in kinds]
    unpackers = [_worker(spec, VENDOR_HOT, unpack_durable(vendor), f"vendor.{vendor}.>") for vendor in vendors]
    fetchers = [_worker(spec, VENDOR_HOT, fetch_durable(vendor), webhook_subject(vendor)) for vendor in fetched]
    advisory_worker = _durable(spec, ADVISORY, REAP_ADVISORIES_DURABLE, _ADVISORY_SUBJECTS)
    return Topology(spec.environment, streams, (advisory_worker, *normalisers, *unpackers, *fetchers))


def _stream(
    spec: EnvironmentSpec,
    name: str,
    subjects: tuple[str, ...],
    max_message_bytes: int,
    description: str,
    discard: Literal["new", "old"] = "new",
) -> Stream:
    limits = spec.streams[name]
    metadata = _metadata(spec, stream_full_share=spec.thresholds.stream_full_share)
    if limits.replicas > 1:
        metadata["io.nats.monitor.peer-expect"] = str(limits.replicas)
    return Stream(name, subjects, limits, max_message_bytes, description, discard, metadata)


def _worker(spec: EnvironmentSpec, stream: str, name: str, subject: str) -> Durable:
    return _durable(spec, stream, name, (subject, redrive_subject(stream, name)))


def _durable(spec: EnvironmentSpec, stream: str, name: str, subjects: tuple[str, ...]) -> Durable:
    thresholds = spec.thresholds
    metadata = _metadata(spec, consumer_lag_age_s=thresholds.consumer_lag_age_s)
    metadata["io.nats.monitor.unprocessed-critical"] = str(thresholds.consumer_lag_messages)
    return Durable(name, stream, subjects, spec.limits_of(name), metadata)


def _metadata(spec: EnvironmentSpec, **thresholds: float) -> dict[str, str]:
    """Return owner, environment and thresholds; `nats server check` reads `io.nats.monitor.*`."""
    own = {f"athlete-ally.{name.replace('_', '-')}": str(value) for name, value in thresholds.items()}
    return {"owner": spec.owner, ENVIRONMENT_KEY: spec.environment, "io.nats.monitor.enabled": "1", **own}
