"""The format of the message journal: what was written is read, and damage is never taken for an entry."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as some

from athlete_ally.core.errors import InvalidMessage
from athlete_ally.core.messages.journal_entry import JournalEntry, decode_entry, encode_entry
from athlete_ally.core.messages.journal_segment import Segment, SegmentEncoder, SegmentHeader, read_segment
from athlete_ally.core.messages.message import OutgoingMessage

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
PAYLOADS = (b"first", b"", b"\xaaMJ\x01" * 3, b"fourth" * 20)


def segment(
    payloads: tuple[bytes, ...] = PAYLOADS, *, segment_id: bytes = b"12345678", is_closed: bool = True
) -> bytes:
    """Return the bytes of a segment."""
    encoder = SegmentEncoder(SegmentHeader(segment_id, "ingest", 0))
    frames = [encoder.begin(), *(encoder.add(each) for each in payloads)]
    return b"".join([*frames, encoder.end()] if is_closed else frames)


def read(data: bytes, segment_id: bytes = b"") -> tuple[list[bytes], Segment]:
    """Return the payloads, and what else was found."""
    found = Segment(segment_id)
    return [each.payload for each in read_segment(data, found)], found


@given(some.lists(some.binary(max_size=200), max_size=20).map(tuple), some.booleans())
def test_what_is_written_is_read(payloads: tuple[bytes, ...], is_closed: bool) -> None:  # noqa: FBT001  # drawn
    """
    Every entry comes back in order, none is damaged, and a closed segment is told from an open one.
    """
    data = segment(payloads, is_closed=is_closed)
    entries, found = read(data)

    assert (list(payloads), len(payloads), is_closed, 0, 0, len(data)) == (
        entries,
        found.entries,
        found.is_closed,
        found.damaged,
        found.torn_bytes,
        found.good_bytes,
    )


def test_a_segment_that_is_cut_off_anywhere_has_a_torn_tail() -> None:
    """
    Cut at every byte: what was whole before the cut is read, the rest is a torn tail, and nothing counts as damage.
    """
    whole = segment()
    ends = [len(segment(PAYLOADS[:count], is_closed=False)) for count in range(len(PAYLOADS) + 1)]
    for cut in range(len(whole)):
        entries, found = read(whole[:cut])
        expected = [*PAYLOADS[: sum(end <= cut for end in ends[1:])]]

        assert (expected, 0, False) == (entries, found.damaged, found.is_closed), cut
        assert found.good_bytes + found.torn_bytes == cut


def test_a_footer_made_after_a_crash_is_the_one_that_was_due() -> None:
    """
    A segment that a process left open is closed from what can be read of it, byte for byte as the process had done it.
    """
    data = segment(is_closed=False)
    _, found = read(data)

    assert segment() == data + found.footer()


def test_a_changed_byte_is_never_read_as_something_else() -> None:
    """
    Any byte changed: every entry that is read is one that was written, in order, and the segment counts as damaged or
    has a torn tail; only one entry is missing, or none.
    """
    whole = segment()
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 0x5A
        # The file's name has the segment's id, too.
        entries, found = read(bytes(changed), b"12345678")

        assert [each for each in PAYLOADS if each in entries] == entries, place
        assert len(entries) >= len(PAYLOADS) - 1
        assert found.damaged or found.torn_bytes


def test_frames_of_another_segment_are_not_taken() -> None:
    """
    An entry that was copied from another segment, or to another place, is damage, and not an entry.
    """
    other = segment((b"other",), segment_id=b"87654321", is_closed=False)
    header = len(segment((), is_closed=False))
    mine = segment(is_closed=False)
    mixed = mine + other[header:] + mine[header:]
    entries, found = read(mixed)

    assert b"other" not in entries
    # A frame of its own, repeated, is the same entry again: ids make that harmless.
    assert ([*PAYLOADS, *PAYLOADS], 1) == (entries, found.damaged)


def test_a_closed_segment_that_lacks_entries_is_damaged() -> None:
    """
    A whole frame taken out leaves good frames only, and the footer tells.
    """
    first = segment(PAYLOADS[:1], is_closed=False)
    header = segment((), is_closed=False)
    whole = segment()
    entries, found = read(header + whole[len(first) :])

    assert (list(PAYLOADS[1:]), 1) == (entries, found.damaged)


def test_an_entry_holds_all_that_is_published() -> None:
    """
    Stream, subject, id, headers, body and the time to the millisecond come back; other bytes are refused.
    """
    message = OutgoingMessage("AA_CORE_HOT", "athlete-ally.hrv.raw-received", b"\x00\xff", "id-1", {"ce-id": "é"})
    entry = JournalEntry(NOON, message)

    assert entry == decode_entry(encode_entry(entry))
    with pytest.raises(InvalidMessage):
        decode_entry(b"\x00")
