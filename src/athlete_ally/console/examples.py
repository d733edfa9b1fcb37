"""Readings to try: one that is fine, one whose value is impossible, one that is misspelt. Pure."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

PERSON = "try-it"
"""The person that specimens are of: nobody."""


@dataclass(frozen=True, slots=True)
class Example:
    """A reading to send, and what is expected of it."""

    key: str
    title: str
    expected: str
    body: str


def examples(now: datetime) -> tuple[Example, ...]:
    """Return them, captured now, so that each is another message."""
    fine = {
        "userId": PERSON,
        "date": f"{now:%Y-%m-%d}",
        "rmssd": 42.0,
        "capturedAt": now.isoformat(timespec="milliseconds"),
        "source": "console",
        "context": "spot",
    }
    misspelt = {("rmsd" if name == "rmssd" else name): value for name, value in fine.items()}
    return (
        Example("fine", "A reading", "It is stored as a record.", _text(fine)),
        Example(
            "impossible",
            "An impossible value",
            "Its shape is right, so that ingest takes it; normalize finds the value and dead-letters it.",
            _text({**fine, "rmssd": 900.0}),
        ),
        Example(
            "misspelt",
            "A misspelt field",
            "Ingest refuses it with 422, and says which field is meant.",
            _text(misspelt),
        ),
    )


def _text(reading: dict[str, Any]) -> str:
    return json.dumps(reading, indent=2)
