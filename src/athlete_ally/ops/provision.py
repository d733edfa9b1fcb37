"""Streams and durables: what is missing, what differs, and creating what is missing. Nothing is changed or deleted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from athlete_ally.core.topology import Durable, Stream, Topology

# Written by the server, about itself (ADR-44).
_SERVERS_OWN_METADATA = "_nats."


class _Live(Protocol):
    @property
    def config(self) -> dict[str, Any]: ...


class StreamAdmin(Protocol):
    """Looks at streams and durables and creates them. See `adapters.nats.admin`."""

    async def stream(self, name: str) -> _Live | None:
        """Return the stream, or None."""
        ...

    async def consumer(self, stream: str, name: str) -> _Live | None:
        """Return the durable, or None."""
        ...

    async def create_stream(self, stream: Stream) -> None:
        """Create a stream that is not there."""
        ...

    async def create_durable(self, durable: Durable) -> None:
        """Create a durable that is not there."""
        ...


# A drift in one of these breaks a promise; the others are the operator's to choose, and a matter for the doctor.
_VITAL_FIELDS = {
    *("subjects", "retention", "storage", "discard"),
    *("filter_subjects", "ack_policy", "deliver_policy", "max_deliver"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One way in which a server is not as it must be; `field` is empty where the whole object is missing."""

    what: Literal["stream", "durable"]
    name: str
    field: str = ""
    wanted: object = None
    found: object = None

    @property
    def is_missing(self) -> bool:
        """Tell whether the object is not there at all."""
        return not self.field

    @property
    def is_vital(self) -> bool:
        """Tell whether a service must not work with this."""
        return self.is_missing or self.field in _VITAL_FIELDS

    def __str__(self) -> str:
        if self.is_missing:
            return f"{self.what} {self.name} is missing: run `athlete-ally streams apply`"
        return f"{self.what} {self.name}: {self.field} is {self.found!r}, wanted {self.wanted!r}"


async def inspect(admin: StreamAdmin, topology: Topology) -> list[Finding]:
    """Compare the server with the desired state; read-only.

    Raises:
        Unavailable: the server does not answer.
    """
    findings: list[Finding] = []
    for stream in topology.streams:
        live = await admin.stream(stream.name)
        findings += _compare("stream", stream.name, stream.config(), live)
    for durable in topology.durables:
        live = await admin.consumer(durable.stream, durable.name)
        findings += _compare("durable", durable.name, durable.config(), live)
    return findings


async def create_missing(admin: StreamAdmin, topology: Topology, findings: list[Finding]) -> list[str]:
    """Create what `findings` calls missing, AA_DLQ first; return the names. May be repeated and interrupted at will.

    Raises:
        Unavailable: the server does not answer.
    """
    missing = {(finding.what, finding.name) for finding in findings if finding.is_missing}
    created: list[str] = []
    for stream in topology.streams:
        if ("stream", stream.name) in missing:
            await admin.create_stream(stream)
            created.append(stream.name)
    for durable in topology.durables:
        if ("durable", durable.name) in missing:
            await admin.create_durable(durable)
            created.append(durable.name)
    return created


def _compare(
    what: Literal["stream", "durable"], name: str, wanted: Mapping[str, Any], live: _Live | None
) -> list[Finding]:
    if live is None:
        return [Finding(what, name)]
    return [
        Finding(what, name, field, value, _normal(live.config.get(field)))
        for field, value in wanted.items()
        if _normal(value) != _normal(live.config.get(field))
    ]


def _normal(value: Any) -> Any:
    """Return a value as it is compared: order of lists and the server's own notes don't matter, absent is false."""
    if isinstance(value, list):
        return sorted(value)  # pyright: ignore[reportUnknownArgumentType,reportUnknownVariableType]  # lists of strings
    if isinstance(value, dict):
        return {key: each for key, each in value.items() if not key.startswith(_SERVERS_OWN_METADATA)}  # pyright: ignore[reportUnknownVariableType,reportUnknownMemberType]  # metadata: strings
    return value or None
