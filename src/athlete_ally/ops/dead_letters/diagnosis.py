"""Why a dead letter fails today: the field, its value, the expected value, and the remedy. Pure."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from athlete_ally.core.messages.dead_letter import original_indexes
from athlete_ally.core.receipts import Rejected
from athlete_ally.ops.dead_letters.expectation import expectation
from athlete_ally.ops.dead_letters.letter_state import LetterState
from athlete_ally.ops.dead_letters.masking import masked, revealed

_FIELD = re.compile(r"([A-Za-z_][\w.\[\]]{0,63}): (.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that today's code rejects. `value` is masked unless it is revealed."""

    index: int
    reason: str
    field: str
    value: Any
    expected: str
    remedy: str


def differences(letter_state: LetterState, rejected: Sequence[Rejected], *, reveal: bool) -> list[Difference]:
    """Return a difference for each reading that today's code rejects."""
    readings = _readings(letter_state)
    return [_difference(letter_state, each, readings, reveal=reveal) for each in rejected]


def _difference(letter_state: LetterState, rejected: Rejected, readings: dict[int, Any], *, reveal: bool) -> Difference:
    # Of a webhook the index is that of an item, and the error names the kind and field that it would become.
    match = None if letter_state.letter.vendor else _FIELD.fullmatch(rejected.error)
    field, problem = (match[1], match[2]) if match else ("", rejected.error)
    wanted = expectation(problem)
    reading = readings.get(rejected.index)
    value = reading.get(field) if isinstance(reading, dict) and field else None  # pyright: ignore[reportUnknownMemberType,reportUnknownVariableType]  # JSON
    return Difference(
        index=rejected.index,
        reason=rejected.reason,
        field=field,
        value=revealed(value) if reveal else masked(value, field),  # pyright: ignore[reportUnknownArgumentType]  # JSON
        expected=wanted.expected,
        remedy=wanted.remedy,
    )


def _readings(letter_state: LetterState) -> dict[int, Any]:
    """Return the readings by their index in the original."""
    letter = letter_state.current()
    try:
        found: Any = json.loads(letter.body)["readings"]
    except (ValueError, RecursionError, KeyError, TypeError):
        return {}
    if not isinstance(found, list):
        return {}
    items: list[Any] = found  # pyright: ignore[reportUnknownVariableType]  # JSON
    return dict(zip(original_indexes(letter.headers, len(items)), items, strict=True))
