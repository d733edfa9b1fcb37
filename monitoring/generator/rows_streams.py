"""Rows of the dashboard about what waits, what died, and the room for it."""

from athlete_ally.core.broker.environment import Thresholds
from generator.choice import OF_DURABLE, OF_STREAM
from generator.panel import Panel, Target


def lag(limits: Thresholds) -> tuple[Panel, ...]:
    """Return what waits for whom, and how long it may."""
    return (
        Panel(
            title="Consumer lag in messages",
            description="Messages that wait or are in hand, by durable; the line is the alert's limit.",
            unit="short",
            width=12,
            targets=(Target(f"aa:consumer_lag:messages{OF_DURABLE}", "{{durable}}"),),
            limits=((limits.consumer_lag_messages, "orange"),),
            alerts=("AaConsumerLag", "AaConsumerStuck"),
        ),
        Panel(
            title="Consumer lag in seconds",
            description="Age of the oldest message that is not settled, by durable; the line is the alert's limit.",
            unit="s",
            width=12,
            targets=(Target(f"aa:consumer_oldest:seconds{OF_DURABLE}", "{{durable}}"),),
            limits=((limits.consumer_lag_age_s, "red"),),
            alerts=("AaConsumerLagAge",),
        ),
        Panel(
            title="In hand and redelivered",
            description="Messages that a worker has in hand, and those of them that were delivered before.",
            unit="short",
            width=8,
            targets=(
                Target(f"aa:consumer_ack_pending:messages{OF_DURABLE}", "in hand {{durable}}"),
                Target(f"aa:consumer_redelivered:messages{OF_DURABLE}", "redelivered {{durable}}"),
            ),
        ),
        Panel(
            title="Retention used by what waits",
            description="Age of the oldest message that waits, as a share of max_age: at 100 % it is deleted.",
            unit="percentunit",
            width=8,
            max=1,
            targets=(Target(f"aa:retention_used:ratio{OF_DURABLE}", "{{durable}}"),),
            limits=((limits.retention_cliff_share, "orange"), (limits.retention_cliff_critical_share, "red")),
            alerts=("AaRetentionCliff",),
        ),
        Panel(
            title="Abandoned messages",
            description="Delivered, never settled, never to be delivered again: what the broker's lag does not show.",
            unit="short",
            width=8,
            targets=(Target(f"aa:consumer_abandoned:messages{OF_DURABLE}", "{{durable}}"),),
            limits=((1, "red"),),
            alerts=("AaMessagesAbandoned",),
        ),
    )


def dead_letters(limits: Thresholds) -> tuple[Panel, ...]:
    """Return what could not be used."""
    return (
        Panel(
            title="Dead letters, by subject",
            description="Letters that wait, and those put aside: they go down when somebody replays or resolves them.",
            unit="short",
            style="stack",
            width=12,
            targets=(
                Target("aa:dead_letters_by_subject:messages", "{{subject}}"),
                Target("aa:dead_letters_shelved:messages", "put aside: {{shelf}}"),
            ),
            alerts=("AaDeadLettersWaiting",),
        ),
        Panel(
            title="Dead letters arriving, by reason",
            description="Dead letters written in the ten minutes before each point; the line is the alert's limit.",
            unit="short",
            style="bars",
            width=6,
            targets=(Target("sum by (reason) (aa:dead_letters_arrived:increase10m)", "{{reason}}"),),
            limits=((limits.dead_letters_arriving_per_10m, "red"),),
            alerts=("AaDeadLettersArriving",),
        ),
        Panel(
            title="Oldest dead letter",
            description="How long the oldest dead letter has waited; AA_DLQ deletes it at its max_age.",
            unit="s",
            width=6,
            targets=(Target("aa:dead_letter_oldest:seconds", "oldest"),),
            limits=((limits.dead_letter_oldest_s, "orange"),),
            alerts=("AaDeadLetterOld",),
        ),
    )


def capacity(limits: Thresholds) -> tuple[Panel, ...]:
    """Return the room in the streams, and whether they are as desired."""
    return (
        Panel(
            title="Room in the streams",
            description="Bytes in each stream as a share of its max_bytes: a full stream refuses.",
            unit="percentunit",
            width=8,
            max=1,
            targets=(Target(f"aa:stream_full:ratio{OF_STREAM}", "{{stream}}"),),
            limits=((limits.stream_full_share, "red"),),
            alerts=("AaStreamNearlyFull", "AaStreamFillingUp"),
        ),
        Panel(
            title="Bytes in the streams",
            description="What each stream takes on disk; processed messages count until max_age deletes them.",
            unit="bytes",
            width=8,
            targets=(Target(f"aa:stream:bytes{OF_STREAM}", "{{stream}}"),),
            alerts=("AaStreamFillingUp",),
        ),
        Panel(
            title="Replicas and flushing",
            description="Replicas that hold all of a stream; whether the server flushes first (-1: unknown).",
            unit="short",
            width=8,
            targets=(
                Target(f"aa:stream:replicas_current{OF_STREAM}", "{{stream}}"),
                Target("aa:nats_sync_always:bool", "flushes always"),
            ),
            alerts=("AaDurabilityWeak",),
        ),
        Panel(
            title="Missing or paused",
            description="1 where a stream or durable is missing, or a durable is paused.",
            unit="short",
            width=12,
            targets=(
                Target(f"aa:stream_missing:bool{OF_STREAM}", "missing {{stream}}"),
                Target(f"aa:consumer_missing:bool{OF_DURABLE}", "missing {{durable}}"),
                Target(f"aa:consumer_paused:bool{OF_DURABLE}", "paused {{durable}}"),
            ),
            limits=((1, "red"),),
            alerts=("AaStreamMissing", "AaDurableMissing", "AaConsumerPaused"),
        ),
        Panel(
            title="Differences from the desired state",
            description="Fields in which a stream or durable differs from what the environment's file says.",
            unit="short",
            style="bars",
            width=12,
            targets=(Target("aa:config_differences:fields", "{{object}}"),),
            limits=((1, "orange"),),
            alerts=("AaConfigurationDrift",),
        ),
    )
