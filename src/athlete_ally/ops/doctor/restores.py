"""What `doctor` finds about streams that were restored to an earlier state."""

from datetime import timedelta

from athlete_ally.core.broker.stream_life import LostMessages
from athlete_ally.ops.doctor.finding import Check

TOLD_FOR = timedelta(days=7)
"""How long a restore is told; senders rarely keep more than that."""


def check_restore(lost: LostMessages) -> Check:
    """Check what a restored stream no longer has, and what of it was never processed."""
    name = f"restored {lost.stream}"
    detail = (
        f"noticed {lost.noticed_at:%F %T} UTC: {lost.messages:,} messages from sequence {lost.from_sequence} on "
        f"are gone; {lost.processed:,} of them were processed before"
    )
    if lost.processed >= lost.messages:
        return Check(name, "ok", detail)
    remedy = f"let senders repeat what was accepted since {lost.lost_since:%F %T} UTC: what is stored is recognised"
    return Check(name, "warning", f"{detail}, up to {lost.messages - lost.processed:,} were not", remedy)
