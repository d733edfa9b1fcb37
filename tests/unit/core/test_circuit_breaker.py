"""The circuit breaker against a deploy that refuses everything."""

from hypothesis import given
from hypothesis import strategies as st

from athlete_ally.core.circuit_breaker import BreakerLimits, CircuitBreaker


def _opened_at(outcomes: list[bool], limits: BreakerLimits) -> int | None:
    breaker = CircuitBreaker(limits)
    for number, dead in enumerate(outcomes, start=1):
        breaker.record(dead=dead)
        if breaker.is_open:
            return number
    return None


def test_it_opens_at_fifty_in_a_row() -> None:
    """
    49 dead letters in a row leave it closed; one good message starts the count anew; the 50th opens it.
    """
    limits = BreakerLimits()

    assert _opened_at([True] * 60, limits) == 50
    assert None is _opened_at(([True] * 49 + [False]) * 5, limits)


def test_it_opens_above_half_of_the_last_thousand() -> None:
    """
    500 of 1,000 leave it closed, whatever the order; the 501st opens it.
    """
    assert None is _opened_at([True, False] * 2000, BreakerLimits())
    assert _opened_at([True, False, True] * 600, BreakerLimits()) == 3 * 250 + 1


@given(st.lists(st.booleans(), max_size=80), st.integers(1, 20), st.integers(1, 10))
def test_it_opens_exactly_when_a_limit_is_passed(outcomes: list[bool], window: int, in_a_row: int) -> None:
    """
    For any history it opens at the first moment at which counting by hand finds a limit passed.
    """
    limits = BreakerLimits(consecutive=in_a_row, window=window, share=0.5)
    expected = next(
        (
            number
            for number in range(1, len(outcomes) + 1)
            if (number >= in_a_row and all(outcomes[number - in_a_row : number]))
            or sum(outcomes[max(0, number - window) : number]) > window / 2
        ),
        None,
    )

    assert expected == _opened_at(outcomes, limits)


def test_once_open_it_stays_open() -> None:
    """
    Good messages do not close it: only a person does, by a restart.
    """
    breaker = CircuitBreaker(BreakerLimits(consecutive=1))
    breaker.record(dead=True)
    for _ in range(2000):
        breaker.record(dead=False)

    assert breaker.is_open


@given(st.lists(st.booleans(), max_size=30), st.lists(st.booleans(), max_size=30), st.integers(1, 10))
def test_the_room_is_what_recording_would_show(past: list[bool], outcomes: list[bool], in_a_row: int) -> None:
    """
    Asked beforehand, it names the message at which it will open, and asking changes nothing.
    """
    limits = BreakerLimits(consecutive=in_a_row, window=20)
    breaker = CircuitBreaker(limits)
    for dead in past:
        breaker.record(dead=dead)
    room = breaker.room_for(outcomes)
    opened_at = _opened_at([*past, *outcomes], limits)
    expected = len(outcomes) if opened_at is None else max(0, opened_at - len(past))

    assert (expected, _opened_at(past, limits) is not None) == (room, breaker.is_open)
