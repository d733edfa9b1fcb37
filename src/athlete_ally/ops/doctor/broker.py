"""The checks of the broker: replicas, storage, permissions, paused durables, abandoned messages."""

from collections.abc import AsyncGenerator, Mapping, Sequence

from athlete_ally.core.broker.beyond_end import back_to_end
from athlete_ally.core.broker.environment import Thresholds
from athlete_ally.core.broker.permissions import User, denied_to_all
from athlete_ally.core.broker.state import LiveDurable, Server
from athlete_ally.core.broker.topology import ADVISORY, REAP_ADVISORIES_DURABLE, Topology
from athlete_ally.core.units_text import Size
from athlete_ally.ops.doctor.finding import Check, check_disk, check_storage
from athlete_ally.ops.doctor.services import check_lag
from athlete_ally.ops.streams.broker import BrokerReader
from athlete_ally.ops.streams.difference import wanted_of
from athlete_ally.ops.streams.overview import DurableRow, Overview, StreamRow, look


async def examine(
    broker: BrokerReader,
    topology: Topology,
    users: Sequence[User],
    free_bytes: int | None,
    *,
    oldest_s: Mapping[str, float] | None,
    thresholds: Thresholds,
) -> AsyncGenerator[Check]:
    """Yield what is found. Read-only.

    `users` are those that the environment has; `free_bytes` is the room on the streams' disk, where that is here;
    `oldest_s` is by durable the age in seconds of the oldest message that waits, as normalize tells it.

    Raises:
        Unavailable: no answer.
        PermissionDenied: this user may not even look.
    """
    server = await broker.server()
    overview = await look(broker, wanted_of(topology))
    present = [row for row in overview.streams if not row.missing]
    yield check_rights(server, users, topology)
    yield check_account(server, topology, {row.name for row in present})
    for row in present:
        yield check_replicas(row, topology.stream(row.name).limits.replicas)
        yield check_storage(row.name, row.bytes, row.max_bytes)
    yield check_advisories(overview)
    for row in overview.durables:
        if row.paused:
            remedy = f"`athlete-ally streams consumers resume {row.name}`"
            yield Check("paused", "warning", f"{row.name}, while {row.lag:,} messages wait", remedy)
        if row.beyond_end:
            detail = f"{row.name} is {row.beyond_end:,} messages beyond the end of {row.stream}, and would skip them"
            yield Check("beyond the end", "failure", detail, back_to_end(row.name, row.end))
    for check in check_lag(
        overview.durables, oldest_s, thresholds.consumer_lag_messages, thresholds.consumer_lag_age_s
    ):
        yield check
    ours = {row.name for row in overview.durables}
    foreign = [
        each for row in present for each in await broker.durables_of(row.name) if each.name not in ours and _acks(each)
    ]
    for check in check_abandoned(overview.durables, foreign):
        yield check
    if free_bytes is not None:
        yield check_disk(free_bytes, sum(max(0, row.max_bytes - row.bytes) for row in present))


def check_rights(server: Server, users: Sequence[User], topology: Topology) -> Check:
    """Check the permissions of our user, as the server reports them."""
    who = f"{server.user or 'nobody in particular'} in {server.account}"
    dangers = [subject for subject in denied_to_all(topology) if server.rights.may_publish(subject)]
    if dangers:
        detail = f"{who} may do what no program needs: {dangers[0]} and {len(dangers) - 1} more"
        if topology.environment == "dev":
            return Check("permissions", "ok", f"{detail}; in dev that is usual")
        remedy = f"connect as one of the users of deploy/nats/{topology.environment}.conf"
        return Check("permissions", "warning", detail, remedy)
    able = [user.name for user in users if all(map(server.rights.may_publish, user.publish))]
    unable = [user.name for user in users if user.name not in able]
    detail = f"{who} may do all that {_listed(able)} does, and not all of {_listed(unable)}"
    if able:
        return Check("permissions", "ok", detail)
    return Check("permissions", "warning", detail, f"grant what deploy/nats/{topology.environment}.conf has for it")


def check_account(server: Server, topology: Topology, present: set[str]) -> Check:
    """Check that the account has storage for the streams that are still to be created."""
    missing = [stream.limits for stream in topology.streams if stream.name not in present]
    wanted = sum(each.max_bytes * each.replicas for each in missing)
    of_storage = "no limit" if server.max_storage is None else f"{Size(server.max_storage)}"
    of_streams = "no limit" if server.max_streams is None else f"{server.max_streams}"
    detail = (
        f"{Size(server.reserved_storage)} of storage promised ({of_storage}), {server.streams} streams ({of_streams})"
    )
    too_big = server.max_storage is not None and server.reserved_storage + wanted > server.max_storage
    too_many = server.max_streams is not None and server.streams + len(missing) > server.max_streams
    if not too_big and not too_many:
        return Check("account", "ok", detail)
    detail = f"{detail}; {len(missing)} streams of {Size(wanted)} are still to be made"
    return Check("account", "failure", detail, "raise max_file or max_streams of the account, or lower max_bytes")


def check_replicas(row: StreamRow, wanted: int) -> Check:
    """Check how many servers hold a whole stream, against the environment's file."""
    name, detail = f"copies of {row.name}", f"{row.replicas_current} of {wanted} hold everything"
    detail = "; ".join((detail, *row.behind))
    if not row.has_leader:
        remedy = (
            "start the servers that are down; the runbook of AaStreamLeaderless says what to do when that is not it"
        )
        return Check(name, "failure", f"no leader: it takes and delivers nothing; {detail}", remedy)
    if row.replicas_current >= wanted:
        return Check(name, "ok", detail)
    if row.replicas < wanted:
        return Check(name, "failure", f"{detail}; the stream has {row.replicas}", "`athlete-ally streams plan`")
    return Check(name, "failure", detail, "start the server that is down, and wait until it has caught up")


def check_advisories(overview: Overview) -> Check:
    """Check that abandoned messages are recorded; without advisories they are lost silently."""
    stream = next(row for row in overview.streams if row.name == ADVISORY)
    durable = next(row for row in overview.durables if row.name == REAP_ADVISORIES_DURABLE)
    gone = [row.name for row in (stream, durable) if row.missing]
    if gone:
        detail = f"{_listed(gone)} missing: abandoned messages are recorded nowhere"
        return Check("advisories", "failure", detail, "`athlete-ally streams apply`")
    if durable.lag:
        detail = f"abandoned messages without a dead letter yet: {durable.lag:,}"
        return Check("advisories", "warning", detail, "check that normalize runs: it processes them")
    return Check("advisories", "ok", f"{ADVISORY} is there, and nothing waits in it")


def check_abandoned(ours: Sequence[DurableRow], foreign: Sequence[LiveDurable]) -> list[Check]:
    """Check for abandoned messages: delivered, no longer in progress, never acknowledged. The lag omits them."""
    checks = [
        Check(
            "abandoned",
            "failure",
            f"up to {row.abandoned:,} messages of {row.name} were abandoned after their last delivery",
            f"`athlete-ally streams plan` fixes max_deliver; `athlete-ally streams consumers reset {row.name}` "
            "shows what would be delivered again",
        )
        for row in ours
        if row.abandoned
    ]
    checks += [
        Check(
            "abandoned",
            "warning",
            f"up to {each.abandoned:,} messages of {each.name} on {each.stream}, which is not ours, were abandoned",
            f"tell who runs {each.name}; `athlete-ally dlq list` has copies once normalize has read the advisories",
        )
        for each in foreign
        if each.abandoned
    ]
    return checks or [Check("abandoned", "ok", "no message was abandoned")]


def _acks(durable: LiveDurable) -> bool:
    return durable.config.get("ack_policy") == "explicit"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "nobody"
