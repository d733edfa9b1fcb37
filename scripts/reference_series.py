"""The series that ingest and normalize export."""

from reference_markdown import code, codes, table

from athlete_ally.core.broker.topology import build_topology
from athlete_ally.core.series import (
    DRIFT,
    DRIFT_CHECKED,
    Series,
    api_series,
    broker_series,
    every,
    fetch_series,
    http_series,
    ingest_series,
    journal_series,
    normalize_series,
    unpack_series,
    webhook_series,
)
from athlete_ally.measurements import KINDS
from athlete_ally.vendors import FETCHED, VENDORS


def series_tables() -> str:
    """Return a table for each service, with the values that each label can have."""
    normalize = normalize_series(KINDS, VENDORS)
    letters = [subject for *_, subject in normalize.dead_letters.values]
    broker = broker_series(build_topology(KINDS, VENDORS, fetched=FETCHED), letters)
    services = {
        "ingest": every(ingest_series(KINDS), webhook_series(VENDORS)),
        "fetch": every(fetch_series(FETCHED)),
        "api": every(api_series()),
        "ingest, api, fetch and normalize: their HTTP servers": every(http_series()),
        "ingest and fetch, where a message journal is kept": every(journal_series()),
        "normalize: its own work": every(normalize),
        "normalize: webhooks": every(unpack_series(VENDORS, FETCHED)),
        "normalize: what its watch sees of the broker": every(broker),
        "`streams drift --format prometheus`": (DRIFT, DRIFT_CHECKED),
    }
    head = ("series", "type", "labels", "meaning")
    return "\n\n".join(f"## {name}\n\n{table(head, map(_row, series))}" for name, series in services.items())


def _row(series: Series) -> tuple[str, str, str, str]:
    return code(series.name), series.type, "<br>".join(map(_label, *_columns(series))), _meaning(series)


def _columns(series: Series) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    values = list(zip(*series.values, strict=True)) or [()] * len(series.labels)
    return series.labels, values


def _label(name: str, values: tuple[str, ...]) -> str:
    return f"{code(name)}: {codes(dict.fromkeys(values))}" if values else code(name)


def _meaning(series: Series) -> str:
    buckets = ", ".join(f"{each:g}" for each in series.buckets)
    return f"{series.help} Buckets (s): {buckets}." if buckets else series.help
