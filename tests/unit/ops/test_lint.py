"""Rules for the file of an environment: each one is kept by ours, and noticed when it is not."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from athlete_ally.config.environment_file import decode_environment, encode_environment, load_environment
from athlete_ally.core.broker.environment import DurableLimits, EnvironmentSpec
from athlete_ally.core.broker.topology import ADVISORY, CORE_HOT, DEV, Stream, Topology, build_topology
from athlete_ally.core.units_text import Size, Span
from athlete_ally.measurements import KINDS
from athlete_ally.ops.streams.lint import lint
from athlete_ally.vendors import FETCHED, VENDORS

ROOT = Path(__file__).parents[3]
FILES = sorted((ROOT / "deploy/environments").glob("*.toml"))


def limited(**limits: Any) -> EnvironmentSpec:
    """Return dev with other limits of the stream of readings."""
    streams = {**DEV.streams, CORE_HOT: msgspec.structs.replace(DEV.streams[CORE_HOT], **limits)}
    return msgspec.structs.replace(DEV, streams=streams)


def rules(spec: EnvironmentSpec, topology: Topology | None = None) -> set[str]:
    """Return the ids of what is found."""
    return {each.rule for each in lint(spec, topology or build_topology(KINDS, VENDORS, spec, fetched=FETCHED))}


def with_stream(changed: Stream) -> Topology:
    """Return dev's topology with one stream otherwise."""
    topology = build_topology(KINDS, VENDORS, fetched=FETCHED)
    return replace(topology, streams=tuple(changed if each.name == changed.name else each for each in topology.streams))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_our_files_are_sound(path: Path) -> None:
    """
    No rule is broken, and none is silenced.
    """
    spec = load_environment(path)

    assert (set(), {}) == (rules(spec), spec.silence)


@pytest.mark.parametrize(
    ("spec", "rule"),
    [
        (limited(max_age=Span.parse("12h")), "L3"),
        (limited(duplicate_window=Span.parse("49h")), "L3"),
        (limited(max_bytes=Size.parse("4 MiB")), "L4"),
        (limited(duplicate_window=Span.parse("30s")), "L5"),
        (limited(replicas=2), "L6"),
        (limited(replicas=3, compression="s2"), "L18"),
        (msgspec.structs.replace(DEV, durable=DurableLimits(max_ack_pending=10)), "L13"),
        (msgspec.structs.replace(DEV, durables={"normalize-hvr-durable": DurableLimits()}), "L17"),
    ],
)
def test_what_a_file_can_do_wrong(spec: EnvironmentSpec, rule: str) -> None:
    """
    Each mistake is found by its own rule, with a remedy, and a reason in the file silences it.
    """
    found = lint(spec, build_topology(KINDS, VENDORS, spec, fetched=FETCHED))
    silenced = msgspec.structs.replace(spec, silence={each.key: "known, and meant" for each in found})

    assert ({rule}, set()) == ({each.rule for each in found}, rules(silenced))
    assert all(each.reason and each.remedy for each in found)


@pytest.mark.parametrize("replicas", [1, 2])
def test_production_survives_the_loss_of_a_server(replicas: int) -> None:
    """
    Fewer than three copies are found, as is a file that does not say whose account it is for.
    """
    spec = msgspec.structs.replace(limited(replicas=replicas), environment="production")

    assert {"L6", "L14"} == rules(spec)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"discard": "old"}, {"L2"}),
        ({"subjects": ("athlete-ally.other.>",)}, {"L10"}),
        ({"subjects": ("athlete-ally.>", "vendor.garmin.>")}, {"L15"}),
        ({"metadata": {}}, {"L14"}),
    ],
)
def test_what_code_can_do_wrong(change: dict[str, Any], found: set[str]) -> None:
    """
    The rules also watch over the topology, which no file can change.
    """
    stream = replace(build_topology(KINDS, VENDORS, fetched=FETCHED).stream(CORE_HOT), **change)

    assert found == rules(DEV, with_stream(stream))


def test_advisories_may_be_forgotten() -> None:
    """
    The one stream that forgets holds no reading.
    """
    assert [each.name for each in build_topology(KINDS, VENDORS, fetched=FETCHED).streams if each.discard == "old"] == [
        ADVISORY
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_that_is_written_is_read_again(path: Path) -> None:
    """
    What `adopt` writes says the same as what it was made of, quotes and dots in names included.
    """
    spec = msgspec.structs.replace(load_environment(path), silence={"unmanaged:a.b": 'said "so", \\ for good'})

    assert spec == decode_environment(encode_environment(spec))


def test_every_rule_is_in_the_reference() -> None:
    """
    The page lists the ids that the code can find, and no others.
    """
    code = (ROOT / "src/athlete_ally/ops/streams/lint.py").read_text("utf-8")
    page = (ROOT / "docs/reference/environment-files.md").read_text("utf-8")

    assert set(re.findall(r'"(L\d+)"', code)) == set(re.findall(r"^\| (L\d+) \|", page, re.MULTILINE))
