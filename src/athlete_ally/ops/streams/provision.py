"""Streams and durables: what is missing, what differs, and bringing them about where that harms nobody."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from athlete_ally.core.broker.environment import EnvironmentSpec
from athlete_ally.core.broker.state import LiveDurable, LiveStream
from athlete_ally.core.broker.topology import Topology
from athlete_ally.core.errors import Refused
from athlete_ally.ops.streams.broker import Broker, BrokerReader
from athlete_ally.ops.streams.change_log import ChangeLog
from athlete_ally.ops.streams.difference import differences, wanted_of
from athlete_ally.ops.streams.executor import carry_out
from athlete_ally.ops.streams.plan import only
from athlete_ally.ops.streams.planner import make_plan

# A drift in one of these breaks a promise; the others are the operator's to choose, and a matter for the doctor.
_VITAL_FIELDS = {
    *("subjects", "retention", "storage", "discard"),
    *("filter_subjects", "ack_policy", "deliver_policy", "max_deliver"),
}

LiveStreams = Mapping[str, LiveStream | None]
LiveDurables = Mapping[str, LiveDurable | None]


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
        difference = f"{self.field} is {self.found!r}, wanted {self.wanted!r}"
        return f"{self.what} {self.name}: {difference}; `athlete-ally streams plan` shows the effect of fixing it"


async def inspect(broker: BrokerReader, topology: Topology) -> list[Finding]:
    """Compare the server with the desired state; read-only.

    Raises:
        Unavailable: the server does not answer.
    """
    return compare(topology, await live_streams(broker, topology), await live_durables(broker, topology))


async def live_streams(broker: BrokerReader, topology: Topology) -> LiveStreams:
    """Return the streams of a topology by name, None where one is missing.

    Raises:
        Unavailable: the server does not answer.
    """
    return {each.name: await broker.stream(each.name) for each in topology.streams}


async def live_durables(broker: BrokerReader, topology: Topology) -> LiveDurables:
    """Return the durables of a topology by name, None where one is missing.

    Raises:
        Unavailable: the server does not answer, as for a durable of a stream that has no leader.
    """
    return {each.name: await broker.durable(each.stream, each.name) for each in topology.durables}


def compare(topology: Topology, streams: LiveStreams, durables: LiveDurables) -> list[Finding]:
    """Return how what a server has differs from the desired state."""
    findings: list[Finding] = []
    for stream in topology.streams:
        findings += _compare("stream", stream.name, stream.config(), streams[stream.name])
    for durable in topology.durables:
        findings += _compare("durable", durable.name, durable.config(), durables[durable.name])
    return findings


async def provision(
    broker: Broker, spec: EnvironmentSpec, topology: Topology, journal: ChangeLog, now: datetime
) -> list[str]:
    """Create what is missing and change what harms nobody, AA_DLQ first; return the names. The rest is left as it is.

    May be repeated and interrupted at will.

    Raises:
        WrongTarget: the streams there belong to another environment.
        Refused: something can't be created (nothing was changed then), or the server says no.
        Unavailable: the server does not answer.
    """
    plan = await make_plan(broker, spec, wanted_of(topology), now)
    unmade = [change for change in plan.changes if change.is_creation and change.danger != "safe"]
    if unmade:
        raise Refused("\n".join(f"{each.what} {each.name}: {each.reason}; {each.remedy}" for each in unmade))
    dangerous = {change.name for change in plan.changes if change.danger != "safe"}
    harmless = only(plan, {step.wanted.name for step in plan.steps} - dangerous)
    return [done.wanted.name async for done in carry_out(broker, harmless, journal)]


def _compare(
    what: Literal["stream", "durable"], name: str, wanted: Mapping[str, Any], live: LiveStream | LiveDurable | None
) -> list[Finding]:
    if live is None:
        return [Finding(what, name)]
    return [Finding(what, name, each.field, each.after, each.before) for each in differences(wanted, live.config)]
