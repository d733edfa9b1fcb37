"""Streams and durables, as the operator tool wants them."""

from reference_markdown import code, codes, size, span, table

from athlete_ally.core.topology import DUPLICATE_WINDOW_S, ENVIRONMENTS, Stream, build_topology
from athlete_ally.measurements import KINDS
from athlete_ally.vendors import VENDORS

_LIMITS = ("stream", "max_age", "max_bytes", "max_msg_size", "replicas")


def streams_tables() -> str:
    """Return what all environments have in common, then a table of limits for each."""
    streams = build_topology(KINDS, VENDORS, "dev").streams
    common = table(
        ("stream", "subjects", "holds"),
        [(code(stream.name), codes(stream.subjects), stream.description) for stream in streams],
    )
    always = [(code(name), code(value)) for name, value in streams[0].config().items() if name in _SAME_EVERYWHERE]
    same = table(("setting", "value in every stream"), [*always, ("`duplicate_window`", span(DUPLICATE_WINDOW_S))])
    by_environment = [
        f"### {name}\n\n{table(_LIMITS, map(_limits, build_topology(KINDS, VENDORS, name).streams))}"
        for name in ENVIRONMENTS
    ]
    return "\n\n".join((common, same, *by_environment))


_SAME_EVERYWHERE = {"retention", "storage", "discard", "compression", "allow_direct", "max_msgs", "max_consumers"}


def _limits(stream: Stream) -> tuple[str, ...]:
    sizes = size(stream.max_bytes), size(stream.max_message_bytes)
    return code(stream.name), span(stream.max_age_s), *sizes, str(stream.replicas)


def durables_table() -> str:
    """Return a row for each durable; they are the same in every environment."""
    rows = [
        (
            code(durable.name),
            code(durable.stream),
            codes(durable.filter_subjects),
            span(durable.config()["ack_wait"] / 1e9),
            str(durable.config()["max_deliver"]),
            str(durable.max_ack_pending),
        )
        for durable in build_topology(KINDS, VENDORS, "dev").durables
    ]
    return table(("durable", "stream", "filter subjects", "ack_wait", "max_deliver", "max_ack_pending"), rows)
