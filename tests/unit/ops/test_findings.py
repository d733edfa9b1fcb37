"""What an operator is told about streams and durables, and what a service may not work with."""

import pytest

from athlete_ally.core.broker.topology import build_topology
from athlete_ally.measurements import KINDS
from athlete_ally.ops.streams.provision import Finding

TOPOLOGY = build_topology(KINDS, ())
VITAL = {
    "stream": {"subjects", "retention", "storage", "discard"},
    "durable": {"filter_subjects", "ack_policy", "deliver_policy", "max_deliver"},
}


def test_what_is_missing_comes_with_its_remedy() -> None:
    """
    A missing object keeps every service from working, and the text says how to make it.
    """
    finding = Finding("stream", "AA_DLQ")

    assert (finding.is_missing, finding.is_vital) == (True, True)
    assert str(finding) == "stream AA_DLQ is missing: run `athlete-ally streams apply`"


def test_a_difference_is_told_by_field() -> None:
    """
    The text has both sides, the one that is and the one that should be.
    """
    finding = Finding("durable", "normalize-hrv-durable", "max_deliver", -1, 5)

    assert str(finding).startswith("durable normalize-hrv-durable: max_deliver is 5, wanted -1; `athlete-ally streams")


@pytest.mark.parametrize("field", sorted(VITAL["stream"]))
def test_a_stream_that_could_lose_messages_is_not_worked_with(field: str) -> None:
    """
    Where it takes its messages from, and whether it keeps them, are promises.
    """
    assert (Finding("stream", "x", field).is_vital, field in TOPOLOGY.streams[0].config()) == (True, True)


@pytest.mark.parametrize("field", sorted(VITAL["durable"]))
def test_a_durable_that_could_skip_messages_is_not_worked_with(field: str) -> None:
    """
    What it hears, and how long it insists, are promises.
    """
    assert (Finding("durable", "x", field).is_vital, field in TOPOLOGY.durables[0].config()) == (True, True)


@pytest.mark.parametrize(
    "field", ["max_age", "max_bytes", "num_replicas", "description", "metadata", "max_ack_pending"]
)
def test_what_an_operator_may_choose_stops_nobody(field: str) -> None:
    """
    Sizes, ages and replicas are a matter for the doctor.
    """
    assert not Finding("stream", "x", field, 1, 2).is_vital
