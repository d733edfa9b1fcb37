"""The subjects of every kind: who writes on them, and who reads."""

from reference_markdown import code, table

from athlete_ally.core.broker import topology
from athlete_ally.core.verdict import REASONS, VENDOR_REASONS
from athlete_ally.measurements import KINDS


def subjects_table() -> str:
    """Return a row for each subject."""
    return table(
        ("subject", "stream", "written by", "read by"),
        [*(row for kind in KINDS for row in _rows(kind)), *_rows_of_vendors(), _row_of_probes()],
    )


def _rows(kind: str) -> list[tuple[str, ...]]:
    hot, dead, worker = code(topology.CORE_HOT), code(topology.DLQ), code(topology.normalize_durable(kind))
    letters = [topology.dead_letter_subject(kind, reason) for reason in REASONS]
    return [
        (code(topology.raw_subject(kind)), hot, "ingest", worker),
        (code(topology.stored_subject(kind)), hot, "normalize", "your own consumers"),
        (code(topology.deleted_subject(kind)), hot, "normalize", "your own consumers"),
        *((code(subject), dead, "normalize", "`athlete-ally dlq`") for subject in letters),
    ]


def _row_of_probes() -> tuple[str, ...]:
    subject = code(topology.probe_subject("ingest"))
    return subject, code(topology.CORE_HOT), "ingest, when idle, to learn whether it is ready", "nobody"


def _rows_of_vendors() -> list[tuple[str, ...]]:
    hot, dead, name = code(topology.VENDOR_HOT), code(topology.DLQ), "{vendor}"
    unpack, fetch = code(topology.unpack_durable(name)), code(topology.fetch_durable(name))
    letters = [topology.webhook_letter_subject(name, reason) for reason in VENDOR_REASONS]
    return [
        (code(topology.webhook_subject(name)), hot, "ingest", f"{unpack}, {fetch}"),
        (code(topology.fetched_subject(name)), hot, "fetch", unpack),
        *((code(subject), dead, "normalize, fetch", "`athlete-ally dlq`") for subject in letters),
    ]
