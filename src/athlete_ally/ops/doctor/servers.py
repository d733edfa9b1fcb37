"""What a doctor's round finds about the nats-servers of our cluster: flushing, room, the largest message. Pure."""

from collections.abc import Sequence

from athlete_ally.core.broker.server_facts import Cluster, ServerFacts
from athlete_ally.core.broker.topology import MAX_DEAD_LETTER_BYTES
from athlete_ally.ops.doctor.finding import Check

_ASK_ALL = "set AA_NATS_MONITOR_URL to the monitoring addresses of all servers of the cluster, separated by commas"


def check_servers(cluster: Cluster, connected_payload: int, promised_bytes: int) -> list[Check]:
    """Check every server; what was not asked is unknown, whatever the others say.

    `connected_payload` is the `max_payload` of the server that we are connected to, which needs no address.
    """
    holding = [each for each in cluster.servers if each.has_jetstream]
    return [
        *_sync(holding, cluster.problem),
        *_store(holding, cluster.problem, promised_bytes),
        _payload(cluster.servers, connected_payload),
    ]


def _sync(servers: Sequence[ServerFacts], problem: str) -> list[Check]:
    late = ", ".join(each.name for each in servers if not each.syncs_always)
    checks: list[Check] = []
    if late:
        detail = f"{late}: acknowledged messages may be lost in a power cut"
        checks.append(Check("sync to disk", "failure", detail, "set `sync_interval: always` in its jetstream block"))
    if problem:
        checks.append(Check("sync to disk", "unknown", problem, _ASK_ALL))
    return checks or [Check("sync to disk", "ok", f"sync_interval: always on {_listed(servers)}")]


def _store(servers: Sequence[ServerFacts], problem: str, promised_bytes: int) -> list[Check]:
    checks: list[Check] = []
    for each in servers:
        if each.max_store is None:
            detail = f"{each.name} states no max_storage"
            checks.append(Check("store of the server", "unknown", detail, "ask its operators"))
        elif promised_bytes > each.max_store:
            detail = f"{each.name}: streams may fill {_gib(promised_bytes)} of {_gib(each.max_store)} GiB"
            remedy = "raise max_file_store, or lower max_bytes of the streams"
            checks.append(Check("store of the server", "failure", detail, remedy))
    if problem:
        checks.append(Check("store of the server", "unknown", problem, _ASK_ALL))
    if checks:
        return checks
    least = min(each.max_store or 0 for each in servers) if servers else 0
    detail = f"streams may fill {_gib(promised_bytes)} of {_gib(least)} GiB on {_listed(servers)}"
    return [Check("store of the server", "ok", detail)]


def _payload(servers: Sequence[ServerFacts], connected_payload: int) -> Check:
    """Check the largest message: below what our streams take, larger readings and dead letters are refused."""
    low = [f"{each.name}: {each.max_payload}" for each in servers if each.max_payload < MAX_DEAD_LETTER_BYTES]
    if not low and connected_payload < MAX_DEAD_LETTER_BYTES:
        low = [f"the server that we are connected to: {connected_payload}"]
    if not low:
        return Check("max_payload", "ok", f"{connected_payload} bytes")
    detail = f"{'; '.join(low)} bytes; streams take messages of {MAX_DEAD_LETTER_BYTES}, which ingest refuses with 503"
    return Check("max_payload", "failure", detail, f"set `max_payload: {MAX_DEAD_LETTER_BYTES}` there, and reload")


def _gib(number: int) -> str:
    return f"{number / 2**30:.1f}"


def _listed(servers: Sequence[ServerFacts]) -> str:
    return ", ".join(each.name for each in servers)
