"""What the attributes of an Apple Health export say: numbers, instants, and who measured."""

import re
from datetime import datetime
from functools import lru_cache

from athlete_ally.core.errors import InvalidMessage
from athlete_ally.formats.apple_time import instant
from athlete_ally.formats.units import converted

Attributes = dict[str, str]

SOURCE = "apple-health"
QUANTITY = "HKQuantityTypeIdentifier"
_MOST_LABEL = 128
# Real ones have some 150 characters; what is longer is cut before it is remembered.
_MOST_DEVICE = 1024


def captured(its: Attributes) -> datetime:
    """Return when a record was made."""
    return instant(its.get("creationDate") or its["endDate"])


def number(text: str) -> float:
    """Return a number.

    Raises:
        InvalidMessage: it is beyond every measure, or none.
    """
    value = float(text)
    if not abs(value) < 1e9:  # noqa: PLR2004  # what fields hold; no number fails this too
        raise InvalidMessage("a number beyond every measure")
    return value


def per_cent(its: Attributes) -> float:
    """Return a fraction of 1 in per cent."""
    return float(f"{number(its['value']) * 100:.6g}")


def origin(its: Attributes) -> tuple[str, str | None]:
    """Return source and device. What Apple's own devices measured has one source; every other app is its own."""
    # In front stands the address of an object, which changes from record to record.
    _, _, parts = its.get("device", "")[:_MOST_DEVICE].partition(">")
    return _origin(parts, its.get("sourceName", "")[:_MOST_LABEL])


def label(text: str, longest: int = _MOST_LABEL) -> str:
    """Return a text that fields of ours can hold."""
    return re.sub(r"[\x00-\x1f\x7f]", " ", text)[:longest]


def quantity(its: Attributes, unit: str) -> float:
    """Return the value of a record in a unit of ours.

    Raises:
        InvalidMessage: it is no number, or nobody knows its unit.
    """
    return converted(number(its["value"]), its["unit"], unit)


# A person has a few devices, and asks for them with every record.
@lru_cache(maxsize=1024)
def _origin(device: str, source_name: str) -> tuple[str, str | None]:
    parts = dict(re.findall(r", (\w+):(.*?)(?=, \w+:|>$)", device))
    name = " ".join(filter(None, (parts.get("name"), parts.get("hardware")))) or None
    by_apple = parts.get("manufacturer", "").startswith("Apple")
    source = SOURCE if by_apple or not source_name else f"{SOURCE}/{source_name}"
    return label(source), None if name is None else label(name)
