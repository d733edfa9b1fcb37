"""Why a letter fails today: which field of which reading, what it holds, what is expected, and what helps. Pure."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from athlete_ally.core.messages.dead_letter import original_indexes
from athlete_ally.core.receipts import Rejected
from athlete_ally.ops.dead_letters.letter_state import LetterState
from athlete_ally.ops.dead_letters.masking import masked

_FIELD = re.compile(r"([A-Za-z_][\w.\[\]]{0,63}): (.+)", re.DOTALL)
_UNKNOWN = re.compile(r"unknown field; did you mean '([^']+)'")
_REMEDIES = (
    ("no person is linked", "`athlete-ally accounts add` says whose it is; then replay"),
    ("no person connected", "let the person connect (`athlete-ally connect link`); then replay"),
    ("the permission", "let the person connect again (`athlete-ally connect link`); then replay"),
    ("unknown field", "let the sender put it under 'raw', or teach the kind this field; then replay"),
    ("required, but missing", "let the sender send it, or `dlq edit` it in"),
    ("Expected", "let the sender keep to the contract; `dlq edit` mends single letters"),
    ("outside", "a sensor or a wrong unit: tell the sender; if the limit is wrong, change it and replay"),
    ("SQLSTATE", "look up the state; a constraint of the table refuses the row"),
    ("the body is not", "no reading can be found in it: tell the publisher, then `dlq resolve` it"),
    ("handled", "it took the worker down: find the crash in its log before any replay"),
)


@dataclass(frozen=True, slots=True)
class Difference:
    """One way in which a reading is not as today's code wants it. `value` is masked unless it was to be revealed."""

    index: int
    reason: str
    field: str
    value: Any
    expected: str
    remedy: str


def differences(letter_state: LetterState, rejected: Sequence[Rejected], *, reveal: bool) -> list[Difference]:
    """Return what is wrong with each reading that today's code rejects."""
    readings = _readings(letter_state)
    return [_difference(letter_state, each, readings, reveal=reveal) for each in rejected]


def _difference(letter_state: LetterState, rejected: Rejected, readings: dict[int, Any], *, reveal: bool) -> Difference:
    # Of a webhook the index is that of an item, and the error names the kind and field that it would become.
    match = None if letter_state.letter.vendor else _FIELD.fullmatch(rejected.error)
    field, expected = (match[1], match[2]) if match else ("", rejected.error)
    reading = readings.get(rejected.index)
    value = reading.get(field) if isinstance(reading, dict) and field else None  # pyright: ignore[reportUnknownMemberType,reportUnknownVariableType]  # JSON
    return Difference(
        index=rejected.index,
        reason=rejected.reason,
        field=field,
        value=value if reveal else masked(value, field),  # pyright: ignore[reportUnknownArgumentType]  # JSON
        expected=expected,
        remedy=_remedy(rejected),
    )


def _remedy(rejected: Rejected) -> str:
    nearest = _UNKNOWN.search(rejected.error)
    if nearest:
        return f"a slip of the pen for {nearest[1]}? `dlq edit` renames it; tell the sender"
    for sign, remedy in _REMEDIES:
        if sign in rejected.error:
            return remedy
    return "read the error; when the cause is mended, `dlq test` says whether it would pass"


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
