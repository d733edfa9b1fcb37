"""What the `Observer` port promises, kept by prometheus-client and by the fake alike."""

from typing import Protocol

import pytest
from support.fakes import FakeObserver

from athlete_ally.adapters.prometheus import PrometheusObserver
from athlete_ally.core.broker.topology import CORE_HOT, normalize_durable, raw_subject
from athlete_ally.core.ports import Observer
from athlete_ally.core.series import Series, every, normalize_series
from athlete_ally.measurements import KINDS

SERIES = normalize_series(KINDS, [])
MESSAGES = SERIES.kinds["hrv"].messages
DURABLE = normalize_durable("hrv")
LATENCY = SERIES.kinds["hrv"].latency
RESULT = ("success", raw_subject("hrv"), CORE_HOT, DURABLE)


class Bench(Protocol):
    """An observer, and what it has taken note of."""

    observer: Observer

    def value(self, series: Series, *labels: str) -> float | None:
        """Return the figure of one label set, None where there is none."""
        ...

    def observations(self, series: Series) -> tuple[float, float]:
        """Return number and sum of a histogram's observations."""
        ...


class FakeBench:
    """The fake."""

    def __init__(self) -> None:
        """Declare what normalize exports."""
        self._fake = FakeObserver(every(SERIES))
        self.observer: Observer = self._fake

    def value(self, series: Series, *labels: str) -> float | None:
        """See the bench."""
        return self._fake.values.get((series.name, *labels))

    def observations(self, series: Series) -> tuple[float, float]:
        """See the bench."""
        observed = self._fake.observations.get((series.name, DURABLE), [])
        return len(observed), sum(observed)


class RealBench:
    """The real client's registry."""

    def __init__(self) -> None:
        """Declare what normalize exports."""
        self._real = PrometheusObserver(every(SERIES))
        self.observer: Observer = self._real

    def value(self, series: Series, *labels: str) -> float | None:
        """See the bench."""
        return self._real._registry.get_sample_value(  # pyright: ignore[reportPrivateUsage]
            series.name, dict(zip(series.labels, labels, strict=True))
        )

    def observations(self, series: Series) -> tuple[float, float]:
        """See the bench."""
        sample = self._real._registry.get_sample_value  # pyright: ignore[reportPrivateUsage]
        labels = {"durable": DURABLE}
        return sample(f"{series.name}_count", labels) or 0, sample(f"{series.name}_sum", labels) or 0


@pytest.fixture(params=[FakeBench, RealBench], ids=["fake", "real"])
def bench(request: pytest.FixtureRequest) -> Bench:
    """Run each test over the fake and over the real client."""
    bench: Bench = request.param()
    return bench


def test_every_label_set_is_there_from_the_start(bench: Bench) -> None:
    """
    Counters and gauges begin at 0, since a counter that is born at 1 has no rate.
    """
    figures = [series for series in every(SERIES) if series.type != "histogram"]
    # Which version runs is told at start, once it is known.
    born = {bench.value(series, *labels) for series in figures for labels in series.values}

    assert (born, bench.value(SERIES.kinds["hrv"].unaccounted)) == ({0.0}, 0.0)


def test_counts_add_up_gauges_stay_and_histograms_collect(bench: Bench) -> None:
    """
    Each call has the effect of its name, and a series without labels takes none.
    """
    bench.observer.count(MESSAGES, *RESULT)
    bench.observer.count(MESSAGES, *RESULT, by=2)
    for value in (3, 1):
        bench.observer.set(SERIES.kinds["hrv"].unaccounted, value=value)
        bench.observer.observe(LATENCY, DURABLE, value=value, trace_id="0af7651916cd43dd8448eb211c80319c")

    assert (bench.value(MESSAGES, *RESULT), bench.value(SERIES.kinds["hrv"].unaccounted)) == (3.0, 1.0)
    assert bench.observations(LATENCY) == (2, 4.0)


def test_what_is_not_declared_is_refused(bench: Bench) -> None:
    """
    A series outside the catalogue, a wrong number of labels, a verb of another type: each is a mistake that shows.
    """
    with pytest.raises(KeyError):
        bench.observer.count(Series("made_up_total", "counter", "Not in the catalogue."))
    with pytest.raises(ValueError, match="label"):
        bench.observer.count(MESSAGES, "success")
    with pytest.raises(AttributeError):
        bench.observer.observe(MESSAGES, *RESULT, value=1)
