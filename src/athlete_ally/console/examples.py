"""Example readings: a valid one, one with an implausible value, one with a misspelt field. Pure."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

PERSON = "try-it"
"""The test user of the examples."""


@dataclass(frozen=True, slots=True)
class Example:
    """A reading to send, and the expected outcome."""

    key: str
    title: str
    expected: str
    body: str


def examples(now: datetime) -> tuple[Example, ...]:
    """Return the examples, captured now, so that each time they are new messages."""
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
        Example("fine", "A reading", "Expected: stored as a record.", _text(fine)),
        Example(
            "impossible",
            "An implausible value",
            "Expected: ingest accepts it, since its fields are valid; normalize checks the value and dead-letters it.",
            _text({**fine, "rmssd": 900.0}),
        ),
        Example(
            "misspelt",
            "A misspelt field",
            "Expected: ingest refuses it with 422 and suggests the right field name.",
            _text(misspelt),
        ),
    )


def _text(reading: dict[str, Any]) -> str:
    return json.dumps(reading, indent=2)
