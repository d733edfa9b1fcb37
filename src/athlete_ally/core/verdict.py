"""What to do with a delivery: decided here as a value, carried out by `normalize.settle`."""

from dataclasses import dataclass
from typing import Final, Literal

from athlete_ally.core.errors import InvalidMessage, InvalidReading

Reason = Literal["schema-invalid", "non-retryable", "max-deliver", "unknown-account"]
REASONS: tuple[Reason, ...] = ("schema-invalid", "non-retryable", "max-deliver")
VENDOR_REASONS: tuple[Reason, ...] = (*REASONS, "unknown-account")
TERMINATED: Final = "terminated"
"""The reason of a dead letter for a message that another application's consumer terminated."""
LETTER_REASONS: Final = (*VENDOR_REASONS, TERMINATED)


@dataclass(frozen=True, slots=True)
class Ack:
    """Everything is stored and announced: the stream may forget the delivery."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Deliver again after `delay_s` seconds."""

    delay_s: float


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Copy to AA_DLQ; only when that copy is acknowledged, terminate the original."""

    reason: Reason


Verdict = Ack | Retry | DeadLetter


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often, and how patiently, a message that fails by itself is tried.

    `max_deliver`: deliveries after which a message is dead-lettered. `alone_from`: from this delivery on a message is
    handled by itself, so that one which kills the process can't take its neighbours' deliveries with it.
    """

    max_deliver: int = 5
    alone_from: int = 3
    # Short at first (a race, a deploy), then long enough for a person to roll back.
    backoff_s: tuple[float, ...] = (1.0, 5.0, 30.0, 120.0)


def decide(error: Exception | None, attempt: int, policy: RetryPolicy) -> Verdict:
    """Return the verdict for delivery number `attempt` (1 = first) of a message.

    An error we did not foresee counts as transient: a bug fixed by the next deploy must not cost data, and
    `max_deliver` bounds the damage.
    """
    if error is None:
        return Ack()
    if isinstance(error, InvalidMessage):
        return DeadLetter("schema-invalid")
    if isinstance(error, InvalidReading):
        return DeadLetter("non-retryable")
    if attempt >= policy.max_deliver:
        return DeadLetter("max-deliver")
    return Retry(policy.backoff_s[min(attempt, len(policy.backoff_s)) - 1])


def is_exhausted(attempt: int, started_alone: int, policy: RetryPolicy) -> bool:
    """Tell whether a message must be dead-lettered before its handler runs again.

    `started_alone` is how often its handler began with no other message in progress and never ended. Counting that
    beside the deliveries keeps innocents alive: whatever was merely fetched along with a message that kills the process
    has as many deliveries, but was never alone when the process died.
    """
    return attempt > policy.max_deliver and started_alone > policy.max_deliver - policy.alone_from
