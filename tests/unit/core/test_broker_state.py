"""What is worked out of the server's answers."""

import pytest

from athlete_ally.core.broker.state import abandoned_in


@pytest.mark.parametrize(
    ("unacknowledged", "delivered", "floor", "expected"),
    [
        (0, (7, 3), (7, 3), 0),  # all settled
        (1, (7, 3), (5, 2), 0),  # unacknowledged: not abandoned yet
        (0, (7, 5), (6, 0), 1),  # one message, delivered five times
        (0, (9, 0), (7, 0), 0),  # skipped what it does not hear; never gave anything out
    ],
)
def test_only_what_was_delivered_can_be_abandoned(
    unacknowledged: int, delivered: tuple[int, int], floor: tuple[int, int], expected: int
) -> None:
    """
    Deliveries that nobody settled count, messages of other subjects do not.
    """
    names = ("stream_seq", "consumer_seq")
    info = {
        "num_ack_pending": unacknowledged,
        "delivered": dict(zip(names, delivered, strict=True)),
        "ack_floor": dict(zip(names, floor, strict=True)),
    }

    assert abandoned_in(info) == expected
