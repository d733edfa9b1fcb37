"""The subjects of every kind: who writes on them, and who reads."""

from reference_markdown import code, table

from athlete_ally.core import topology
from athlete_ally.core.verdict import REASONS
from athlete_ally.measurements import KINDS


def subjects_table() -> str:
    """Return a row for each subject."""
    return table(("subject", "stream", "written by", "read by"), [row for kind in KINDS for row in _rows(kind)])


def _rows(kind: str) -> list[tuple[str, ...]]:
    hot, dead, worker = code(topology.CORE_HOT), code(topology.DLQ), code(topology.normalize_durable(kind))
    letters = [topology.dead_letter_subject(kind, reason) for reason in REASONS]
    return [
        (code(topology.raw_subject(kind)), hot, "ingest", worker),
        (code(topology.stored_subject(kind)), hot, "normalize", "whoever wants to know"),
        *((code(subject), dead, "normalize", "`athlete-ally dlq`") for subject in letters),
    ]
