"""Small exports of Apple Health, and FIT files, made byte by byte."""

import struct
import zipfile
from collections.abc import Sequence
from pathlib import Path

DOCTYPE = "<!DOCTYPE HealthData [\n<!ELEMENT HealthData (Record)*>\n<!ATTLIST Record broken\n]>\n"
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
WATCH = (
    "&lt;&lt;HKDevice: 0x2801&gt;, name:Apple Watch, manufacturer:Apple Inc., model:Watch, hardware:Watch6,2, "
    "software:11.1&gt;"
)


def export_xml(*entries: str, doctype: str = DOCTYPE) -> bytes:
    """Return an export with these entries; its document type is as broken as that of iOS 16."""
    date = '<ExportDate value="2026-11-20 09:00:00 +0100"/>'
    return f'{HEAD}{doctype}<HealthData locale="en_GB">{date}{"".join(entries)}</HealthData>'.encode()


def record(sort: str, value: str, start: str, end: str | None = None, *, inside: str = "", **its: str) -> str:
    """Return a record; times are local ones of 2026-11-20 unless they bring a day and an offset."""
    start, end = _time(start), _time(end or start)
    given = {"type": sort, "sourceName": "Watch", "device": WATCH, "value": value, "startDate": start, "endDate": end}
    attributes = " ".join(f'{name}="{each}"' for name, each in ({"creationDate": end} | given | its).items() if each)
    return f"<Record {attributes}>{inside}</Record>"


def _time(text: str) -> str:
    return text if "+" in text or "-" in text else f"2026-11-20 {text} +0100"


def export_zip(path: Path, xml: bytes) -> Path:
    """Write the zip of an export, with the document beside it that is none of ours."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("apple_health_export/export_cda.xml", b"<ClinicalDocument/>")
        archive.writestr("apple_health_export/Exportaci\u00f3n.xml", xml)
    return path


# Number in the profile, format of struct, base type: https://developer.garmin.com/fit/protocol/
Field = tuple[int, str, int]
UINT8, UINT16, UINT32, ENUM = ("B", 0x02), ("H", 0x84), ("I", 0x86), ("B", 0x00)


def fit_file(messages: Sequence[tuple[int, Sequence[tuple[int, tuple[str, int], int | tuple[int, ...]]]]]) -> bytes:
    """Return a FIT file with these messages: the global number, then (field, type, raw value) of each field."""
    data = b""
    for number, fields in messages:
        definition = struct.pack("<BBBHB", 0x40, 0, 0, number, len(fields))
        for field, (form, base), _ in fields:
            definition += struct.pack("<BBB", field, struct.calcsize(form), base)
        data += definition + b"\x00" + b"".join(_packed(form, value) for _, (form, _), value in fields)
    return _fit_of(data)


def chained(*files: bytes, extra: bytes = b"") -> bytes:
    """Return files one behind the other; `extra` becomes the end of the last one's data."""
    return b"".join(files[:-1]) + (_fit_of(files[-1][14:-2] + extra) if extra else files[-1])


def _packed(form: str, value: int | tuple[int, ...]) -> bytes:
    return struct.pack(f"<{form}", *value) if isinstance(value, tuple) else struct.pack(f"<{form}", value)


def _fit_of(data: bytes) -> bytes:
    header = struct.pack("<BBHI4s", 14, 0x20, 2195, len(data), b".FIT")
    whole = header + struct.pack("<H", _crc(header)) + data
    return whole + struct.pack("<H", _crc(whole))


def _crc(data: bytes) -> int:
    """Return the checksum of FIT: CRC-16 with polynomial 0x8005, reflected."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0xA001 if crc & 1 else 0)
    return crc
