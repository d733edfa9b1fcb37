"""An environment as a server has it. Pure."""

from collections.abc import Mapping
from typing import Any

import msgspec

from athlete_ally.core.broker.environment import DurableLimits, EnvironmentSpec, Expectation, Placement, StreamLimits
from athlete_ally.core.broker.state import LiveDurable, LiveStream, Server, metadata_of
from athlete_ally.core.errors import Misconfigured
from athlete_ally.core.units_text import Size, Span
from athlete_ally.ops.streams.planner import Snapshot

_NS = 1_000_000_000


def adopt(spec: EnvironmentSpec, snapshot: Snapshot) -> EnvironmentSpec:
    """Return the environment with the limits, owner and target of the server; the rest is as in `spec`.

    Raises:
        Misconfigured: a stream has a limit that a file can't say.
    """
    streams = {name: _limits(live) for name, live in snapshot.streams.items()}
    durables = {name: _durable(live) for name, live in snapshot.durables.items()}
    usual = max(durables.values(), key=list(durables.values()).count, default=spec.durable)
    owners = [owner for live in snapshot.streams.values() if (owner := metadata_of(live.config).get("owner"))]
    return msgspec.structs.replace(
        spec,
        owner=owners[0] if owners else spec.owner,
        streams=spec.streams | streams,
        durable=usual,
        durables={name: limits for name, limits in durables.items() if limits != usual},
        expect=_expectation(spec.expect, snapshot.server),
    )


def _expectation(expect: Expectation, server: Server) -> Expectation:
    return msgspec.structs.replace(expect, cluster=server.cluster, account=server.account, domain=server.domain)


def _limits(live: LiveStream) -> StreamLimits:
    config = live.config
    if config["max_bytes"] <= 0:
        raise Misconfigured(f"{live.name} has no max_bytes, and a file wants one: give it a limit first")
    placement: Mapping[str, Any] = config.get("placement") or {}
    return StreamLimits(
        max_age=_span(live.name, "max_age", config["max_age"]),
        max_bytes=Size(config["max_bytes"]),
        duplicate_window=_span(live.name, "duplicate_window", config["duplicate_window"]),
        replicas=config["num_replicas"],
        placement=Placement(cluster=placement.get("cluster", ""), tags=tuple(placement.get("tags") or ())),
    )


def _span(name: str, field: str, nanoseconds: int) -> Span:
    if nanoseconds % _NS:
        raise Misconfigured(f"{name}: {field} is {nanoseconds} ns, and a file says whole seconds")
    return Span(nanoseconds // _NS)


def _durable(live: LiveDurable) -> DurableLimits:
    return DurableLimits(max_ack_pending=live.config["max_ack_pending"])
