"""The elements of an Apple Health export, from chunks of bytes: in bounded memory, and without a document type.

The document type is cut off before the parser sees it, since exports of iOS 16 have a broken one
(https://github.com/dogsheep/healthkit-to-sqlite/issues/24), and since without one there are no entities to expand: what
is known as an entity bomb is refused. Control characters that XML forbids are dropped, because exports have them
(https://github.com/jameno/Simple-Apple-Health-XML-to-CSV/pull/3).
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple
from xml.parsers import expat

from athlete_ally.core.errors import UnreadableFile

_ROOT = b"<HealthData"
# The document type of an export has 15 KiB.
_MOST_PROLOGUE_BYTES = 1024 * 1024
# The longest element of an export is a workout with its statistics. An attribute without end would fill the memory.
_MOST_ELEMENT_BYTES = 8 * 1024 * 1024
_MOST_DEPTH = 16
_MOST_CHILDREN = 200_000
_FORBIDDEN = bytes(code for code in range(32) if code not in b"\t\n\r")


class Element(NamedTuple):
    """An entry of the export: a child of the root, with the elements inside it."""

    name: str
    attributes: dict[str, str]
    children: list[tuple[str, dict[str, str]]]


def elements(chunks: Iterable[bytes]) -> Iterator[Element]:
    """Yield the entries one by one.

    Raises:
        UnreadableFile: this is no export, it is hostile, or it ends in the middle.
    """
    gatherer = _Gatherer()
    rest = iter(chunks)
    fed = _feed(gatherer, _from_root(rest), 0)
    yield from gatherer.take()
    for chunk in rest:
        fed = _feed(gatherer, chunk.translate(None, _FORBIDDEN), fed)
        yield from gatherer.take()
    try:
        gatherer.parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise UnreadableFile("the export ends in the middle: make it again, or copy it again") from error


def _from_root(chunks: Iterator[bytes]) -> bytes:
    head = b""
    for chunk in chunks:
        head += chunk.translate(None, _FORBIDDEN)
        prologue, root, rest = head.partition(_ROOT)
        if root:
            if b"<!ENTITY" in prologue:
                raise UnreadableFile("the file declares entities, which no export of Apple Health does: refused")
            return root + rest
        if len(head) > _MOST_PROLOGUE_BYTES:
            break
    raise UnreadableFile("no <HealthData> in the file: is it the export.xml of Apple Health?")


def _feed(gatherer: "_Gatherer", data: bytes, fed: int) -> int:
    parser = gatherer.parser
    try:
        parser.Parse(data, False)
    except expat.ExpatError as error:
        place = f"line {error.lineno}"
        raise UnreadableFile(
            f"no well-formed XML, {place} after <HealthData>: {expat.ErrorString(error.code)}"
        ) from error
    fed += len(data)
    if fed - parser.CurrentByteIndex > _MOST_ELEMENT_BYTES:
        raise UnreadableFile(
            f"an element is longer than {_MOST_ELEMENT_BYTES} bytes, which none of an export is: refused"
        )
    return fed


class _Gatherer:
    """Takes the parser's events, and keeps what is inside the root until it is taken."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate("utf-8")
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.StartDoctypeDeclHandler = self._refuse_doctype
        self._depth = 0
        self._ready: list[Element] = []
        self._children: list[tuple[str, dict[str, str]]] = []
        self._entry: tuple[str, dict[str, str]] = ("", {})

    def take(self) -> list[Element]:
        ready, self._ready = self._ready, []
        return ready

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth == 2:  # noqa: PLR2004  # a child of the root
            self._entry = (name, attributes)
        elif self._depth > _MOST_DEPTH or len(self._children) >= _MOST_CHILDREN:
            raise UnreadableFile("elements are nested as in no export of Apple Health: refused")
        elif self._depth > 2:  # noqa: PLR2004  # inside of one
            self._children.append((name, attributes))

    def _end(self, _name: str) -> None:
        self._depth -= 1
        if self._depth == 1:
            self._ready.append(Element(*self._entry, self._children))
            self._children = []

    def _refuse_doctype(self, *_: object) -> None:
        raise UnreadableFile("a document type inside of the document: refused")
