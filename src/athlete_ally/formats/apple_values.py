"""What the attributes of an Apple Health export say: numbers, instants, and who measured."""

import re
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from athlete_ally.core.errors import InvalidMessage
from athlete_ally.formats.apple_time import instant
from athlete_ally.formats.units import converted

Attributes = dict[str, str]

SOURCE = "apple-health"
QUANTITY = "HKQuantityTypeIdentifier"
_MOST_LABEL = 128
_MOST_NAMES = 1000
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


class Origins:
    """Who measured: Apple's own devices are one source, every other app is a source of its own.

    A record of Apple's own carries the device, or else the name that the person gave the watch or phone; an app's
    workout carries the watch as its device, too, and is the app's all the same.
    """

    def __init__(self) -> None:
        """Know no names yet."""
        self._of_devices: set[str] = set()
        self._of_apple: set[str] = set()

    def of_record(self, its: Attributes, sort: str) -> tuple[str, str | None]:
        """Return source and device of a record."""
        name, device = its.get("sourceName", "")[:_MOST_LABEL], _device(its)
        if device.is_apple:
            self.learn(name, sort)
            return SOURCE, device.name
        is_own = not name or _is_device_name(name) or (not device.name and name in self._of_devices)
        return SOURCE if is_own else _app(name), device.name

    def of_workout(self, its: Attributes) -> tuple[str, str | None]:
        """Return source and device of a workout."""
        name, device = its.get("sourceName", "")[:_MOST_LABEL], _device(its)
        is_own = not name or _is_device_name(name) or (device.is_apple and name in self._of_apple)
        return SOURCE if is_own else _app(name), device.name

    def learn(self, name: str, sort: str) -> None:
        """Remember the source name of a record that an Apple device made."""
        if len(self._of_devices) < _MOST_NAMES:
            self._of_devices.add(name)
            # Types that apps can only read: https://developer.apple.com/documentation/healthkit/data_types
            if sort.startswith(f"{QUANTITY}Apple"):
                self._of_apple.add(name)


def label(text: str, longest: int = _MOST_LABEL) -> str:
    """Return a text that fields of ours can hold."""
    return re.sub(r"[\x00-\x1f\x7f]", " ", text)[:longest]


def quantity(its: Attributes, unit: str) -> float:
    """Return the value of a record in a unit of ours.

    Raises:
        InvalidMessage: it is not a number, or its unit is unknown.
    """
    return converted(number(its["value"]), its["unit"], unit)


class _Device(NamedTuple):
    name: str | None
    is_apple: bool


def _device(its: Attributes) -> _Device:
    # In front stands the address of an object, which changes from record to record.
    _, _, parts = its.get("device", "")[:_MOST_DEVICE].partition(">")
    return _device_of(parts)


# A person has a few devices, and asks for them with every record.
@lru_cache(maxsize=1024)
def _device_of(text: str) -> _Device:
    parts = dict(re.findall(r", (\w+):(.*?)(?=, \w+:|>$)", text))
    name = " ".join(filter(None, (parts.get("name"), parts.get("hardware")))) or None
    return _Device(None if name is None else label(name), parts.get("manufacturer", "").startswith("Apple"))


@lru_cache(maxsize=1024)
def _is_device_name(name: str) -> bool:
    return re.search(r"apple\s*watch|\biphone\b|\bipad\b", name, re.IGNORECASE) is not None


@lru_cache(maxsize=1024)
def _app(name: str) -> str:
    return label(f"{SOURCE}/{name}")
