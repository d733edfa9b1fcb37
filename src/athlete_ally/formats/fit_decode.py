"""From the bytes of a FIT file to its messages, by number and without names; what can't be read costs only itself.

The layout is that of https://developer.garmin.com/fit/protocol/: files one behind the other, each with a header, data
and a checksum; in the data definitions, and messages that they describe.
"""

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

_SIGNATURE = b".FIT"
_SHORTEST_HEADER = 12
_CHECKSUM_BYTES = 2
_TIMESTAMP = 253
_FIELD_DESCRIPTION = 206
_STRING = 0x07
# Base type: format of `struct`, and the value that means "none".
_TYPES = {
    0x00: ("B", 0xFF),
    0x01: ("b", 0x7F),
    0x02: ("B", 0xFF),
    0x83: ("h", 0x7FFF),
    0x84: ("H", 0xFFFF),
    0x85: ("i", 0x7FFFFFFF),
    0x86: ("I", 0xFFFFFFFF),
    0x88: ("f", None),
    0x89: ("d", None),
    0x0A: ("B", 0),
    0x8B: ("H", 0),
    0x8C: ("I", 0),
    0x0D: ("B", 0xFF),
    0x8E: ("q", 2**63 - 1),
    0x8F: ("Q", 2**64 - 1),
    0x90: ("Q", 0),
}

Raw = Any
"""The value of a field: a number or a text, or several numbers as a tuple, None for each that is not there."""


@dataclass(frozen=True, slots=True)
class RawMessage:
    """A data message: its number in the profile, and its fields by theirs; fields without a value are left out.

    `developer` holds fields that an app defined, by the number of the field whose place they take in the profile.
    """

    number: int
    fields: dict[int, Raw]
    developer: dict[int, Raw] = field(default_factory=dict[int, Raw])


@dataclass(frozen=True, slots=True)
class Unread:
    """Bytes that can't be read, from `place` on, and why."""

    place: int
    reason: str


Condition = Literal["sound", "damaged", "cut off", "not ended"]
"""Of a file: its checksum is right or wrong; its data or checksum are missing in part; its length was never written."""


@dataclass(frozen=True, slots=True)
class Section:
    """One FIT file of a chain: where its data stand, and in which condition they are."""

    start: int
    end: int
    condition: Condition


def sections(content: bytes) -> Iterator[Section | Unread]:
    """Yield the files of a chain. Bytes behind the last one are no file: Garmin's Forerunner 255 writes some."""
    place = 0
    while place < len(content):
        section = _section(content, place)
        yield section
        if isinstance(section, Unread):
            return
        place = section.end + _CHECKSUM_BYTES if section.condition in {"sound", "damaged"} else len(content)


def messages(content: bytes, section: Section) -> Iterator[RawMessage | Unread]:
    """Yield the data messages of a file; where one can't be told from the next, what is left is one `Unread`."""
    reader = _Reader(content, section)
    while reader.place < section.end:
        try:
            message = reader.step()
        except (struct.error, IndexError):
            yield Unread(reader.place, "a message that passes the end of the data")
            return
        if message is not None:
            yield message
        if isinstance(message, Unread):
            return


def _section(content: bytes, place: int) -> Section | Unread:
    header_size = content[place]
    if header_size < _SHORTEST_HEADER or not _is_header(content, place):
        return Unread(place, "no header of a FIT file")
    (data_size,) = struct.unpack_from("<I", content, place + 4)
    start = place + header_size
    condition = _condition(content, place, start, data_size)
    end = len(content) if condition == "not ended" else min(start + data_size, len(content))
    return Section(start, end, condition)


def _condition(content: bytes, place: int, start: int, data_size: int) -> Condition:
    whole = memoryview(content)
    end = start + data_size
    # A device writes the length when a recording ends, and 0 before.
    if not data_size and len(content) > end + _CHECKSUM_BYTES and not _is_header(content, end + _CHECKSUM_BYTES):
        return "not ended"
    if end + _CHECKSUM_BYTES <= len(content):
        return "sound" if _is_right(whole[place:end], whole[end:]) else "damaged"
    # A length that passes the end of the file may be a wrong one: a long header has a checksum of its own, or 0.
    has_checksum = start - place > _SHORTEST_HEADER + 1 and any(whole[place + 12 : place + 14])
    is_header_right = not has_checksum or _is_right(whole[place : place + 12], whole[place + 12 :])
    return "cut off" if is_header_right else "damaged"


def _is_header(content: bytes, place: int) -> bool:
    return content[place + 8 : place + 12] == _SIGNATURE


def _is_right(data: memoryview, behind: memoryview) -> bool:
    (checksum,) = struct.unpack_from("<H", behind)
    return _checksum(data) == checksum


@cache
def _checksum_table() -> tuple[int, ...]:
    table: list[int] = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0xA001 if crc & 1 else 0)
        table.append(crc)
    return tuple(table)


def _checksum(data: memoryview) -> int:
    """Return the CRC-16 of FIT (polynomial 0x8005, reflected)."""
    table, crc = _checksum_table(), 0
    for byte in data:
        crc = (crc >> 8) ^ table[(crc ^ byte) & 0xFF]
    return crc


@dataclass(frozen=True, slots=True)
class _Field:
    number: int
    size: int
    base: int


@dataclass(frozen=True, slots=True)
class _Definition:
    number: int
    order: str
    fields: tuple[_Field, ...]
    # Number of the field, size, index of the app that defined it.
    developer: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class _Described:
    """How an app described a field of its own, and which field of which message it takes the place of."""

    base: int
    native: tuple[int, int] | None


class _Reader:
    def __init__(self, content: bytes, section: Section) -> None:
        self._content = memoryview(content)[: section.end]
        self.place = section.start
        self._definitions: dict[int, _Definition] = {}
        self._described: dict[tuple[int, int], _Described] = {}
        self._last_timestamp = 0

    def step(self) -> RawMessage | Unread | None:
        """Read a definition (None) or a message."""
        start = self.place
        header = self._byte()
        is_compressed = bool(header & 0x80)
        local = (header >> 5) & 0x3 if is_compressed else header & 0xF
        if not is_compressed and header & 0x40:
            self._definitions[local] = self._definition(has_developer_fields=bool(header & 0x20))
            return None
        definition = self._definitions.get(local)
        if definition is None:
            return Unread(start, "a message that nothing defines")
        message = self._message(definition)
        if is_compressed:
            message.fields[_TIMESTAMP] = self._last_timestamp = _later(self._last_timestamp, header & 0x1F)
        elif isinstance(message.fields.get(_TIMESTAMP), int):
            self._last_timestamp = message.fields[_TIMESTAMP]
        if definition.number == _FIELD_DESCRIPTION:
            self._describe(message.fields)
        return message

    def _byte(self) -> int:
        self.place += 1
        return self._content[self.place - 1]

    def _definition(self, *, has_developer_fields: bool) -> _Definition:
        is_big = self._content[self.place + 1]
        order = ">" if is_big else "<"
        (number,) = struct.unpack_from(f"{order}H", self._content, self.place + 2)
        self.place += 4
        fields = tuple(_Field(*self._three()) for _ in range(self._byte()))
        developer = tuple(self._three() for _ in range(self._byte())) if has_developer_fields else ()
        return _Definition(number, order, fields, developer)

    def _three(self) -> tuple[int, int, int]:
        return self._byte(), self._byte(), self._byte()

    def _message(self, definition: _Definition) -> RawMessage:
        fields: dict[int, Raw] = {}
        for each in definition.fields:
            value = _value(self._take(each.size), each.base, definition.order)
            if value is not None:
                fields[each.number] = value
        message = RawMessage(definition.number, fields)
        for number, size, app in definition.developer:
            described = self._described.get((app, number))
            chunk = self._take(size)
            if described is not None and described.native is not None and described.native[0] == definition.number:
                value = _value(chunk, described.base, definition.order)
                if value is not None:
                    message.developer[described.native[1]] = value
        return message

    def _take(self, size: int) -> memoryview:
        chunk = self._content[self.place : self.place + size]
        if len(chunk) != size:
            raise IndexError(size)
        self.place += size
        return chunk

    def _describe(self, fields: dict[int, Raw]) -> None:
        """Remember a field of an app: https://developer.garmin.com/fit/cookbook/developer-data/."""
        app, number, base = (fields.get(each) for each in range(3))
        message, native = fields.get(14), fields.get(15)
        # Most apps leave the number of the message out, and write into records.
        is_native = isinstance(native, int)
        place = (message if isinstance(message, int) else 20, native) if is_native else None
        if isinstance(app, int) and isinstance(number, int) and isinstance(base, int):
            self._described[app, number] = _Described(base, place)


def _later(timestamp: int, offset: int) -> int:
    """Return the next instant whose last five bits are those of a compressed timestamp."""
    return timestamp + ((offset - timestamp) & 0x1F)


def _value(chunk: memoryview, base: int, order: str) -> Raw:
    """Return the value of a field; None where it is empty, or its size is no multiple of its type's (Coros)."""
    if base == _STRING:
        return bytes(chunk).split(b"\x00", 1)[0].decode("utf-8", "replace") or None
    form, none = _TYPES.get(base, ("", None))
    size = struct.calcsize(form)
    if not size or not len(chunk) or len(chunk) % size:
        return None
    values = tuple(
        None if each == none or not math.isfinite(each) else each
        for each in struct.unpack(f"{order}{len(chunk) // size}{form}", chunk)
    )
    if all(each is None for each in values):
        return None
    return values[0] if len(values) == 1 else values
