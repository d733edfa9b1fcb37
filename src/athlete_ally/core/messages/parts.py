"""A JSON body that no message can hold, in parts: each is a body like it with some of its items, byte for byte.

Each part says where its bytes stand in the whole, and what stood between them and those of the part before, so that the
whole can be put together again and proven by its hash. Pure.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, TypeVar

import msgspec

from athlete_ally.core.errors import InvalidMessage
from athlete_ally.core.messages import headers

_T = TypeVar("_T")
# What stands between items is a comma, or the fields of an object whose list was split; headers have 8 KiB in all.
_MOST_GAP_BYTES = 4096


class NotSplittable(InvalidMessage):
    """The body has no list of items that are small enough: refuse it."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a whole: its bytes are `body[before:len(body) - after]`, and follow `gap` in the whole."""

    body: bytes
    before: int
    after: int
    gap: bytes
    tail: bytes = b""

    @property
    def held(self) -> bytes:
        """The bytes of the whole that it holds."""
        return self.body[self.before : len(self.body) - self.after]


@dataclass(frozen=True, slots=True)
class _Span:
    """Consecutive bytes of the whole, and what makes a body of them."""

    start: int
    end: int
    prefix: bytes
    suffix: bytes


def split(body: bytes, limit_bytes: int) -> list[Part]:
    """Return the parts of a JSON object of lists, each of at most `limit_bytes`.

    An item that is too large by itself is split at the largest list in it; all else of it is in each of its parts.

    Raises:
        NotSplittable: it is not such an object, or what has to stay together is too large.
    """
    spans = _packed(_spans(body, 0, len(body), b"", b"", limit_bytes), body, limit_bytes)
    parts: list[Part] = []
    position = 0
    for span in spans:
        gap = body[position : span.start]
        if len(gap) > _MOST_GAP_BYTES:
            raise NotSplittable("the fields around its lists are too large")
        content = span.prefix + body[span.start : span.end] + span.suffix
        parts.append(Part(content, len(span.prefix), len(span.suffix), gap))
        position = span.end
    if not parts or len(body) - position > _MOST_GAP_BYTES:
        raise NotSplittable("it has no list of items")
    last = parts[-1]
    return [*parts[:-1], Part(last.body, last.before, last.after, last.gap, body[position:])]


def joined(parts: Iterable[Part]) -> bytes:
    """Return the whole that these parts, in their order, were made of."""
    return b"".join(part.gap + part.held + part.tail for part in parts)


def part_headers(parts: Sequence[Part], whole: bytes) -> list[dict[str, str]]:
    """Return for each part the headers that say of what it is one."""
    digest = hashlib.sha256(whole).hexdigest()
    return [
        {
            headers.PART: f"{number}/{len(parts)}",
            headers.PART_OF: digest,
            headers.PART_FRAME: f"{part.before} {part.after}",
            headers.PART_GAP: base64.b64encode(part.gap).decode(),
            **({headers.PART_TAIL: base64.b64encode(part.tail).decode()} if part.tail else {}),
        }
        for number, part in enumerate(parts, 1)
    ]


def proven(messages: Iterable[tuple[bytes, Mapping[str, str]]]) -> bytes:
    """Return the whole of messages that hold all its parts, in any order, and prove it by its hash.

    Raises:
        InvalidMessage: a part is missing, or the bytes are not those that were received.
    """
    numbered: dict[int, tuple[Part, int, str]] = {}
    for body, stated in messages:
        number, part, of, digest = _part_in(body, stated)
        numbered[number] = (part, of, digest)
    counts = {of for _, of, _ in numbered.values()}
    if counts != {len(numbered)} or sorted(numbered) != list(range(1, len(numbered) + 1)):
        raise InvalidMessage("parts are missing, or are of another whole")
    whole = joined(numbered[number][0] for number in sorted(numbered))
    if {hashlib.sha256(whole).hexdigest()} != {digest for _, _, digest in numbered.values()}:
        raise InvalidMessage("the parts are not what was received: their hash differs")
    return whole


def _part_in(body: bytes, stated: Mapping[str, str]) -> tuple[int, Part, int, str]:
    try:
        number, of = (int(text) for text in stated[headers.PART].split("/"))
        before, after = (int(text) for text in stated[headers.PART_FRAME].split(" "))
        gap = base64.b64decode(stated[headers.PART_GAP], validate=True)
        tail = base64.b64decode(stated.get(headers.PART_TAIL, ""), validate=True)
        return number, Part(body, before, after, gap, tail), of, stated[headers.PART_OF]
    except (KeyError, ValueError, binascii.Error) as error:
        raise InvalidMessage("no part of a whole: its headers do not say of what") from error


def _spans(body: bytes, start: int, end: int, prefix: bytes, suffix: bytes, limit: int) -> Iterator[_Span]:
    """Return the items of all lists of an object in the whole, in their order; those that are too large as parts."""
    position = start
    for name, value in _decoded(body[start:end], dict[str, msgspec.Raw]).items():
        value_start = body.index(bytes(value), position, end)
        position = value_start + len(bytes(value))
        opening, closing = prefix + b"{" + msgspec.json.encode(name) + b":", b"}" + suffix
        if bytes(value)[:1] != b"[":
            alone = _Span(value_start, position, opening, closing)
            if _size(alone) > limit:
                raise NotSplittable("a field other than a list is larger than a message may be")
            yield alone
            continue
        for item_start, item_end in _items(body, value_start, position):
            whole_item = _Span(item_start, item_end, opening + b"[", b"]" + closing)
            yield from [whole_item] if _size(whole_item) <= limit else _spans_of_item(body, whole_item, limit)


def _spans_of_item(body: bytes, item: _Span, limit: int) -> Iterator[_Span]:
    """Return the elements of the largest list in an item, each as the item with this element only."""
    text = body[item.start : item.end]
    lists = [each for each in _decoded(text, dict[str, msgspec.Raw]).values() if bytes(each)[:1] == b"["]
    largest = max(lists, key=lambda each: len(bytes(each)), default=None)
    if largest is None:
        raise NotSplittable("an item without a list is larger than a message may be")
    start = body.index(bytes(largest), item.start, item.end)
    end = start + len(bytes(largest))
    prefix, suffix = item.prefix + body[item.start : start] + b"[", b"]" + body[end : item.end] + item.suffix
    for element_start, element_end in _items(body, start, end):
        element = _Span(element_start, element_end, prefix, suffix)
        if _size(element) > limit:
            raise NotSplittable("an element of a list in an item is larger than a message may be")
        yield element


def _items(body: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Return where the items of a list are. Between two there is nothing but a comma and white space."""
    position = start + 1
    for item in _decoded(body[start:end], list[msgspec.Raw]):
        text = bytes(item)
        position = body.index(text, position, end)
        yield position, position + len(text)
        position += len(text)


def _packed(spans: Iterable[_Span], body: bytes, limit: int) -> Iterator[_Span]:
    """Return neighbours of one list as one span, as many as fit."""
    for (prefix, suffix), group in groupby(spans, key=lambda span: (span.prefix, span.suffix)):
        start = end = -1
        for span in group:
            fits = len(prefix) + len(suffix) + span.end - start <= limit
            if start >= 0 and fits and body[end : span.start].strip() == b",":
                end = span.end
                continue
            if start >= 0:
                yield _Span(start, end, prefix, suffix)
            start, end = span.start, span.end
        yield _Span(start, end, prefix, suffix)


def _size(span: _Span) -> int:
    return len(span.prefix) + span.end - span.start + len(span.suffix)


def _decoded(text: bytes, shape: type[_T]) -> Any:
    try:
        return msgspec.json.decode(text, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotSplittable("it is not a JSON object of lists") from error
