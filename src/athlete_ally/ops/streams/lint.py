"""Rules that an environment should keep, checked without a server. Pure.

Each finding has an id, a reason and a remedy, and can be silenced in the file with a reason of one's own.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations

from athlete_ally.core.broker.environment import EnvironmentSpec
from athlete_ally.core.broker.permissions import covers
from athlete_ally.core.broker.state import overlap
from athlete_ally.core.broker.topology import ADVISORY, Durable, Stream, Topology
from athlete_ally.core.units_text import Size, Span

# A vendor that got no answer sends again within seconds; three quick tries fit into two minutes.
_QUICK_RETRIES_S = 120
# An outage of a working night and its cleaning up; three of them have to fit into max_age.
_OUTAGE_S = 16 * 3600
# The least that stays writable when one server is away.
_COPIES = 3
# The largest pull of a worker, twice: one batch in progress, one on its way.
_LEAST_ACK_PENDING = 400


@dataclass(frozen=True, slots=True)
class Lint:
    """One finding: rule, what it is about, why it matters, and the fix."""

    rule: str
    name: str
    reason: str
    remedy: str

    @property
    def key(self) -> str:
        """Return how this one finding is silenced."""
        return f"{self.rule}:{self.name}"


Rule = Callable[[EnvironmentSpec, Topology], Iterator[Lint]]


def lint(spec: EnvironmentSpec, topology: Topology) -> list[Lint]:
    """Return what should be otherwise, without what the file silences."""
    found = [each for rule in _RULES for each in rule(spec, topology)]
    return [each for each in found if not {each.rule, each.key} & set(spec.silence)]


def _kept_on_disk(_: EnvironmentSpec, topology: Topology) -> Iterator[Lint]:
    for stream in topology.streams:
        if stream.config()["storage"] != "file":
            yield Lint("L1", stream.name, "a restart loses everything in memory", "storage: file")


def _refuses_when_full(_: EnvironmentSpec, topology: Topology) -> Iterator[Lint]:
    for stream in topology.streams:
        if stream.discard != "new" and stream.name != ADVISORY:
            yield Lint("L2", stream.name, "a full stream forgets in silence", "discard: new")


def _outlives_an_outage(_: EnvironmentSpec, topology: Topology) -> Iterator[Lint]:
    for stream in topology.streams:
        limits = stream.limits
        if limits.max_age < 3 * _OUTAGE_S:
            reason = f"max_age {limits.max_age} is less than three outages of {Span(_OUTAGE_S)}: unread messages go"
            yield Lint("L3", stream.name, reason, f'max_age = "{Span(3 * _OUTAGE_S)}" or more')
        if limits.duplicate_window > limits.max_age:
            reason = "the server refuses a duplicate_window above max_age (error 10052)"
            yield Lint("L3", stream.name, reason, "a smaller duplicate_window")


def _has_room(_: EnvironmentSpec, topology: Topology) -> Iterator[Lint]:
    for stream in topology.streams:
        if stream.limits.max_bytes < 8 * stream.max_message_bytes:
            reason = f"max_bytes {stream.limits.max_bytes} has room for fewer than eight of its largest messages"
            yield Lint("L4", stream.name, reason, f'max_bytes = "{Size(8 * stream.max_message_bytes)}" or more')


def _remembers_retries(_: EnvironmentSpec, topology: Topology) -> Iterator[Lint]:
    for stream in topology.streams:
        if stream.limits.duplicate_window < _QUICK_RETRIES_S:
            reason = f"duplicate_window {stream.limits.duplicate_window} is shorter than the quick retries of senders"
            yield Lint("L5", stream.name, reason, f'duplicate_window = "{Span(_QUICK_RETRIES_S)}" or more')


def _survives_a_server(spec: EnvironmentSpec, topology: Topology) -> Iterator[Lint]:
    for stream in topology.streams:
        replicas = stream.limits.replicas
        if spec.environment == "production" and replicas < _COPIES:
            yield Lint("L6", stream.name, "the loss of one server loses or stops the stream", "replicas = 3")
        elif replicas % 2 == 0:
            yield Lint("L6", stream.name, "an even number of copies bears no more faults than one less", "replicas = 3")


def _keeps_copies_unpacked(_: EnvironmentSpec, topology: Topology) -> Iterator[Lint]:
    for stream in topology.streams:
        if stream.limits.replicas > 1 and stream.config()["compression"] != "none":
            reason = "a server that is killed may throw away its copy: it can't read a block that it was packing"
            yield Lint("L18", stream.name, reason, 'leave compression out, or compression = "none"')


def _opens_no_trapdoor(_: EnvironmentSpec, topology: Topology) -> Iterator[Lint]:
    forbidden = {
        "allow_rollup_hdrs": ("L7", "any publisher can purge the stream with one header"),
        "no_ack": ("L8", "publishers get no acknowledgement: a 2xx would promise nothing"),
        "persist_mode": ("L9", "async acknowledges before it writes"),
        "deny_delete": ("L16", "a person's data could not be erased, and it can't be undone"),
        "deny_purge": ("L16", "it can't be undone"),
    }
    for stream in topology.streams:
        for field in forbidden.keys() & {field for field, value in stream.config().items() if value}:
            rule, reason = forbidden[field]
            yield Lint(rule, stream.name, reason, f"leave {field} off")


def _filters_hear_something(_: EnvironmentSpec, topology: Topology) -> Iterator[Lint]:
    for durable in topology.durables:
        subjects = topology.stream(durable.stream).subjects
        for each in durable.filter_subjects:
            if not any(covers(subject, each) for subject in subjects):
                yield Lint(
                    "L10", durable.name, f"{each} is never in {durable.stream}: it would be idle", "fix the filter"
                )
    for one, other in combinations(topology.durables, 2):
        if one.stream == other.stream and _job(one) == _job(other) and _meet(one, other):
            yield Lint("L10", one.name, f"hears what {other.name} hears: work is done twice", "disjoint filters")


def _job(durable: Durable) -> str:
    """Return what a durable is for: a webhook is both unpacked and followed to what it names."""
    return durable.name.partition("-")[0]


def _meet(one: Durable, other: Durable) -> bool:
    return any(overlap(a, b) for a in one.filter_subjects for b in other.filter_subjects)


def _unlimited_deliveries(_: EnvironmentSpec, topology: Topology) -> Iterator[Lint]:
    """max_deliver is -1, without backoff: the worker stops retrying, since the server would write no dead letter."""
    for durable in topology.durables:
        config = durable.config()
        if config["ack_policy"] != "explicit" or config["max_deliver"] != -1 or config.get("backoff"):
            reason = "a server that stops delivering writes no dead letter"
            yield Lint("L11", durable.name, reason, "ack_policy: explicit, max_deliver: -1, no backoff")


def _keeps_its_place(_: EnvironmentSpec, topology: Topology) -> Iterator[Lint]:
    for durable in topology.durables:
        if durable.config()["inactive_threshold"]:
            reason = "the server deletes it when nobody pulls, its place included"
            yield Lint("L12", durable.name, reason, "inactive_threshold: 0")


def _keeps_workers_busy(_: EnvironmentSpec, topology: Topology) -> Iterator[Lint]:
    for durable in topology.durables:
        if durable.limits.max_ack_pending < _LEAST_ACK_PENDING:
            reason = f"max_ack_pending {durable.limits.max_ack_pending} is less than two batches: workers wait idly"
            yield Lint("L13", durable.name, reason, f"max_ack_pending = {_LEAST_ACK_PENDING} or more")


def _has_an_owner(spec: EnvironmentSpec, topology: Topology) -> Iterator[Lint]:
    things: tuple[Stream | Durable, ...] = (*topology.streams, *topology.durables)
    for each in things:
        if not each.metadata.get("owner"):
            yield Lint("L14", each.name, "its owner is unknown", 'owner = "..." at the top of the file')
    if spec.environment == "production" and not spec.expect.account:
        reason = "nothing keeps this file from being applied to another server"
        yield Lint("L14", spec.environment, reason, "account, and cluster, below [expect]")


def _has_subjects_of_its_own(_: EnvironmentSpec, topology: Topology) -> Iterator[Lint]:
    for one, other in combinations(topology.streams, 2):
        if any(overlap(a, b) for a in one.subjects for b in other.subjects):
            reason = f"its subjects overlap with those of {other.name}: the server refuses (error 10065)"
            yield Lint("L15", one.name, reason, "subjects of its own")


def _names_what_exists(spec: EnvironmentSpec, topology: Topology) -> Iterator[Lint]:
    known = {durable.name for durable in topology.durables}
    for name in sorted(set(spec.durables) - known):
        yield Lint(
            "L17", name, "there is no such durable: its limits apply to nothing", f"one of {', '.join(sorted(known))}"
        )


_RULES: tuple[Rule, ...] = (
    _kept_on_disk,
    _refuses_when_full,
    _outlives_an_outage,
    _has_room,
    _remembers_retries,
    _survives_a_server,
    _keeps_copies_unpacked,
    _opens_no_trapdoor,
    _filters_hear_something,
    _unlimited_deliveries,
    _keeps_its_place,
    _keeps_workers_busy,
    _has_an_owner,
    _has_subjects_of_its_own,
    _names_what_exists,
)
