"""Makes a plan: reads the server's state and determines the risk of every difference."""

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from athlete_ally.core.broker.environment import EnvironmentSpec
from athlete_ally.core.broker.state import LiveDurable, LiveStream, Server
from athlete_ally.ops.streams.broker import BrokerReader
from athlete_ally.ops.streams.deletion_forecast import NOTHING, DeletionForecast, Loss
from athlete_ally.ops.streams.difference import Difference, Wanted, differences, merged
from athlete_ally.ops.streams.durable_effects import durable_change_risk
from athlete_ally.ops.streams.effect import ChangeRisk
from athlete_ally.ops.streams.plan import CREATED, SCHEMA, Change, Found, Plan, Step, Target, sha256_of
from athlete_ally.ops.streams.stream_effects import (
    Case,
    beyond_storage,
    growth_of,
    no_cluster,
    overlaps,
    stream_change_risk,
)
from athlete_ally.ops.streams.target import require_target


@dataclass(slots=True)
class Snapshot:
    """What the server has of what is wanted, at one moment."""

    server: Server
    streams: dict[str, LiveStream] = field(default_factory=dict[str, LiveStream])
    durables: dict[str, LiveDurable] = field(default_factory=dict[str, LiveDurable])
    consumers: dict[str, list[LiveDurable]] = field(default_factory=dict[str, list[LiveDurable]])

    def live(self, wanted: Wanted) -> LiveStream | LiveDurable | None:
        """Return what there is of something that is wanted."""
        return (self.streams if wanted.what == "stream" else self.durables).get(wanted.name)


async def take_snapshot(broker: BrokerReader, wanted: Sequence[Wanted]) -> Snapshot:
    """Look at everything that is wanted.

    Raises:
        Unavailable: no answer.
        PermissionDenied: this user may not look.
    """
    snapshot = Snapshot(await broker.server())
    for each in wanted:
        if each.what == "stream" and (stream := await broker.stream(each.name)) is not None:
            snapshot.streams[each.name] = stream
            snapshot.consumers[each.name] = await broker.durables_of(each.name)
        elif each.what == "durable" and (durable := await broker.durable(each.stream, each.name)) is not None:
            snapshot.durables[each.name] = durable
    return snapshot


async def make_plan(
    broker: BrokerReader, spec: EnvironmentSpec, wanted: Sequence[Wanted], made_at: datetime, known: Iterable[str] = ()
) -> Plan:
    """Return what would have to change, in the order in which it would be done. Reads, and changes nothing.

    Durables that are `known` are ours although they are not wanted here.

    Raises:
        WrongTarget: this is not the server of the environment.
        Unavailable: no answer.
        PermissionDenied: this user may not look.
    """
    snapshot = await take_snapshot(broker, wanted)
    server = snapshot.server
    require_target(server, spec.expect, list(snapshot.streams.values()), spec.environment)
    changes: list[Change] = []
    steps: list[Step] = []
    planner = _Planner(broker, snapshot, wanted, server)
    for each in wanted:
        found = [change async for change in planner.changes(each)]
        changes += found
        if found:
            steps.append(Step(each, sha256_of_live(snapshot.live(each))))
    return Plan(
        schema=SCHEMA,
        environment=spec.environment,
        made_at=made_at.isoformat(timespec="seconds"),
        target=Target(server.cluster, server.account, server.domain),
        sha256=sha256_of([sha256_of_live(snapshot.live(each)) for each in wanted]),
        wanted=list(wanted),
        changes=changes,
        found=_found(snapshot, {each.name for each in wanted} | set(known), spec.silence),
        steps=steps,
    )


def sha256_of_live(live: LiveStream | LiveDurable | None) -> str:
    """Return the hash of a live configuration; one that was made again counts as another."""
    return sha256_of(None if live is None else {"config": live.config, "created": live.created})


@dataclass(slots=True)
class _Planner:
    broker: BrokerReader
    snapshot: Snapshot
    wanted: Sequence[Wanted]
    # As it will be after the steps before: several streams share the limits of the account.
    server: Server

    async def changes(self, wanted: Wanted) -> AsyncGenerator[Change]:
        """Yield the changes of one object."""
        live = self.snapshot.live(wanted)
        if live is None:
            yield await self._creation(wanted)
        elif isinstance(live, LiveStream):
            forecast = DeletionForecast(self.broker, live, self.snapshot.consumers[live.name])
            config = merged(wanted.config, live.config)
            for difference in differences(wanted.config, live.config):
                loss = await forecast.of_change(difference.field, config)
                case = Case(difference, config, live, self.server, loss, await self._foreign(wanted, difference))
                yield _change(wanted, difference, stream_change_risk(case), loss)
                if difference.field == "max_bytes":
                    self._reserve(growth_of(case), streams=0)
        else:
            subjects = self._subjects_of(wanted.stream)
            for difference in differences(wanted.config, live.config):
                yield _change(wanted, difference, durable_change_risk(difference, live, subjects), NOTHING)

    async def _creation(self, wanted: Wanted) -> Change:
        risk = ChangeRisk("safe") if wanted.what == "durable" else await self._risk_of_creation(wanted)
        return _change(wanted, Difference(CREATED, None, wanted.config), risk, NOTHING)

    async def _risk_of_creation(self, wanted: Wanted) -> ChangeRisk:
        server, config = self.server, wanted.config
        foreign = await self._overlapping(wanted.name, config["subjects"])
        growth = max(0, config["max_bytes"]) * config["num_replicas"]
        if foreign:
            return overlaps(foreign)
        if config["num_replicas"] > 1 and not server.cluster:
            return no_cluster()
        if server.max_storage is not None and server.reserved_storage + growth > server.max_storage:
            return beyond_storage(server.reserved_storage, growth, server.max_storage)
        if server.max_streams is not None and server.streams >= server.max_streams:
            reason = f"the account may have {server.max_streams} streams, and has as many (JetStream error 10027)"
            return ChangeRisk("impossible", reason, "raise the account's max_streams")
        self._reserve(growth, streams=1)
        return ChangeRisk("safe")

    def _reserve(self, size: int, *, streams: int) -> None:
        server = self.server
        self.server = replace(server, reserved_storage=server.reserved_storage + size, streams=server.streams + streams)

    async def _foreign(self, wanted: Wanted, difference: Difference) -> tuple[str, ...]:
        if difference.field != "subjects":
            return ()
        return await self._overlapping(wanted.name, sorted(set(difference.after) - set(difference.before or ())))

    async def _overlapping(self, name: str, subjects: Sequence[str]) -> tuple[str, ...]:
        names = {each for subject in subjects for each in await self.broker.streams_on(subject)}
        return tuple(sorted(names - {name}))

    def _subjects_of(self, stream: str) -> Sequence[str]:
        wanted = next((each for each in self.wanted if (each.what, each.name) == ("stream", stream)), None)
        live = self.snapshot.streams.get(stream)
        return wanted.config["subjects"] if wanted else (live.config["subjects"] if live else ())


def _change(wanted: Wanted, difference: Difference, risk: ChangeRisk, loss: Loss) -> Change:
    return Change(
        what=wanted.what,
        name=wanted.name,
        field=difference.field,
        before=difference.before,
        after=difference.after,
        danger=risk.danger,
        reason=risk.reason,
        remedy=risk.remedy,
        loss=loss if loss.messages else None,
    )


def _found(snapshot: Snapshot, ours: set[str], silence: Mapping[str, str]) -> list[Found]:
    found = [
        Found(
            f"unmanaged:{consumer.name}",
            f"durable {consumer.name} of {stream} is none of ours",
            f'find its owner; if it may stay: `"unmanaged:{consumer.name}" = "why"` below [silence] in the file',
        )
        for stream, consumers in snapshot.consumers.items()
        for consumer in consumers
        if consumer.config.get("durable_name") and consumer.name not in ours
    ]
    found += [
        Found(
            f"paused:{each.name}",
            f"durable {each.name} is paused",
            f"`athlete-ally streams consumers resume {each.name}`",
        )
        for each in snapshot.durables.values()
        if each.paused
    ]
    found += [
        Found(
            f"behind:{copy.name}",
            f"the copy of {stream.name} on {copy.name} is {'offline' if copy.offline else 'not up to date'}",
            "bring the server back, or wait until it has caught up",
        )
        for stream in snapshot.streams.values()
        for copy in stream.replicas
        if copy.offline or not copy.current
    ]
    return [each for each in found if each.subject not in silence]
