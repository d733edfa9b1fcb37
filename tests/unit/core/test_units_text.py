"""Spans and sizes as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athlete_ally.core.units_text import Size, Span


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("2m", 120), ("48h", 172_800), ("7d", 604_800), ("7 d", 604_800)]
)
def test_a_span_is_read(text: str, seconds: int) -> None:
    """
    Days, hours, minutes and seconds.
    """
    assert seconds == Span.parse(text)


@pytest.mark.parametrize(("text", "count"), [("64 GiB", 64 * 2**30), ("1MiB", 2**20), ("7 bytes", 7)])
def test_a_size_is_read(text: str, count: int) -> None:
    """
    Powers of two, with their own names: GB would be something else.
    """
    assert count == Size.parse(text)


@pytest.mark.parametrize("text", ["7", "", "-7d", "7 days", "1.5h", "7d ", "x", "99999999999999999d"])
def test_what_could_be_misread_is_refused(text: str) -> None:
    """
    Without a unit, negative, broken: the error says what to write.
    """
    with pytest.raises(ValueError, match="write 48h or 7d"):
        Span.parse(text)


@given(st.integers(min_value=0, max_value=2**40))
def test_nothing_is_lost_in_writing(number: int) -> None:
    """
    Whatever the unit it is shown in, the same number is read back.
    """
    assert (number, number) == (Span.parse(str(Span(number))), Size.parse(str(Size(number))))
