"""What the fields of a Health Auto Export document say: numbers, texts, and who measured."""

from typing import Any

from athlete_ally.core.errors import InvalidMessage
from athlete_ally.formats.label import MOST_LABEL, label
from athlete_ally.formats.units import converted

Datum = dict[str, Any]

SOURCE = "health-auto-export"
BROKEN = (InvalidMessage, KeyError, ValueError, TypeError, AttributeError, OverflowError)
"""What a field of another form than the documented one raises."""


def source_of(datum: Datum) -> str:
    """Return the source of readings; nights of version 1 name theirs as `sleepSource`."""
    source = datum.get("source") or datum.get("sleepSource")
    return f"{SOURCE}/{label(source)}"[:MOST_LABEL] if source else SOURCE


def number(value: Any) -> float:
    """Return a number.

    Raises:
        InvalidMessage: it is beyond every measure, or there is none.
    """
    if value is None or isinstance(value, bool):
        raise InvalidMessage("no number")
    result = float(value)
    if not abs(result) < 1e9:  # noqa: PLR2004  # what fields hold; no number fails this too
        raise InvalidMessage("a number beyond every measure")
    return result


def per_cent(value: Any) -> float:
    """Return a percentage, whether it is written as one or as a fraction of 1."""
    share = number(value)
    return float(f"{share * 100:.6g}") if share <= 1 else share


def quantity(value: Any, units: Any, ours: str) -> float:
    """Return a number in a unit of ours.

    Raises:
        InvalidMessage: it is not a number, or its unit is unknown.
    """
    return converted(number(value), units if isinstance(units, str) else "", ours)


def reason_of(error: Exception) -> str:
    """Return why a datum is left out, without what it holds."""
    match error:
        case InvalidMessage():
            return str(error)
        case KeyError():
            return "a field is missing, or its value is none that the app documents"
        case _:
            return "a field holds neither a number nor a time"
