"""What is worked out of the server's answers."""

from datetime import UTC, datetime

import pytest

from athlete_ally.core.broker.state import abandoned_in, stated_time


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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-29T11:56:07.875348879Z", datetime(2026, 11, 29, 11, 56, 7, 875348, UTC)),
        ("0001-01-01T00:00:00Z", None),
    ],
)
def test_a_time_that_the_server_does_not_know_is_none(text: str, expected: datetime | None) -> None:
    """
    The zero time of the server is no time; PostgreSQL would keep it as minus infinity, which is read without a zone.
    """
    assert expected == stated_time(text)
