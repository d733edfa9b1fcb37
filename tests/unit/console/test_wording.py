"""Numbers in words."""

import math
from datetime import UTC, datetime, timedelta

import pytest

from athlete_ally.console import wording


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "–"),  # noqa: RUF001  # as shown
        (0, "0 s"),
        (0.035, "35 ms"),
        (3.25, "3.2 s"),
        (59, "59 s"),
        (150, "2 min"),
        (3 * 3600, "3 h"),
        (3 * 3600 + 1260, "3 h 21 min"),
        (6 * 86_400 + 4 * 3600, "6 d 4 h"),
        (math.inf, "never"),
    ],
)
def test_a_span_is_said_in_the_two_units_that_matter(seconds: float | None, words: str) -> None:
    """
    A span of time has at most two units, and no false precision.
    """
    assert words == wording.span(seconds)


@pytest.mark.parametrize(
    ("size", "words"), [(0, "0 bytes"), (1023, "1023 bytes"), (3_500_000, "3.3 MiB"), (2**34, "16 GiB")]
)
def test_a_size_is_said_in_the_unit_that_fits(size: float, words: str) -> None:
    """
    A size has the largest unit that leaves at least one.
    """
    assert words == wording.size(size)


@pytest.mark.parametrize(("per_second", "words"), [(0, "0/s"), (0.03, "< 0.1/s"), (0.41, "0.4/s"), (1234.5, "1,234/s")])
def test_a_rate_has_decimals_only_where_they_matter(per_second: float, words: str) -> None:
    """
    A rate below ten has one decimal, a larger one none.
    """
    assert words == wording.rate(per_second)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("42 ms\n\tnext line, café, 心拍, 💓", "42 ms\n\tnext line, café, 心拍, 💓"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("a\u200bb\x00c\x1b[31m", "a\\u200bb\\u0000c\\u001b[31m"),
        ("\ud800", "\\ud800"),
    ],
)
def test_nothing_hides_in_a_text(said: str, shown: str) -> None:
    """
    What has no width, turns the reading order around or can't be sent is spelt out; all else stays as it is.
    """
    assert shown == wording.visible(said)


def test_the_past_is_never_ahead() -> None:
    """
    An instant that another clock puts into the future is now.
    """
    now = datetime(2026, 11, 24, tzinfo=UTC)

    assert wording.ago(now + timedelta(seconds=5), now) == "0 s ago"
