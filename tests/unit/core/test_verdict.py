"""What to do with a delivery."""

from hypothesis import given
from hypothesis import strategies as st

from athlete_ally.core.errors import InvalidMessage, InvalidReading
from athlete_ally.core.verdict import Ack, DeadLetter, Retry, RetryPolicy, decide, is_exhausted

policies = st.builds(
    RetryPolicy,
    max_deliver=st.integers(3, 50),
    alone_from=st.just(3),
    backoff_s=st.lists(st.floats(0.1, 100), min_size=1, max_size=6).map(tuple),
)


def test_verdicts_follow_from_the_type_of_the_error() -> None:
    """
    Success is acknowledged; what can never succeed is dead-lettered at once, under its own reason.
    """
    policy = RetryPolicy()

    assert Ack() == decide(None, 1, policy)
    assert DeadLetter("schema-invalid") == decide(InvalidMessage("no"), 1, policy)
    assert DeadLetter("non-retryable") == decide(InvalidReading("rmssd", "too large"), 1, policy)
    assert Retry(1.0) == decide(RuntimeError(), 1, policy)


@given(policy=policies)
def test_every_message_is_settled_within_max_deliver(policy: RetryPolicy) -> None:
    """
    A message that always fails is retried until delivery `max_deliver`, and dead-lettered on that one.
    """
    verdicts = [decide(RuntimeError(), attempt, policy) for attempt in range(1, policy.max_deliver + 1)]

    assert [True] * (policy.max_deliver - 1) == [isinstance(verdict, Retry) for verdict in verdicts[:-1]]
    assert DeadLetter("max-deliver") == verdicts[-1]


@given(policy=policies)
def test_a_message_that_kills_the_process_is_dead_lettered(policy: RetryPolicy) -> None:
    """
    Delivered again and again and begun alone each time, it is exhausted on the first delivery past `max_deliver`.
    """
    exhausted = [
        attempt
        for attempt in range(1, policy.max_deliver + 2)
        if is_exhausted(attempt, max(0, attempt - policy.alone_from), policy)
    ]

    assert [policy.max_deliver + 1] == exhausted


@given(policy=policies, attempt=st.integers(1, 10_000))
def test_a_bystander_is_never_dead_lettered(policy: RetryPolicy, attempt: int) -> None:
    """
    However often a message was delivered: if it never was alone when the process died, it is innocent.
    """
    assert not is_exhausted(attempt, 0, policy)
