"""What is wanted, what there is, and where they differ. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, cast

from msgspec import Struct

from athlete_ally.core.broker.state import metadata_of
from athlete_ally.core.broker.topology import Topology

What = Literal["stream", "durable"]

# Written by the server, about itself (nats ADR-44).
_SERVERS_OWN = "_nats."
# Below these the tool decides alone; other people's notes are theirs.
_OUR_NOTES = ("athlete-ally.", "io.nats.monitor.", "owner")


class Wanted(Struct, frozen=True):
    """One stream or durable as it should be. `stream` is where a durable lives, or the stream itself."""

    what: What
    name: str
    stream: str
    config: dict[str, Any]


class Difference(Struct, frozen=True):
    """One field that differs."""

    field: str
    before: Any
    after: Any


def wanted_of(topology: Topology) -> tuple[Wanted, ...]:
    """Return all that a topology wants, in the order in which it is made."""
    streams = [Wanted("stream", stream.name, stream.name, stream.config()) for stream in topology.streams]
    durables = [Wanted("durable", each.name, each.stream, each.config()) for each in topology.durables]
    return (*streams, *durables)


def differences(wanted: Mapping[str, Any], live: Mapping[str, Any]) -> list[Difference]:
    """Return the wanted fields that the live configuration has otherwise; what is not wanted is not looked at."""
    return list(_differences(wanted, live))


def _differences(wanted: Mapping[str, Any], live: Mapping[str, Any]) -> Iterator[Difference]:
    for field in wanted:
        value, found = _relevant(field, wanted), _relevant(field, live)
        if comparable(value) != comparable(found):
            yield Difference(field, found, value)


def _relevant(field: str, config: Mapping[str, Any]) -> Any:
    return _our_notes(metadata_of(config)) if field == "metadata" else config.get(field)


def comparable(value: Any) -> Any:
    """Return a value as it is compared: the order of a list does not matter, and absent is the same as empty."""
    if isinstance(value, list | tuple):
        return sorted(cast("list[Any]", value), key=repr) or None
    return value or None


def merged(wanted: Mapping[str, Any], live: Mapping[str, Any]) -> dict[str, Any]:
    """Return the live configuration with what is wanted put in: an update resets what it leaves out."""
    notes = {key: value for key, value in metadata_of(live).items() if not _is_ours(key)}
    return {**live, **wanted, "metadata": {**without_servers_own(notes), **metadata_of(wanted)}}


def without_servers_own(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return the notes that people and tools wrote, which are all that a server accepts."""
    return {key: value for key, value in metadata.items() if not key.startswith(_SERVERS_OWN)}


def _our_notes(metadata: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in metadata.items() if _is_ours(key)}


def _is_ours(key: str) -> bool:
    return key.startswith(_OUR_NOTES)
