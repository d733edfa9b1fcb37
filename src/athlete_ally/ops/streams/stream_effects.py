"""The risk of changing one field of a stream: none, an effect on a service, data loss, or no way back. Pure.

Every rule was tried against nats-server 2.15; `tests/integration/test_update_table.py` tries them again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from athlete_ally.core.broker.state import LiveStream, Server
from athlete_ally.core.units_text import Size
from athlete_ally.ops.streams.deletion_forecast import NOTHING, Loss
from athlete_ally.ops.streams.difference import Difference
from athlete_ally.ops.streams.effect import ChangeRisk, is_smaller, loss_text, span_of


@dataclass(frozen=True, slots=True)
class Case:
    """One field of a stream that changes; `config` is the whole new configuration."""

    difference: Difference
    config: Mapping[str, Any]
    live: LiveStream
    server: Server
    loss: Loss = NOTHING
    overlapping: tuple[str, ...] = ()

    @property
    def before(self) -> Any:
        """Return the live value."""
        return self.difference.before

    @property
    def after(self) -> Any:
        """Return the wanted value."""
        return self.difference.after


Rule = Callable[[Case], ChangeRisk]

_SAFE = ChangeRisk("safe")
_COPY = "copy the stream to one with a new name, move the services, then retire the old one"


def stream_change_risk(case: Case) -> ChangeRisk:
    """Return the risk of changing one field of a stream."""
    return RULES.get(case.difference.field, _unknown)(case)


def _unknown(case: Case) -> ChangeRisk:
    return ChangeRisk("service-affecting", f"what {case.difference.field} does to running services is not known here")


def _safe(_: Case) -> ChangeRisk:
    return _SAFE


def _never(reason: str, remedy: str = _COPY) -> Rule:
    return lambda _: ChangeRisk("impossible", f"the server refuses: {reason} (JetStream error 10052)", remedy)


def _affects(reason: str) -> Rule:
    return lambda _: ChangeRisk("service-affecting", reason)


def _unless_on(reason: str) -> Rule:
    """Return the risk of a switch that harms while it is on."""
    return lambda case: ChangeRisk("service-affecting", reason) if case.after else _SAFE


def _one_way(reason: str) -> Rule:
    """Return the risk of a switch that can be turned on, and never off."""

    def rule(case: Case) -> ChangeRisk:
        if case.after:
            return ChangeRisk("one-way", reason, "leave it off unless it is meant for ever")
        return ChangeRisk("impossible", "the server refuses to turn it off (JetStream error 10052)", _COPY)

    return rule


def _limit(shrinks: str, unit: Callable[[int], object]) -> Rule:
    """Return the risk of a limit: none is the largest; a smaller one deletes if the stream discards old messages."""

    def rule(case: Case) -> ChangeRisk:
        if not is_smaller(case.before, case.after):
            return _SAFE
        if case.loss.messages:
            return ChangeRisk(
                "destructive", loss_text(case.loss), "take a backup, or let the messages be processed first"
            )
        return ChangeRisk("service-affecting", f"{shrinks} {unit(case.after)}: nothing goes now")

    return rule


def _max_bytes(case: Case) -> ChangeRisk:
    allowed, reserved = case.server.max_storage, case.server.reserved_storage
    growth = growth_of(case)
    if allowed is not None and growth > 0 and reserved + growth > allowed:
        return beyond_storage(reserved, growth, allowed)
    risk = _limit("the stream will hold at most", Size)(case)
    if risk.danger == "service-affecting" and case.live.bytes >= case.after:
        held = f"it holds {Size(case.live.bytes)} already: publishers are refused until messages age out"
        return ChangeRisk("service-affecting", held, "wait until it holds less, or choose a higher limit")
    return risk


def growth_of(case: Case) -> int:
    """Return how much more room a change of max_bytes reserves in the account, over all copies."""
    return (max(0, case.after) - max(0, case.before or 0)) * int(case.config.get("num_replicas", 1))


def beyond_storage(reserved: int, growth: int, allowed: int) -> ChangeRisk:
    """Return the risk of a limit above that of the account."""
    return ChangeRisk(
        "impossible",
        f"the account may reserve {Size(allowed)}: {Size(reserved)} are taken, and {Size(growth)} are wanted "
        "(JetStream error 10047)",
        "raise max_file of the account, and max_file_store where the disks have room (runbook: Enlarge a stream), or "
        "lower max_bytes",
    )


def _discard(case: Case) -> ChangeRisk:
    if case.after == "new":
        return ChangeRisk("service-affecting", "from now on a full stream refuses instead of forgetting")
    text = loss_text(case.loss) if case.loss.messages else "nothing goes now"
    return ChangeRisk(
        "destructive", f"from now on a full stream forgets its oldest messages in silence; {text}", "keep discard: new"
    )


def _retention(case: Case) -> ChangeRisk:
    if "workqueue" in {case.before, case.after}:
        return _never("retention can't change to or from workqueue")(case)
    if case.after == "limits":
        return ChangeRisk("safe")
    text = loss_text(case.loss) if case.loss.messages else "nothing goes now"
    return ChangeRisk(
        "destructive",
        f"what no consumer waits for is deleted, at once and from now on; {text}",
        "keep retention: limits",
    )


def _subjects(case: Case) -> ChangeRisk:
    if case.overlapping:
        return overlaps(case.overlapping)
    gone = sorted(set(case.before or ()) - set(case.after or ()))
    if not gone:
        return _SAFE
    return ChangeRisk("service-affecting", f"nobody will listen on {', '.join(gone)}: publishers there get no answer")


def overlaps(names: tuple[str, ...]) -> ChangeRisk:
    """Return the risk of subjects that belong to another stream."""
    return ChangeRisk(
        "impossible",
        f"the subjects overlap with those of {', '.join(names)} (JetStream error 10065)",
        "take the subjects away from there first",
    )


def _replicas(case: Case) -> ChangeRisk:
    if case.after > 1 and not case.server.cluster:
        return no_cluster()
    if (case.live.config.get("placement") or None) != (case.config.get("placement") or None):
        return ChangeRisk(
            "impossible",
            "the server refuses to move and to change the number of copies in one step (JetStream error 10123)",
            "change placement first, replicas afterwards",
        )
    if case.after < case.before:
        return ChangeRisk("service-affecting", f"{case.after} instead of {case.before} servers may hold the last copy")
    return ChangeRisk(
        "service-affecting", "the new copies are filled while the stream works; that takes disk and network"
    )


def no_cluster() -> ChangeRisk:
    """Return the risk of replicas on a single server."""
    return ChangeRisk(
        "impossible",
        "copies need a cluster, and this server stands alone (JetStream error 10074)",
        "connect to the cluster, or set replicas = 1",
    )


def _duplicate_window(case: Case) -> ChangeRisk:
    max_age = case.config.get("max_age", 0)
    if 0 < max_age < case.after:
        return ChangeRisk(
            "impossible",
            "the server refuses a duplicate_window above max_age (JetStream error 10052)",
            "choose duplicate_window up to max_age",
        )
    if case.after >= case.before:
        return _SAFE
    return ChangeRisk("service-affecting", f"what is sent again after {span_of(case.after)} is stored twice")


def _max_msg_size(case: Case) -> ChangeRisk:
    if not is_smaller(case.before, case.after):
        return _SAFE
    return ChangeRisk("service-affecting", f"messages above {Size(case.after)} are refused from now on")


def _mirror(case: Case) -> ChangeRisk:
    if case.after:
        return _never("a stream can't become the mirror of another, or of a different one")(case)
    return ChangeRisk("one-way", "the mirror becomes a stream of its own", "do this when the original is gone for good")


def _made_immutable(case: Case) -> ChangeRisk:
    if case.after:
        reason = "nothing can be stored, deleted or expire any more, for ever"
        return ChangeRisk("one-way", reason, "make only a stream immutable that never changes again")
    return _never("a stream that was made immutable stays so")(case)


_FOR_ERASURE = "messages can't be deleted one by one any more, for ever: a person's data could not be erased"
RULES: dict[str, Rule] = {
    "description": _safe,
    "metadata": _safe,
    "compression": _safe,
    "allow_direct": lambda case: _SAFE if case.after else ChangeRisk("service-affecting", "direct reads end"),
    "max_age": _limit("messages will be kept for", span_of),
    "max_bytes": _max_bytes,
    "max_msgs": _limit("the most messages will be", str),
    "max_msgs_per_subject": _limit("the most messages of one subject will be", str),
    "max_msg_size": _max_msg_size,
    "discard": _discard,
    "retention": _retention,
    "subjects": _subjects,
    "num_replicas": _replicas,
    "placement": _affects("the stream moves to other servers while it works"),
    "duplicate_window": _duplicate_window,
    "mirror": _mirror,
    "sealed": _made_immutable,
    "deny_delete": _one_way(_FOR_ERASURE),
    "deny_purge": _one_way("the stream can't be purged any more, for ever"),
    "allow_msg_ttl": _one_way("publishers may shorten the life of their messages"),
    "allow_msg_schedules": _one_way("publishers may schedule messages"),
    "allow_rollup_hdrs": _unless_on("any publisher can purge the stream with one header (Nats-Rollup)"),
    "no_ack": _unless_on("publishers get no acknowledgement: a 2xx would promise nothing"),
    "storage": _never("storage can't change"),
    "persist_mode": _never("persist_mode can't change"),
    "allow_msg_counter": _never("allow_msg_counter can't change"),
    "first_seq": lambda _: ChangeRisk(
        "impossible", "the server accepts first_seq and moves nothing: only a create heeds it", "leave it out"
    ),
}
