"""How far a reading that was sent has come."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from athlete_ally.console.examples import examples
from athlete_ally.console.sent_readings import Answer, Sent, SentReadings

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ACCEPTED = Answer(202, {"id": "m1"}, 3.0)
REFUSED = Answer(422, {"detail": "no"}, 3.0)


@pytest.mark.parametrize(
    ("answer", "receipt", "letter", "is_over"),
    [
        (REFUSED, None, None, True),
        (ACCEPTED, None, None, False),
        (ACCEPTED, {"dead_lettered": 0}, None, True),
        (ACCEPTED, {"dead_lettered": 1}, None, False),
        (ACCEPTED, {"dead_lettered": 1}, 7, True),
    ],
)
def test_a_sent_reading_is_final_when_nothing_more_will_happen(
    answer: Answer,
    receipt: dict[str, Any] | None,
    letter: int | None,
    is_over: bool,  # noqa: FBT001  # a table
) -> None:
    """
    Refused, stored, or found as a dead letter: only then is there nothing more to wait for.
    """
    assert is_over == SentReadings("hrv", answer, receipt, letter).is_over


def test_what_was_sent_is_kept_in_bounded_memory() -> None:
    """
    The last fifty answers are kept, and no more.
    """
    sent = Sent()
    for number in range(60):
        sent.keep(str(number), "hrv", ACCEPTED)

    assert sent.find("9") is None
    assert sent.find("59") == ("hrv", ACCEPTED)


def test_every_example_is_of_nobody_and_of_now() -> None:
    """
    An example belongs to the test user, and is captured now, so that it is not a duplicate of an earlier one.
    """
    found = [json.loads(each.body) for each in examples(NOW)]

    assert {each["userId"] for each in found} == {"try-it"}
    assert {each["capturedAt"] for each in found} == {"2026-11-24T12:00:00.000+00:00"}
