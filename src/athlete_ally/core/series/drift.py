"""What `streams drift --format prometheus` writes for the textfile collector."""

from typing import Final

from athlete_ally.core.series.declared import Series

DRIFT: Final = Series(
    "aa_stream_config_drift",
    "gauge",
    "1 for each field in which a stream or durable differs from its environment's file, at the last check.",
    ("environment", "object", "field", "danger"),
)
DRIFT_CHECKED: Final = Series(
    "aa_stream_drift_last_check_timestamp_seconds",
    "gauge",
    "When streams and durables were last compared with the file, in seconds since 1970.",
    ("environment",),
)
