"""The permissions on the broker, as values."""

import pytest

from athlete_ally.core.broker.permissions import build_users, covers, denied_to_all
from athlete_ally.core.broker.topology import build_topology
from athlete_ally.measurements import KINDS
from athlete_ally.vendors import FETCHED, VENDORS

TOPOLOGY = build_topology(KINDS, VENDORS, fetched=FETCHED)
USERS = {user.name: user for user in build_users(TOPOLOGY, KINDS, VENDORS)}


@pytest.mark.parametrize(
    ("pattern", "subject", "covered"),
    [
        ("a.b", "a.b", True),
        ("a.b", "a.b.c", False),
        ("a.b.c", "a.b", False),
        ("a.*", "a.b", True),
        ("a.*", "a.*", True),
        ("a.b", "a.*", False),
        ("a.>", "a.b.c", True),
        ("a.>", "a.>", True),
        ("a.>", "a", False),
        ("a.*", "a.>", False),
        (">", "a", True),
    ],
)
def test_a_pattern_covers_what_nats_says(pattern: str, subject: str, *, covered: bool) -> None:
    """
    A star is one word, an angle bracket at least one; a narrower pattern never covers a wider one.
    """
    assert covers(pattern, subject) == covered


def test_each_worker_settles_its_own_durables_only() -> None:
    """
    For every durable exactly one user may pull, and it may acknowledge in both forms of the subject.
    """
    for durable in TOPOLOGY.durables:
        where = f"{durable.stream}.{durable.name}"
        pulls = [name for name, user in USERS.items() if user.may_publish(f"$JS.API.CONSUMER.MSG.NEXT.{where}")]
        acks = [name for name, user in USERS.items() if user.may_publish(f"$JS.ACK.{where}.1.2.3.4.0")]
        longer = [name for name, user in USERS.items() if user.may_publish(f"$JS.ACK._.hash.{where}.1.2.3.4.0")]

        assert len(pulls) == 1
        assert pulls == acks == longer


@pytest.mark.parametrize("name", USERS)
def test_nobody_may_lose_messages(name: str) -> None:
    """
    No user may delete or purge a stream, delete a durable, or create what the topology doesn't name.
    """
    assert [subject for subject in denied_to_all(TOPOLOGY) if USERS[name].may_publish(subject)] == []


def test_services_see_no_bodies_but_their_own() -> None:
    """
    Ingest reads no message at all, and figures are for the monitor without a single body.
    """
    for name in ("ingest", "monitor"):
        assert [each for each in USERS[name].publish if "MSG." in each or "DIRECT" in each] == []
