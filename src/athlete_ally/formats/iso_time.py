"""Instants in ISO 8601, in files where each of them may be missing or broken."""

from datetime import UTC, datetime, tzinfo
from typing import Any


def instant(written: Any, zone: tzinfo | None = None) -> datetime | None:
    """Return an instant; one without offset is of `zone`, or UTC. None where it is none."""
    try:
        at = datetime.fromisoformat(written)
    except (TypeError, ValueError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=zone or UTC)
