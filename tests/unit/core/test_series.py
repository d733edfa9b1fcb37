"""The catalogue of series: well formed, bounded, and free of people."""

import re
from collections import Counter

import pytest

from athlete_ally.core.broker.topology import REAP_ADVISORIES_DURABLE, build_topology
from athlete_ally.core.series import (
    CAUSES,
    Series,
    broker_series,
    every,
    fetch_series,
    ingest_series,
    normalize_series,
    unpack_series,
    webhook_series,
)
from athlete_ally.core.verdict import REASONS, VENDOR_REASONS
from athlete_ally.measurements import KINDS
from athlete_ally.vendors import FETCHED, VENDORS

INGEST = ingest_series(KINDS)
NORMALIZE = normalize_series(KINDS, VENDORS)
TOPOLOGY = build_topology(KINDS, VENDORS, fetched=FETCHED)
BROKER = broker_series(TOPOLOGY, [subject for *_, subject in NORMALIZE.dead_letters.values])
BY_SERVICE = {
    "ingest": list(every(INGEST, webhook_series(VENDORS))),
    "normalize": list(every(NORMALIZE, BROKER, unpack_series(VENDORS, FETCHED))),
    "fetch": list(every(fetch_series(FETCHED))),
}
SERIES = [series for declared in BY_SERVICE.values() for series in declared]
# A status of each kind is the largest set; what a kind or vendor adds must not grow with anything else.
MOST_LABEL_SETS = 12 * (len(KINDS) + len(VENDORS) + 1)
IDS = [f"{number}-{series.name}" for number, series in enumerate(SERIES)]


@pytest.mark.parametrize("series", SERIES, ids=IDS)
def test_a_series_is_well_formed(series: Series) -> None:
    """
    Its name is one for Prometheus, a counter ends in `_total`, it says what it means, and only histograms have buckets.
    """
    assert re.fullmatch(r"[a-z][a-z0-9_]*", series.name)
    assert (series.type == "counter") == (series.name.endswith("_total") and series.type != "gauge")
    assert series.help.endswith(".")
    assert list(series.buckets) == sorted(set(series.buckets))
    assert (series.type == "histogram") == bool(series.buckets)


@pytest.mark.parametrize("series", SERIES, ids=IDS)
def test_label_sets_are_complete_and_distinct(series: Series) -> None:
    """
    Every label set initialised at start has a value for each label, and none comes twice.
    """
    assert {len(series.labels)} >= {len(values) for values in series.values}
    assert [values for values, times in Counter(series.values).items() if times > 1] == []


@pytest.mark.parametrize("series", SERIES, ids=IDS)
def test_a_counter_is_born_at_zero(series: Series) -> None:
    """
    A labelled counter lists all its label sets: one that is born at 1 has no rate.
    """
    assert series.type != "counter" or not series.labels or series.values


def test_no_person_is_a_label() -> None:
    """
    Labels are about our own machinery.
    """
    labels = {label for series in SERIES for label in series.labels}

    assert labels == {
        *("kind", "status", "result", "subject", "stream", "durable", "consumer", "reason"),
        *(
            "stream_name",
            "consumer_name",
            "object",
            "cause",
            "shelf",
            "vendor",
            "service",
            "version",
            "action",
            "state",
        ),
    }


@pytest.mark.parametrize("service", BY_SERVICE)
def test_names_are_unique_in_a_service(service: str) -> None:
    """
    A service exports each name once.
    """
    names = [series.name for series in BY_SERVICE[service]]

    assert len(names) == len(set(names))


@pytest.mark.parametrize("series", SERIES, ids=IDS)
def test_no_series_has_many_label_sets(series: Series) -> None:
    """
    What Prometheus has to keep is bounded by the code: label sets are listed, and few.
    """
    assert len(series.values) <= MOST_LABEL_SETS


def test_every_way_to_die_is_counted() -> None:
    """
    There is a counter and a depth for each kind or vendor and reason of a dead letter, and one depth for strangers.
    """
    ways = len(KINDS) * len(REASONS) + len(VENDORS) * len(VENDOR_REASONS)

    assert (ways, ways + 1) == (len(NORMALIZE.dead_letters.values), len(BROKER.dlq_depth.values))


def test_every_stream_and_durable_is_watched() -> None:
    """
    Whatever the topology gains (a vendor, a kind) has lag, age and size from then on.
    """
    assert [(each.stream, each.name) for each in TOPOLOGY.durables] == list(BROKER.oldest_age.values)
    assert [(each.name,) for each in TOPOLOGY.streams] == list(BROKER.stream_bytes.values)


def test_every_worker_has_a_circuit_breaker_and_says_when_it_holds() -> None:
    """
    Alerts ask one series for all workers of normalize: whatever the topology gains is asked for from then on.
    """
    workers = [each.name for each in TOPOLOGY.durables if each.name.startswith(("normalize-", "unpack-"))]

    assert workers == [durable for (durable,) in NORMALIZE.breaker.values]
    assert {*workers, REAP_ADVISORIES_DURABLE} == {durable for (durable,) in NORMALIZE.holding.values}


def test_every_cause_of_a_refusal_is_counted() -> None:
    """
    The closed list of causes is the label's.
    """
    assert [(cause,) for cause in CAUSES] == list(INGEST.refusals.values)
