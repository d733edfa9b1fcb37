"""What a change of one field does to a durable. Pure."""

from collections.abc import Sequence
from typing import Any

from athlete_ally.core.broker.permissions import covers
from athlete_ally.core.broker.state import LiveDurable
from athlete_ally.ops.streams.difference import Difference
from athlete_ally.ops.streams.effect import ChangeRisk, is_smaller, span_of

_NEVER = {
    *("deliver_policy", "opt_start_seq", "opt_start_time", "ack_policy", "replay_policy", "max_waiting"),
    *("mem_storage", "idle_heartbeat", "flow_control", "deliver_subject", "direct", "sourcing"),
}
_HARMLESS = {"description", "metadata"}
_SAFE = ChangeRisk("safe")


def durable_change_risk(  # noqa: PLR0911  # a table of cases reads better whole
    difference: Difference, live: LiveDurable, subjects: Sequence[str]
) -> ChangeRisk:
    """Return the risk of changing one field of a durable on a stream with these subjects."""
    before, after = difference.before, difference.after
    match difference.field:
        case field if field in _NEVER:
            return _never(field, live)
        case field if field in _HARMLESS:
            return _SAFE
        case "filter_subjects" | "filter_subject":
            return _filters(after, subjects)
        case "max_deliver":
            return _max_deliver(before, after)
        case "ack_wait" if (after or 0) < (before or 0):
            return ChangeRisk("service-affecting", f"what takes longer than {span_of(after)} is delivered twice")
        case "max_ack_pending" if is_smaller(before, after):
            return ChangeRisk("service-affecting", f"at most {after} unacknowledged deliveries: less throughput")
        case "inactive_threshold" if after:
            return ChangeRisk(
                "service-affecting", "the server deletes it when nobody pulls, and its place in the stream is lost"
            )
        case "ack_wait" | "max_ack_pending" | "inactive_threshold":
            return _SAFE
        case "backoff" if after:
            return ChangeRisk("service-affecting", "the first pause of backoff replaces ack_wait")
        case _:
            return ChangeRisk("service-affecting", f"what {difference.field} does to a worker is not known here")


def _never(field: str, live: LiveDurable) -> ChangeRisk:
    return ChangeRisk(
        "impossible",
        f"the server refuses to change {field} of a durable (JetStream error 10012)",
        f"stop its workers, note its ack floor ({live.ack_floor}), delete it, apply, and reset it to that place",
    )


def _filters(after: Any, subjects: Sequence[str]) -> ChangeRisk:
    wanted = [after] if isinstance(after, str) else list(after or ())
    lost = [each for each in wanted if not any(covers(subject, each) for subject in subjects)]
    if lost:
        return ChangeRisk("service-affecting", f"nothing in the stream is ever on {', '.join(lost)}: it would be idle")
    return ChangeRisk(
        "service-affecting", "from its place on it hears other subjects; what it has passed by is not given again"
    )


def _max_deliver(before: int | None, after: int | None) -> ChangeRisk:
    if not is_smaller(before, after):
        return _SAFE
    return ChangeRisk(
        "service-affecting", f"what was delivered {after} times already is stranded, without an advisory or dead letter"
    )
