"""What the watch exports of streams and durables.

Names that begin with `jetstream_` are those of NATS' own Prometheus exporter.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from athlete_ally.core.broker import topology
from athlete_ally.core.messages.dead_letter import SHELVES
from athlete_ally.core.series.declared import Series

OTHER: Final = "other"
"""Stands for the subjects of dead letters that are not ours, so that no stranger can add label values."""

SHELVED: Final = tuple(shelf for shelf in SHELVES if shelf != "waiting")


@dataclass(frozen=True, slots=True)
class BrokerSeries:
    """What the watch exports of streams and durables."""

    watch_success: Series
    watched_at: Series
    pending: Series
    ack_pending: Series
    redelivered: Series
    delivered: Series
    ack_floor: Series
    oldest_age: Series
    time_to_loss: Series
    abandoned: Series
    paused: Series
    consumer_missing: Series
    stream_missing: Series
    stream_messages: Series
    stream_bytes: Series
    stream_limit: Series
    stream_max_age: Series
    replicas: Series
    replicas_current: Series
    leaderless: Series
    differences: Series
    sync_always: Series
    dlq_depth: Series
    dlq_shelved: Series
    dlq_oldest_age: Series


def broker_series(desired: topology.Topology, letter_subjects: Sequence[str]) -> BrokerSeries:
    """Declare what the watch exports for these streams and durables, and for dead letters of these subjects."""
    streams = tuple((stream.name,) for stream in desired.streams)
    durables = tuple((durable.stream, durable.name) for durable in desired.durables)
    objects = tuple((each.name,) for each in (*desired.streams, *desired.durables))
    subjects = tuple((subject,) for subject in (*letter_subjects, OTHER))

    def by_stream(name: str, text: str) -> Series:
        return Series(name, "gauge", text, ("stream_name",), streams)

    def by_durable(name: str, text: str) -> Series:
        return Series(name, "gauge", text, ("stream_name", "consumer_name"), durables)

    return BrokerSeries(
        watch_success=Series("aa_watch_success", "gauge", "1 when the last look at the broker succeeded, else 0."),
        watched_at=Series(
            "aa_watch_last_success_timestamp_seconds", "gauge", "When the broker was last looked at with success."
        ),
        pending=by_durable("jetstream_consumer_num_pending", "Messages not yet delivered to the consumer."),
        ack_pending=by_durable("jetstream_consumer_num_ack_pending", "Messages delivered and not settled."),
        redelivered=by_durable("jetstream_consumer_num_redelivered", "Messages delivered more than once, not settled."),
        delivered=by_durable("jetstream_consumer_delivered_stream_seq", "Sequence of the last message delivered."),
        ack_floor=by_durable("jetstream_consumer_ack_floor_stream_seq", "Sequence up to which all is settled."),
        oldest_age=by_durable(
            "aa_consumer_oldest_unprocessed_seconds",
            "Age of the oldest message that is not settled, the redrive lane included; 0 when there is none.",
        ),
        time_to_loss=by_durable(
            "aa_consumer_time_to_data_loss_seconds",
            "Seconds until max_age deletes the oldest message that is not settled; +Inf when nothing waits.",
        ),
        abandoned=by_durable(
            "aa_consumer_abandoned_messages",
            "Upper bound of messages that were delivered, never settled, and will not be delivered again; and of those "
            "to come that a durable beyond the end of its stream would skip.",
        ),
        paused=by_durable("aa_consumer_paused", "1 while the durable is paused, else 0."),
        consumer_missing=by_durable("aa_consumer_missing", "1 while the durable is missing, else 0."),
        stream_missing=by_stream("aa_stream_missing", "1 while the stream is missing, else 0."),
        stream_messages=by_stream("jetstream_stream_total_messages", "Messages in the stream."),
        stream_bytes=by_stream("jetstream_stream_total_bytes", "Bytes in the stream."),
        stream_limit=by_stream("jetstream_stream_limit_bytes", "max_bytes of the stream; -1 is none."),
        stream_max_age=by_stream("aa_stream_max_age_seconds", "max_age of the stream; 0 is none."),
        replicas=by_stream("aa_stream_replicas", "Replicas that the stream is to have."),
        replicas_current=by_stream("aa_stream_replicas_current", "Replicas that hold all of it now."),
        leaderless=by_stream(
            "aa_stream_leaderless", "1 while the stream has no leader: it takes and delivers nothing; else 0."
        ),
        differences=Series(
            "aa_config_differences",
            "gauge",
            "Fields in which a stream or durable differs from its desired state.",
            ("object",),
            objects,
        ),
        sync_always=Series(
            "aa_nats_sync_always",
            "gauge",
            "1 when the server flushes before it acknowledges, 0 when it does not, -1 when nobody can tell.",
        ),
        dlq_depth=Series(
            "dlq_messages_waiting",
            "gauge",
            f"Dead letters that wait for a person, by subject; `{OTHER}` is every subject that no consumer of ours "
            "writes to.",
            ("subject",),
            subjects,
        ),
        dlq_shelved=Series(
            "dlq_messages_shelved",
            "gauge",
            "Dead letters that a person has put aside, by shelf.",
            ("shelf",),
            tuple((shelf,) for shelf in SHELVED),
        ),
        dlq_oldest_age=Series(
            "dlq_oldest_seconds", "gauge", "Age of the oldest dead letter that waits; 0 when there is none."
        ),
    )
