"""The circuit breaker: what a bad deploy does trips it, what one sender does never, and it tries again by itself."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from athlete_ally.core.circuit_breaker import PROBE_MESSAGES, BreakerLimits, CircuitBreaker, Outcome

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
LIMITS = st.builds(BreakerLimits, consecutive=st.integers(1, 60), window=st.integers(1, 1000), share=st.floats(0.01, 1))
ANY_OUTCOME = st.tuples(st.integers(0, 10_000), st.integers(0, 10_000))


def _failed(sender: str, readings: int = 1) -> Outcome:
    return Outcome(sender, used=0, failed=readings)


def _tripped_at(outcomes: Sequence[Outcome], limits: BreakerLimits, proven: frozenset[str] = frozenset()) -> int | None:
    breaker = CircuitBreaker(limits, proven)
    for number, outcome in enumerate(outcomes, start=1):
        breaker.record(outcome, NOON)
        if breaker.state == "tripped":
            return number
    return None


def _tripped() -> CircuitBreaker:
    breaker = CircuitBreaker()
    for number in range(50):
        breaker.record(_failed(f"key:{number % 2}"), NOON)
    assert breaker.state == "tripped"
    return breaker


@given(st.lists(ANY_OUTCOME, max_size=60), st.lists(st.sampled_from("bcd"), max_size=60), LIMITS)
def test_one_sender_never_trips_it(mine: list[tuple[int, int]], others: list[str], limits: BreakerLimits) -> None:
    """
    Whatever and however much one sender sends of whom nothing is known, alone or among others whose readings are of
    use: it runs, at any limits.
    """
    outcomes = [Outcome("a", *each) for each in mine]
    for place, sender in enumerate(others):
        outcomes.insert(2 * place, Outcome(sender, used=1, failed=0))

    assert None is _tripped_at(outcomes, limits)


@given(st.lists(st.sampled_from("abcdefgh"), min_size=200, max_size=200), st.integers(1, 100), st.integers(0, 8))
def test_a_bad_deploy_trips_it_at_fifty(senders: list[str], good_before: int, known: int) -> None:
    """
    Every reading of every sender fails, after any good past: it trips as soon as most senders were heard and fifty
    readings failed, of which forty at most count of one sender.
    """
    past = [Outcome(sender, used=good_before, failed=0) for sender in "abcdefgh"[:known]]
    failed: dict[str, int] = {}
    expected = None
    for number, sender in enumerate(senders, start=1):
        failed[sender] = failed.get(sender, 0) + 1
        heard = len({*failed, *"abcdefgh"[:known]})
        is_spread = len(failed) >= 2 and len(failed) > heard / 2
        if is_spread and sum(min(each, 40) for each in failed.values()) >= 50:
            expected = known + number
            break

    assert expected == _tripped_at([*past, *map(_failed, senders)], BreakerLimits())


def test_readings_are_counted_not_messages() -> None:
    """
    A batch of 10,000 with one bad reading counts one: such batches of two senders never trip it. Of a batch that fails
    as a whole every reading counts: two senders' are enough.
    """
    nearly_good = [Outcome(f"key:{number % 2}", used=9_999, failed=1) for number in range(1000)]

    assert None is _tripped_at(nearly_good, BreakerLimits())
    assert _tripped_at([_failed("key:0", 25), _failed("key:1", 25)], BreakerLimits()) == 2


def test_two_bad_senders_among_five_do_not_trip_it() -> None:
    """
    Failures of a minority are not those of a deploy.
    """
    good = [Outcome(sender, used=1, failed=0) for sender in "cde"]

    assert None is _tripped_at([*good, *(_failed("ab"[number % 2]) for number in range(500))], BreakerLimits())


def test_who_was_silent_for_an_hour_says_nothing() -> None:
    """
    A good reading of two hours ago is no proof that the code of now works.
    """
    breaker = CircuitBreaker()
    for sender in "cdefgh":
        breaker.record(Outcome(sender, used=1, failed=0), NOON - timedelta(hours=2))
    for number in range(50):
        breaker.record(_failed("ab"[number % 2]), NOON)

    assert breaker.state == "tripped"


def test_it_probes_and_closes_by_itself() -> None:
    """
    Nothing is pulled for thirty seconds, then a few messages; the first that is of use closes it.
    """
    breaker = _tripped()
    assert (breaker.pull_limit(200, NOON), breaker.wait_s(NOON + timedelta(seconds=10))) == (0, 20)
    at = NOON + timedelta(seconds=30)
    assert (breaker.pull_limit(200, at), breaker.state) == (PROBE_MESSAGES, "probing")
    breaker.record(_failed("key:0"), at)
    assert breaker.state == "probing"
    breaker.record(Outcome("key:1", used=1, failed=0), at)

    assert (breaker.state, breaker.pull_limit(200, at)) == ("running", 200)


def test_a_probe_that_fails_doubles_the_wait() -> None:
    """
    30 s, 60 s and so on, up to five minutes. Since when nothing is stored stays the same.
    """
    breaker, at, waits = _tripped(), NOON, list[float]()
    for _ in range(6):
        at += timedelta(seconds=breaker.wait_s(at))
        assert breaker.pull_limit(200, at)
        breaker.record(_failed("key:0"), at)
        breaker.record(_failed("key:1"), at)
        waits.append(breaker.wait_s(at))

    assert waits == [60, 120, 240, 300, 300, 300]
    assert breaker.trip is not None
    assert breaker.trip.at == NOON


def test_a_probe_in_which_one_sender_fails_closes_it() -> None:
    """
    One sender keeps nobody waiting, however long its queue is: after twenty messages the worker runs on.
    """
    breaker = _tripped()
    at = NOON + timedelta(seconds=30)
    breaker.pull_limit(200, at)
    for _ in range(PROBE_MESSAGES):
        breaker.record(_failed("key:0"), at)

    assert breaker.state == "running"


def test_a_breaker_that_trips_again_soon_waits_longer() -> None:
    """
    Closed by a lucky probe and tripped again at once, it waits twice as long; after five quiet minutes it starts anew.
    """
    waits: list[float] = []
    for quiet_s in (1, 400):
        breaker, at = _tripped(), NOON + timedelta(seconds=30)
        breaker.pull_limit(200, at)
        breaker.record(Outcome("key:0", used=1, failed=0), at)
        at += timedelta(seconds=quiet_s)
        for number in range(50):
            breaker.record(_failed(f"key:{number % 2}"), at)
        waits.append(breaker.wait_s(at))

    assert waits == [60, 30]


@given(st.integers(1, 200), st.integers(2, 60))
def test_a_bad_deploy_at_a_site_with_one_sender_trips_it(readings: int, consecutive: int) -> None:
    """
    Its readings were of use until the process started, and none is since: at fifty failed readings it trips.
    """
    breaker = CircuitBreaker(BreakerLimits(consecutive=consecutive), proven=frozenset("a"))
    messages = 0
    while breaker.state == "running":
        breaker.record(_failed("a", readings), NOON)
        messages += 1

    assert -(-consecutive // readings) == messages


@given(st.lists(st.sampled_from("ab"), max_size=100))
def test_a_sender_that_fails_after_this_deploy_stored_something_stops_nobody(before: list[str]) -> None:
    """
    The code that runs now was of use to somebody: what fails of one sender after that is its own, whatever its past.
    """
    breaker = CircuitBreaker(proven=frozenset("ab"))
    for sender in [*before, "b"]:
        breaker.record(Outcome(sender, used=1, failed=0), NOON)
    for hours in range(3):
        for _ in range(100):
            breaker.record(_failed("a"), NOON + timedelta(hours=hours))

    assert breaker.state == "running"


def test_one_sender_of_whom_nothing_is_known_does_not_trip_it_after_a_deploy() -> None:
    """
    Another sender's readings were of use before the deploy: that says nothing about a new client in a wrong unit.
    """
    breaker = CircuitBreaker(proven=frozenset("a"))
    for _ in range(500):
        breaker.record(_failed("b"), NOON)

    assert breaker.state == "running"


def test_the_probes_of_one_sender_grow_until_another_is_heard() -> None:
    """
    Each takes twice the messages of the one before: a reading behind ten thousand is stored within 35 minutes.
    """
    breaker, at, probes = CircuitBreaker(proven=frozenset("a")), NOON, list[int]()
    breaker.record(_failed("a", 50), at)
    while sum(probes) < 10_000:
        at += timedelta(seconds=breaker.wait_s(at))
        probes.append(breaker.pull_limit(1_000_000, at))
        for _ in range(probes[-1]):
            assert breaker.state == "probing"
            breaker.record(_failed("a"), at)
    assert breaker.state == "tripped"
    assert probes[:3] == [20, 40, 80]
    assert at - NOON < timedelta(minutes=35)
    at += timedelta(seconds=breaker.wait_s(at))
    breaker.pull_limit(200, at)
    breaker.record(Outcome("b", used=1, failed=0), at)

    assert breaker.state == "running"


def test_a_share_of_one_switches_it_off() -> None:
    """
    Nothing trips it then, neither many senders nor one that was of use.
    """
    breaker = CircuitBreaker(BreakerLimits(share=1), proven=frozenset("a"))
    for number in range(500):
        breaker.record(_failed("a" if number < 250 else f"b{number}"), NOON)

    assert breaker.state == "running"


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3), st.integers(0, 3)), max_size=60),
    st.integers(0, 60),
    st.integers(1, 10),
    st.sampled_from(["", "a", "abc"]),
)
def test_the_room_is_what_recording_would_show(
    outcomes: list[tuple[str, int, int]], past: int, consecutive: int, proven: str
) -> None:
    """
    Asked beforehand, it names the message at which it will trip, and asking changes nothing.
    """
    limits, counted = BreakerLimits(consecutive=consecutive), [Outcome(*each) for each in outcomes]
    breaker = CircuitBreaker(limits, frozenset(proven))
    for outcome in counted[:past]:
        breaker.record(outcome, NOON)
    was_tripped, room = breaker.state == "tripped", breaker.room_for(counted[past:], NOON)
    tripped_at = _tripped_at(counted, limits, frozenset(proven))
    expected = len(counted[past:]) if tripped_at is None else max(0, tripped_at - past)

    assert (0 if was_tripped else expected, was_tripped) == (room, breaker.state == "tripped")
