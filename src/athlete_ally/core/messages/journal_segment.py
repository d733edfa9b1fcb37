"""The format of a segment of the message journal: frames with digests, and how a damaged one is read. Pure.

A segment is a header, entries, and, once it is closed, a footer. Each is a frame:

    marker (4 bytes) | kind (1) | length (4) | index (4) | digest (16) | payload (length bytes)

Numbers are unsigned and little-endian. The digest is BLAKE2b over the segment's id, kind, length, index and payload: a
frame that is cut off, changed, moved or taken from another segment is recognised. The footer has the count of entries
and a digest over their digests. A damaged frame is passed over by looking for the next good one.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

import msgspec

_MARKER: Final = b"\xaaMJ\x01"
_FRAME: Final = struct.Struct("<4scII16s")
_SIGNED: Final = struct.Struct("<cII")
_DIGEST_BYTES: Final = 16
_HEADER, _ENTRY, _FOOTER = b"H", b"E", b"F"
# Above what a message may have, headers included: a length beyond it is damage, and nothing is read so far.
_MAX_PAYLOAD_BYTES: Final = 4 * 1024 * 1024
_PIECE_BYTES: Final = 1024 * 1024


class SegmentHeader(msgspec.Struct, frozen=True, array_like=True):
    """What is known of a segment. `key` names the key that its entries are encrypted with; empty: they are not."""

    segment: bytes
    service: str
    created_at_ms: int
    key: str = ""


class SegmentFooter(msgspec.Struct, frozen=True, array_like=True):
    """What a closed segment says of itself."""

    entries: int
    digest: bytes


def _digests() -> "blake2b":
    return blake2b(digest_size=_DIGEST_BYTES)


@dataclass(slots=True)
class SegmentEncoder:
    """Makes the bytes of one segment: `begin`, then entries, then `end`."""

    header: SegmentHeader
    entries: int = 0
    _entry_digests: "blake2b" = field(default_factory=_digests, repr=False)

    def begin(self) -> bytes:
        """Return the header."""
        return _frame(b"", _HEADER, 0, msgspec.msgpack.encode(self.header))

    def next_context(self) -> bytes:
        """Return what the next entry belongs to: its encryption is bound to it."""
        return _context(self.header.segment, self.entries + 1)

    def add(self, payload: bytes) -> bytes:
        """Return the next entry."""
        self.entries += 1
        frame = _frame(self.header.segment, _ENTRY, self.entries, payload)
        self._entry_digests.update(_digest_in(frame, 0))
        return frame

    def end(self) -> bytes:
        """Return the footer."""
        return _footer(self.header.segment, self.entries, self._entry_digests)


@dataclass(slots=True)
class Segment:
    """What reading a segment finds.

    `good_bytes` is where the last good frame ends. `damaged` counts places with bytes that are not a frame and have
    good frames after them; a closed segment that lacks entries is damaged, too. An end that is not a frame is a torn
    tail: a process or a machine died while it was written, and nobody was told that it was there. `segment` is the id,
    known from the file's name: where the header is damaged, the entries can be read all the same.
    """

    segment: bytes = b""
    header: SegmentHeader | None = None
    entries: int = 0
    good_bytes: int = 0
    torn_bytes: int = 0
    damaged: int = 0
    is_closed: bool = False
    _entry_digests: "blake2b" = field(default_factory=_digests, repr=False)

    def footer(self) -> bytes:
        """Return the footer of a segment that was not closed, once it was read to its end."""
        return _footer(self.segment, self.entries, self._entry_digests)


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry as it is in its segment; `payload` may be encrypted, bound to `context`."""

    context: bytes
    payload: bytes


def read_segment(data: bytes | memoryview, found: Segment) -> Iterator[StoredEntry]:
    """Yield the entries of a segment in order; `found` is complete once this has come to its end."""
    data = memoryview(data)
    for begin, kind, index, payload in _frames(data, found):
        if kind == _HEADER:
            found.header = msgspec.msgpack.decode(payload, type=SegmentHeader)
            found.segment = found.header.segment
        elif kind == _ENTRY:
            found.entries += 1
            found._entry_digests.update(_digest_in(data, begin))  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # of this module
            yield StoredEntry(_context(found.segment, index), bytes(payload))
        else:
            found.is_closed = True
            found.damaged += found.footer() != bytes(data[begin : begin + _FRAME.size + len(payload)])


def _frames(data: memoryview, found: Segment) -> Iterator[tuple[int, bytes, int, memoryview]]:
    at, missing_from = 0, None
    while at < len(data):
        frame = _frame_at(data, at, found.segment)
        if frame is None:
            missing_from = at if missing_from is None else missing_from
            at = _next_marker(data, at + 1)
            continue
        kind, index, payload = frame
        if missing_from is not None:
            found.damaged += 1
            missing_from = None
        yield at, kind, index, payload
        at += _FRAME.size + len(payload)
        found.good_bytes = at
    if missing_from is not None:
        found.torn_bytes = len(data) - missing_from
        # Nothing is ever written after a footer.
        found.damaged += found.is_closed


def _frame_at(data: memoryview, at: int, segment: bytes) -> tuple[bytes, int, memoryview] | None:
    if at + _FRAME.size > len(data):
        return None
    marker, kind, length, index, digest = _FRAME.unpack_from(data, at)
    begin = at + _FRAME.size
    is_known = marker == _MARKER and kind in {_HEADER, _ENTRY, _FOOTER}
    if not is_known or length > _MAX_PAYLOAD_BYTES or begin + length > len(data):
        return None
    payload = data[begin : begin + length]
    # The header says which segment it is.
    segment = b"" if kind == _HEADER else segment
    return (kind, index, payload) if digest == _digest(segment, kind, index, payload) else None


def _next_marker(data: memoryview, start: int) -> int:
    """Return where the next marker may begin, or the end; a view can't be searched, so pieces of it are."""
    while start < len(data):
        at = bytes(data[start : start + _PIECE_BYTES]).find(_MARKER)
        if at >= 0:
            return start + at
        start += _PIECE_BYTES - len(_MARKER) + 1
    return len(data)


def _frame(segment: bytes, kind: bytes, index: int, payload: bytes) -> bytes:
    return _FRAME.pack(_MARKER, kind, len(payload), index, _digest(segment, kind, index, payload)) + payload


def _footer(segment: bytes, entries: int, digests: "blake2b") -> bytes:
    footer = SegmentFooter(entries, digests.digest())
    return _frame(segment, _FOOTER, entries + 1, msgspec.msgpack.encode(footer))


def _digest(segment: bytes, kind: bytes, index: int, payload: bytes | memoryview) -> bytes:
    digest = blake2b(segment, digest_size=_DIGEST_BYTES)
    digest.update(_SIGNED.pack(kind, len(payload), index))
    digest.update(payload)
    return digest.digest()


def _digest_in(data: bytes | memoryview, begin: int) -> bytes:
    end = begin + _FRAME.size
    return bytes(data[end - _DIGEST_BYTES : end])


def _context(segment: bytes, index: int) -> bytes:
    return segment + index.to_bytes(4, "little")
