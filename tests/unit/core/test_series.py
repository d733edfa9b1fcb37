"""The catalogue of series: well formed, bounded, and free of people."""

import re
from collections import Counter

import pytest

from athlete_ally.core.series import IngestSeries, NormalizeSeries, Series, every, ingest_series, normalize_series
from athlete_ally.core.verdict import REASONS
from athlete_ally.measurements import KINDS

CATALOGUES: list[IngestSeries | NormalizeSeries] = [ingest_series(KINDS), normalize_series(KINDS)]
SERIES = [series for catalogue in CATALOGUES for series in every(catalogue)]
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
        *("stream_name", "consumer_name", "service", "version"),
    }


@pytest.mark.parametrize("catalogue", CATALOGUES, ids=["ingest", "normalize"])
def test_names_are_unique_in_a_service(catalogue: IngestSeries | NormalizeSeries) -> None:
    """
    A service exports each name once.
    """
    names = [series.name for series in every(catalogue)]

    assert len(names) == len(set(names))


def test_every_way_to_die_is_counted() -> None:
    """
    There is a counter and a depth for each kind and reason of a dead letter.
    """
    catalogue = normalize_series(KINDS)

    assert len(KINDS) * len(REASONS) == len(catalogue.dead_letters.values) == len(catalogue.dlq_depth.values)
