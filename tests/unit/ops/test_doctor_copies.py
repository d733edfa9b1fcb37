"""What `doctor` says of the copies of a stream."""

import pytest

from athlete_ally.ops.doctor.broker import check_replicas
from athlete_ally.ops.streams.overview import StreamRow


def row(current: int, *behind: str, has_leader: bool = True) -> StreamRow:
    """Return a stream with three copies."""
    return StreamRow(
        "AA_CORE_HOT", missing=False, replicas=3, replicas_current=current, has_leader=has_leader, behind=behind
    )


@pytest.mark.parametrize(
    ("found", "status", "words"),
    [
        (row(3), "ok", "3 of 3"),
        (row(2, "n2 is down, or has JetStream disabled"), "failure", "n2 is down, or has JetStream disabled"),
        (row(2, "n3 lags by 12"), "failure", "n3 lags by 12"),
        (row(1, "n1 is down", "n3 is down", has_leader=False), "failure", "no leader"),
    ],
)
def test_a_copy_that_is_missing_is_named(found: StreamRow, status: str, words: str) -> None:
    """
    Each server whose copy is not current is named with its state; without a leader that comes first.
    """
    check = check_replicas(found, 3)

    assert (check.status, words in check.detail, bool(check.remedy)) == (status, True, status != "ok")
