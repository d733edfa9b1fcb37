"""Permissions on the broker: one user for each program, with the least that it needs. Pure.

The servers' configurations in `deploy/nats` and the table of permissions in the docs are made from this.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from athlete_ally.core.broker.topology import (
    ADVISORY,
    CORE_HOT,
    DLQ,
    Durable,
    Topology,
    dead_letter_subject,
    deleted_subject,
    fetch_durable,
    fetched_subject,
    probe_subject,
    raw_subject,
    stored_subject,
    unpack_durable,
)


@dataclass(frozen=True, slots=True)
class User:
    """One user of the account; what is not granted is denied.

    Nobody may delete or purge a stream, delete a durable, or create anything that the topology doesn't name: who may
    create a consumer reads the whole stream, whatever its other permissions are.
    """

    name: str
    purpose: str
    publish: tuple[str, ...]

    @property
    def inbox_prefix(self) -> str:
        """Return what answers to this user start with. With one for all, everybody would read everything."""
        return f"_INBOX_{self.name}"

    @property
    def subscribe(self) -> tuple[str, ...]:
        """Return what it may subscribe to: its own answers."""
        return (f"{self.inbox_prefix}.>",)

    def may_publish(self, subject: str) -> bool:
        """Tell whether it may publish to this subject."""
        return any(covers(pattern, subject) for pattern in self.publish)

    def may_subscribe(self, subject: str) -> bool:
        """Tell whether it may subscribe to this subject, which may hold wildcards."""
        return any(covers(pattern, subject) for pattern in self.subscribe)


def covers(pattern: str, subject: str) -> bool:
    """Tell whether a pattern of NATS matches every subject that `subject` stands for."""
    wanted, given = pattern.split("."), subject.split(".")
    for position, word in enumerate(wanted):
        if word == ">":
            return len(given) > position
        if position >= len(given) or given[position] == ">" or word not in {"*", given[position]}:
            return False
    return len(wanted) == len(given)


def build_users(topology: Topology, kinds: Sequence[str], vendors: Sequence[str]) -> tuple[User, ...]:
    """Return the users of an environment's account."""
    read_access = _read_access(topology)
    normalisers = [each for each in topology.durables if each.stream == CORE_HOT]
    unpackers = [each for each in topology.durables if each.name in {unpack_durable(vendor) for vendor in vendors}]
    fetched = [vendor for vendor in vendors if fetch_durable(vendor) in {each.name for each in topology.durables}]
    fetchers = [each for each in topology.durables if each.name in {fetch_durable(vendor) for vendor in fetched}]
    advisory_durables = [each for each in topology.durables if each.stream == ADVISORY]
    raw = [raw_subject(kind) for kind in kinds]
    # Corrected, released and imported letters wait there; the others lie on their shelf.
    shelves = (
        *(dead_letter_subject(kind, "*") for kind in kinds),
        *(f"dlq.vendor.{vendor}.webhook.*" for vendor in vendors),
        "dlq.consumer.>",
        "dlq.quarantine.>",
        "dlq.resolved.>",
    )
    letters = (
        *read_access,
        *_reads(topology),
        f"$JS.API.STREAM.MSG.DELETE.{DLQ}",
        "athlete-ally.redrive.>",
        "vendor.redrive.>",
        *shelves,
    )
    return (
        User(
            "ingest",
            "takes readings and webhooks in",
            (*raw, probe_subject("ingest"), *_webhooks(vendors), *_stream_infos(topology)),
        ),
        User(
            "normalize",
            "turns webhooks into readings, and readings into records",
            (
                *(stored_subject(kind) for kind in kinds),
                *(deleted_subject(kind) for kind in kinds),
                *(dead_letter_subject(kind, "*") for kind in kinds),
                *raw,
                *(f"dlq.vendor.{vendor}.webhook.*" for vendor in vendors),
                *_stream_infos(topology),
                *_durable_infos(topology),
                *_works_on(normalisers),
                *_works_on(unpackers),
                # Dead letters for other consumers' messages that the server abandoned.
                *_works_on(advisory_durables),
                "dlq.consumer.*.max-deliver",
                "dlq.consumer.*.terminated",
                # The abandoned messages, and the age of the oldest message that waits for any durable.
                *(f"$JS.API.STREAM.MSG.GET.{each.name}" for each in topology.streams),
            ),
        ),
        User(
            "fetch",
            "asks vendors for what their webhooks name, and for people's past",
            (
                *(fetched_subject(vendor) for vendor in fetched),
                *(f"dlq.vendor.{vendor}.webhook.*" for vendor in fetched),
                *_stream_infos(topology),
                *_durable_infos(topology),
                *_works_on(fetchers),
            ),
        ),
        User(
            "replay",
            "publishes again what the message journal holds and the streams lost",
            (
                *read_access,
                *_reads(topology),
                *raw,
                *_webhooks(vendors),
                *(fetched_subject(vendor) for vendor in fetched),
            ),
        ),
        User("monitor", "looks at figures, never at bodies", read_access),
        User("planner", "plans changes; reads messages for their times", (*read_access, *_reads(topology))),
        User(
            "operator",
            "changes, backs up and restores streams; erases a person, others' readings of a dead letter kept",
            (*read_access, *_reads(topology), *_changes(topology), *shelves),
        ),
        User("dlq", "looks into dead letters, replays and resolves them", letters),
        User("console", "shows the flow, looks into dead letters and replays them", letters),
    )


def denied_to_all(topology: Topology) -> tuple[str, ...]:
    """Return the requests that lose or uncover messages, and the subjects that no user may publish."""
    streams = [each.name for each in topology.streams]
    return (
        *(f"$JS.API.STREAM.{verb}.{stream}" for verb in ("DELETE", "PURGE") for stream in streams),
        *(f"$JS.API.CONSUMER.DELETE.{each.stream}.{each.name}" for each in topology.durables),
        # A consumer without a name, or with one that the topology doesn't have, reads a whole stream unseen.
        *(f"$JS.API.CONSUMER.CREATE.{stream}" for stream in streams),
        *(f"$JS.API.CONSUMER.CREATE.{stream}.stranger" for stream in streams),
        *(f"$JS.API.CONSUMER.DURABLE.CREATE.{stream}.stranger" for stream in streams),
        "$JS.API.STREAM.CREATE.STRANGER",
        "$JS.API.ACCOUNT.PURGE.AA",
        "$JS.API.SERVER.REMOVE",
        "$SYS.REQ.SERVER.PING",
        "athlete-ally.stranger",
        "vendor.stranger",
        "dlq.stranger",
        "stranger",
    )


def _read_access(topology: Topology) -> tuple[str, ...]:
    """Return what shows configuration and figures, and no message."""
    lists = ("STREAM.NAMES", "STREAM.LIST", "STREAM.INFO.*", "CONSUMER.INFO.*.*")
    by_stream = (f"$JS.API.CONSUMER.{verb}.{each.name}" for each in topology.streams for verb in ("NAMES", "LIST"))
    return ("$JS.API.INFO", "$SYS.REQ.USER.INFO", *(f"$JS.API.{each}" for each in lists), *by_stream)


def _reads(topology: Topology) -> Iterable[str]:
    """Return what shows a message with its body."""
    for stream in topology.streams:
        yield f"$JS.API.STREAM.MSG.GET.{stream.name}"
        yield f"$JS.API.DIRECT.GET.{stream.name}"
        yield f"$JS.API.DIRECT.GET.{stream.name}.>"


def _changes(topology: Topology) -> Iterable[str]:
    for stream in topology.streams:
        for verb in ("CREATE", "UPDATE", "MSG.DELETE", "SNAPSHOT", "RESTORE"):
            yield f"$JS.API.STREAM.{verb}.{stream.name}"
        yield f"$JS.SNAPSHOT.ACK.{stream.name}.>"
        yield f"$JS.SNAPSHOT.RESTORE.{stream.name}.>"
    for durable in topology.durables:
        for verb in ("CREATE", "PAUSE", "RESET"):
            yield f"$JS.API.CONSUMER.{verb}.{durable.stream}.{durable.name}"


def _stream_infos(topology: Topology) -> Iterable[str]:
    return (f"$JS.API.STREAM.INFO.{each.name}" for each in topology.streams)


def _durable_infos(topology: Topology) -> Iterable[str]:
    return (f"$JS.API.CONSUMER.INFO.{each.stream}.{each.name}" for each in topology.durables)


def _works_on(durables: Iterable[Durable]) -> Iterable[str]:
    for each in durables:
        yield f"$JS.API.CONSUMER.MSG.NEXT.{each.stream}.{each.name}"
        yield f"$JS.ACK.{each.stream}.{each.name}.>"
        # The form with domain and account, which a server may use from 2.15 on (`js_ack_fc_v2`).
        yield f"$JS.ACK.*.*.{each.stream}.{each.name}.>"


def _webhooks(vendors: Iterable[str]) -> Iterable[str]:
    return (f"vendor.{vendor}.webhook.received" for vendor in vendors)
