"""Streams and durables, as the operator tool wants them."""

from pathlib import Path

from reference_markdown import code, codes, size, span, table

from athlete_ally.config.environment_file import load_environment
from athlete_ally.core.broker.topology import Stream, build_topology
from athlete_ally.measurements import KINDS
from athlete_ally.vendors import FETCHED, VENDORS

_LIMITS = ("stream", "max_age", "max_bytes", "max_msg_size", "duplicate_window", "replicas", "compression")
_FILES = Path(__file__).parent.parent / "deploy/environments"


def streams_tables() -> str:
    """Return what all environments have in common, then a table of limits for each."""
    streams = build_topology(KINDS, VENDORS, fetched=FETCHED).streams
    common = table(
        ("stream", "subjects", "discard", "holds"),
        [(code(each.name), codes(each.subjects), code(each.discard), each.description) for each in streams],
    )
    always = [(code(name), code(value)) for name, value in streams[0].config().items() if name in _SAME_EVERYWHERE]
    same = table(("setting", "value in every stream"), always)
    return "\n\n".join((common, same, *map(_environment, ("dev", "staging", "production"))))


def _environment(name: str) -> str:
    streams = build_topology(KINDS, VENDORS, load_environment(_FILES / f"{name}.toml"), fetched=FETCHED).streams
    return f"### {name}\n\n{table(_LIMITS, map(_limits, streams))}"


_SAME_EVERYWHERE = {"retention", "storage", "discard", "allow_direct", "max_msgs", "max_consumers"}


def _limits(stream: Stream) -> tuple[str, ...]:
    limits = stream.limits
    sizes = size(limits.max_bytes), size(stream.max_message_bytes)
    copies = str(limits.replicas), code(limits.packing)
    return code(stream.name), span(limits.max_age), *sizes, span(limits.duplicate_window), *copies


def durables_table() -> str:
    """Return a row for each durable, with the limits of dev."""
    rows = [
        (
            code(durable.name),
            code(durable.stream),
            codes(durable.filter_subjects),
            span(durable.config()["ack_wait"] / 1e9),
            str(durable.config()["max_deliver"]),
            str(durable.limits.max_ack_pending),
        )
        for durable in build_topology(KINDS, VENDORS, fetched=FETCHED).durables
    ]
    return table(("durable", "stream", "filter subjects", "ack_wait", "max_deliver", "max_ack_pending"), rows)
