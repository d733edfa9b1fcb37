"""What a service exports about its message journal."""

from dataclasses import dataclass

from athlete_ally.core.series.declared import FAST_S, Series


@dataclass(frozen=True, slots=True)
class JournalSeries:
    """What a service exports about its message journal."""

    failures: Series
    cut_short_bytes: Series
    bytes: Series
    free_bytes: Series
    flush_seconds: Series


def journal_series() -> JournalSeries:
    """Declare what a service exports about its message journal."""
    return JournalSeries(
        failures=Series(
            "message_journal_failures_total", "counter", "Groups of messages that could not be written to the journal."
        ),
        cut_short_bytes=Series(
            "message_journal_cut_short_bytes_total",
            "counter",
            "Bytes of the journal deleted before their time, because AA_MESSAGE_JOURNAL_MAX_BYTES was reached.",
        ),
        bytes=Series("message_journal_bytes", "gauge", "Bytes that this process's journal holds."),
        free_bytes=Series(
            "message_journal_free_bytes", "gauge", "Free bytes on the journal's disk; absent where no journal is kept."
        ),
        flush_seconds=Series(
            "message_journal_flush_seconds", "histogram", "Seconds to write and flush a group.", buckets=FAST_S
        ),
    )
