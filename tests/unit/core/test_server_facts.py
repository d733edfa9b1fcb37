"""What servers say of themselves is believed of the cluster that we are connected to, and of nothing else."""

import pytest

from athlete_ally.core.broker.server_facts import ServerFacts, cluster_of, syncs_always

PEERS = {"1": "n1", "2": "n2", "3": "n3"}


def server(number: str, *, syncs: bool = True, jetstream: bool = True) -> ServerFacts:
    """Return the answer of one of three servers."""
    peers = {id_: name for id_, name in PEERS.items() if id_ != number}
    return ServerFacts(f"http://n{number}", "", number, f"n{number}", peers, jetstream, syncs_always=syncs)


ALONE = ServerFacts("http://other", "", "9", "other", has_jetstream=True, syncs_always=True)
SILENT = ServerFacts("http://n3", "ConnectError")


@pytest.mark.parametrize(
    ("asked", "syncs", "problem"),
    [
        ([server("1"), server("2"), server("3")], True, ""),
        ([server("1"), server("2", syncs=False), server("3")], False, ""),
        ([server("1"), server("2")], None, "not asked: n3"),
        ([server("1", syncs=False)], False, "not asked: n2, n3"),
        ([server("1"), server("2"), SILENT], None, "http://n3: ConnectError; not asked: n3"),
        ([ALONE], None, "http://other is other, which is not a server of the cluster that NATS_URL leads to"),
        ([server("1"), server("2"), server("3", jetstream=False)], True, ""),
        ([], None, "AA_NATS_MONITOR_URL is not set"),
    ],
    ids=["all", "one odd", "one not asked", "odd and not asked", "one silent", "another cluster", "no store", "none"],
)
def test_all_servers_decide(asked: list[ServerFacts], *, syncs: bool | None, problem: str) -> None:
    """
    One odd server is enough for no, every server is needed for yes, and the rest is unknown, with the reason.
    """
    cluster = cluster_of("1", asked)

    assert (syncs_always(cluster), cluster.problem) == (syncs, problem)
