"""Exports that are broken, hostile, or cut off."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.exports import HEAD, export_xml, record

from athlete_ally.core.errors import UnreadableFile
from athlete_ally.formats.apple_xml import elements

BILLION_LAUGHS = (
    '<!DOCTYPE HealthData [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>'
)
TWO = export_xml(record("A", "1", "07:00:00"), record("B", "2", "07:00:00"))


def names(*chunks: bytes) -> list[str]:
    """Return the names of the entries."""
    return [element.attributes.get("type", element.name) for element in elements(chunks)]


@given(st.lists(st.integers(0, len(TWO)), max_size=6).map(sorted))
def test_chunks_may_end_anywhere(cuts: list[int]) -> None:
    """
    Wherever the bytes are cut into chunks, the entries are the same; the broken document type is not looked at.
    """
    chunks = [TWO[start:end] for start, end in zip([0, *cuts], [*cuts, len(TWO)], strict=True)]

    assert names(*chunks) == ["ExportDate", "A", "B"]


def test_forbidden_control_characters_are_dropped() -> None:
    """
    A vertical tab in a name, as in real exports, costs nothing.
    """
    assert names(export_xml(record("A\x0b", "1", "07:00:00"))) == ["ExportDate", "A"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (export_xml("<Record>&c;</Record>", doctype=BILLION_LAUGHS), "declares entities"),
        (export_xml('<Record type="&c;"/>', doctype=""), "undefined entity"),
        (export_xml('<!DOCTYPE x [<!ENTITY a "ha">]>', doctype=""), "no well-formed XML"),
        (export_xml("<a>" * 40 + "</a>" * 40), "nested as in no export"),
        (export_xml(f'<Record type="{"x" * 9_000_000}"/>'), "longer than"),
        (HEAD.encode() + b"<ClinicalDocument/>", "is it the export.xml"),
        (b"x" * 2_000_000, "is it the export.xml"),
        (b"", "is it the export.xml"),
        (TWO[:-20], "ends in the middle"),
        (export_xml("<Record>"), "mismatched tag"),
    ],
    ids=["bomb", "entity", "late doctype", "depth", "attribute", "cda", "anything", "nothing", "cut", "tags"],
)
def test_what_is_no_sound_export_is_refused_in_words(content: bytes, says: str) -> None:
    """
    Entity bombs, endless attributes, depth, other documents and damage end in one error that says which.
    """
    with pytest.raises(UnreadableFile, match=says):
        names(*(content[start : start + 65_536] for start in range(0, len(content), 65_536)))


def test_memory_is_that_of_an_entry() -> None:
    """
    Entries are handed on as they come: the first is there before the last was read.
    """
    read: list[int] = []

    def chunks() -> Iterator[bytes]:
        for number, entry in enumerate([TWO[:-13], *[record("C", "3", "07:00:00").encode()] * 50, b"</HealthData>"]):
            read.append(number)
            yield entry

    first = next(elements(chunks()))

    assert (first.name, read) == ("ExportDate", [0])
