"""Packing and counting what was found."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from athlete_ally.formats.batches import batches
from athlete_ally.formats.import_summary import Tally
from athlete_ally.formats.parse_result import Finding, Found, Skipped


@st.composite
def found(draw: st.DrawFn) -> Found:
    """Draw a reading of some kind, size and day."""
    size = draw(st.sampled_from([1, 1000, 300_000, 600_000]))
    kind = draw(st.sampled_from(["hrv", "sleep", "samples"]))
    return Found(kind, {"date": f"2026-11-{draw(st.integers(1, 30)):02}", "raw": "x" * size})


@given(st.lists(found() | st.just(Skipped("other")), max_size=20))
def test_every_reading_is_in_one_batch_and_batches_stay_small(some: list[Finding]) -> None:
    """
    All readings of a kind, in their order, in batches of one kind and half a megabyte; a larger reading is alone.
    """
    tally = Tally()
    packed = list(batches(some, tally))
    expected: dict[str, list[bytes]] = {}
    for each in some:
        if isinstance(each, Found):
            expected.setdefault(each.kind, []).append(msgspec.json.encode(each.reading))
    got: dict[str, list[bytes]] = {}
    for batch in packed:
        got.setdefault(batch.kind, []).extend(batch.readings)

    assert (expected, list(range(1, len(packed) + 1))) == (got, [batch.number for batch in packed])
    assert all(len(batch.readings) == 1 or sum(map(len, batch.readings)) <= 512 * 1024 for batch in packed)
    assert sum(isinstance(each, Skipped) for each in some) == tally.skipped["other"]


def test_invented_sorts_are_counted_together() -> None:
    """
    A file that invents a sort for each entry fills no memory with their names.
    """
    tally = Tally()
    for number in range(5000):
        tally.add(Skipped(f"sort {number}"))

    assert (len(tally.skipped), tally.skipped["any other sort"]) == (1001, 4000)
