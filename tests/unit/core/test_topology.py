"""Streams, subjects and durables: what every environment promises."""

from itertools import combinations
from pathlib import Path
from typing import get_args

import pytest

from athlete_ally.config.environment_file import load_environment
from athlete_ally.core.broker import topology
from athlete_ally.core.broker.environment import Environment
from athlete_ally.core.broker.topology import Topology, build_topology
from athlete_ally.core.verdict import REASONS
from athlete_ally.measurements import KINDS

DAY_NS = 24 * 3600 * 10**9
VENDORS = ("oura", "whoop")
FILES = Path(__file__).parents[3] / "deploy/environments"


def build(environment: Environment = "dev") -> Topology:
    """Return an environment with every kind and two vendors."""
    return build_topology(KINDS, VENDORS, load_environment(FILES / f"{environment}.toml"))


@pytest.mark.parametrize(
    ("environment", "hot_days", "dlq_days", "replicas"),
    [("dev", 2, 14, 1), ("staging", 3, 30, 1), ("production", 7, 90, 3)],
)
def test_how_long_and_how_often_things_are_kept(
    environment: Environment, hot_days: int, dlq_days: int, replicas: int
) -> None:
    """
    Ages and replicas are those that were promised to each environment.
    """
    streams = build(environment).streams
    kept = {stream.name: stream.config()["max_age"] / DAY_NS for stream in streams}

    wanted = {"AA_DLQ": dlq_days, "AA_ADVISORY": dlq_days, "AA_CORE_HOT": hot_days, "AA_VENDOR_HOT": hot_days}
    assert wanted == kept
    assert {replicas} == {stream.config()["num_replicas"] for stream in streams}


@pytest.mark.parametrize("environment", get_args(Environment))
def test_nothing_is_deleted_unnoticed(environment: Environment) -> None:
    """
    Every stream lies on disk, is bounded, and refuses what is new rather than forget what is old.

    Advisories are the server's notes, not our data: the newest of them count.
    """
    for stream in build(environment).streams:
        config = stream.config()
        discard = "old" if stream.name == topology.ADVISORY else "new"
        assert (config["storage"], config["discard"], config["retention"]) == ("file", discard, "limits")
        assert 0 < config["max_msg_size"] < config["max_bytes"]


def test_dead_letters_come_first_and_take_everything() -> None:
    """
    AA_DLQ is made before all others, and a dead letter fits: its original, and 16 KiB of headers that say why.
    """
    dlq, advisory, *hot = build().streams

    assert (dlq.name, advisory.name) == (topology.DLQ, topology.ADVISORY)
    assert {dlq.max_message_bytes - 16 * 1024} == {stream.max_message_bytes for stream in hot}
    assert topology.MAX_BODY_BYTES < topology.MAX_MESSAGE_BYTES


def test_a_durable_never_abandons_by_itself() -> None:
    """
    A server that stops delivering writes no dead letter: `max_deliver` is unlimited, only our workers stop retrying.
    """
    for durable in build().durables:
        config = durable.config()
        assert (config["max_deliver"], config["ack_policy"], config["deliver_policy"]) == (-1, "explicit", "all")
        assert durable.name == config["durable_name"]


def test_every_subject_has_one_stream() -> None:
    """
    No two streams claim the same subjects, and all that is published or filtered lies in the stream it is meant for.
    """
    built = build()
    prefixes = {stream.name: tuple(each.removesuffix(">") for each in stream.subjects) for stream in built.streams}
    meant = [(durable.stream, subject) for durable in built.durables for subject in durable.filter_subjects]
    meant += [(topology.CORE_HOT, topology.stored_subject(kind)) for kind in KINDS]
    meant += [(topology.DLQ, topology.dead_letter_subject(kind, reason)) for kind in KINDS for reason in REASONS]

    assert [pair for pair in combinations(sum(prefixes.values(), ()), 2) if pair[0].startswith(pair[1])] == []
    assert [(stream, subject) for stream, subject in meant if not subject.startswith(prefixes[stream])] == []


def test_no_two_durables_hear_the_same() -> None:
    """
    A message, replayed or not, reaches one consumer.
    """
    filters = [subject for durable in build().durables for subject in durable.filter_subjects]

    assert len(filters) == len(set(filters)) == 2 * (len(KINDS) + len(VENDORS) + 1)


def test_every_object_says_whose_it_is() -> None:
    """
    Owner, environment and the thresholds of `nats server check` stand on each stream and durable.
    """
    built = build("production")
    dlq, hrv = built.stream(topology.DLQ), built.durable(topology.normalize_durable("hrv"))

    assert {"production"} == {each.metadata[topology.ENVIRONMENT_KEY] for each in (*built.streams, *built.durables)}
    assert (dlq.metadata["owner"], dlq.metadata["io.nats.monitor.peer-expect"]) == ("athlete-ally", "3")
    assert hrv.metadata["io.nats.monitor.unprocessed-critical"] == "10000"


def test_things_are_found_by_name() -> None:
    """
    A stream or durable is found by the name that the topology gives it.
    """
    built = build()

    assert [each.name for each in built.streams] == [built.stream(each.name).name for each in built.streams]
    assert built.durable(topology.unpack_durable("oura")).name == "unpack-oura-durable"
