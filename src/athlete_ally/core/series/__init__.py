"""The catalogue of Prometheus series: every one that we export is declared here, and nowhere else.

A series that is not declared can't be reported; dashboards, rules and docs are checked against this list. Label values
come from closed lists, all initialised at start, since a counter that is born at 1 has no rate.
"""

from athlete_ally.core.series.api import ApiSeries, api_series
from athlete_ally.core.series.broker import BrokerSeries, broker_series
from athlete_ally.core.series.declared import Series, SeriesType, every
from athlete_ally.core.series.drift import DRIFT, DRIFT_CHECKED
from athlete_ally.core.series.fetch import FetchSeries, fetch_series
from athlete_ally.core.series.http import HttpSeries, http_series
from athlete_ally.core.series.ingest import CAUSES, Cause, IngestSeries, ingest_series
from athlete_ally.core.series.journal import JournalSeries, journal_series
from athlete_ally.core.series.normalize import FRESH_S, KindSeries, NormalizeSeries, normalize_series
from athlete_ally.core.series.unpack import UnpackSeries, unpack_series
from athlete_ally.core.series.webhooks import WebhookSeries, webhook_series

__all__ = [
    "CAUSES",
    "DRIFT",
    "DRIFT_CHECKED",
    "FRESH_S",
    "ApiSeries",
    "BrokerSeries",
    "Cause",
    "FetchSeries",
    "HttpSeries",
    "IngestSeries",
    "JournalSeries",
    "KindSeries",
    "NormalizeSeries",
    "Series",
    "SeriesType",
    "UnpackSeries",
    "WebhookSeries",
    "api_series",
    "broker_series",
    "every",
    "fetch_series",
    "http_series",
    "ingest_series",
    "journal_series",
    "normalize_series",
    "unpack_series",
    "webhook_series",
]
