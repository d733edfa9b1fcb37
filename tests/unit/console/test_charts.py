"""Where the parts of charts stand."""

from hypothesis import given
from hypothesis import strategies as st

from athlete_ally.console.charts import bars


@given(values=st.lists(st.integers(0, 10**6), min_size=1, max_size=50))
def test_every_bar_stands_inside_and_what_is_not_nothing_is_seen(values: list[int]) -> None:
    """
    Bars stay inside the chart, the largest is as high as the chart, and any value above 0 is at least a line.
    """
    found = bars(values, width=120, height=24)

    assert len(values) == len(found)
    assert all(bar.y >= 0 and abs(bar.y + bar.height - 24) < 0.02 for bar in found)
    assert all((bar.height >= 1) == (value > 0) for bar, value in zip(found, values, strict=True))
