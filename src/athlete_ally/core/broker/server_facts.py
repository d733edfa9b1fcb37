"""What a nats-server says of itself at its monitoring address, and what a cluster of them promises."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """One server, asked at `url`; `error` says why there is no answer.

    `peers` are the other servers of its cluster, names by id. `has_jetstream`: it can hold streams at all; `max_store`
    is how many bytes of them, where it says so.
    """

    url: str
    error: str = ""
    id: str = ""
    name: str = ""
    peers: Mapping[str, str] = field(default_factory=dict[str, str])
    has_jetstream: bool = False
    syncs_always: bool = False
    max_store: int | None = None
    max_payload: int = 0


@dataclass(frozen=True, slots=True)
class Cluster:
    """The servers of the cluster that we are connected to, as far as they answered; `problem`: what is not known."""

    servers: tuple[ServerFacts, ...]
    problem: str = ""


def cluster_of(connected_id: str, asked: Sequence[ServerFacts]) -> Cluster:
    """Return the servers that belong to the one that we are connected to.

    An answer of another cluster tells nothing about ours, and neither do some of its servers about the others.
    """
    if not asked:
        return Cluster((), "AA_NATS_MONITOR_URL is not set")
    ours = tuple(each for each in asked if connected_id in {each.id, *each.peers})
    problems = [f"{each.url}: {each.error}" for each in asked if each.error]
    problems += [
        f"{each.url} is {each.name}, which is not a server of the cluster that NATS_URL leads to"
        for each in asked
        if not each.error and each not in ours
    ]
    known = {each.id for each in ours}
    members = {id_: name for each in ours for id_, name in each.peers.items()}
    if missing := sorted(name for id_, name in members.items() if id_ not in known):
        problems.append(f"not asked: {', '.join(missing)}")
    if not ours and not problems:
        problems.append("no server of this cluster was asked")
    return Cluster(ours, "; ".join(problems))


def syncs_always(cluster: Cluster) -> bool | None:
    """Tell whether every server of a cluster flushes before it acknowledges; None where one was not asked."""
    holding = [each for each in cluster.servers if each.has_jetstream]
    if any(not each.syncs_always for each in holding):
        return False
    return True if holding and not cluster.problem else None
