"""Rows of the dashboard on pending messages, dead letters and storage."""

from athlete_ally.core.broker.environment import Thresholds
from generator.choice import OF_DURABLE, OF_STREAM
from generator.panel import Panel, Target


def lag(limits: Thresholds) -> tuple[Panel, ...]:
    """Return the panels on pending messages."""
    return (
        Panel(
            title="Consumer lag in messages",
            description="Pending messages by durable, unacknowledged ones included; the line is the alert's limit.",
            unit="short",
            width=12,
            targets=(Target(f"aa:consumer_lag:messages{OF_DURABLE}", "{{durable}}"),),
            limits=((limits.consumer_lag_messages, "orange"),),
            alerts=("AaConsumerLag", "AaConsumerStuck"),
        ),
        Panel(
            title="Consumer lag in seconds",
            description="Age of the oldest pending message, by durable; the line is the alert's limit.",
            unit="s",
            width=12,
            targets=(Target(f"aa:consumer_oldest:seconds{OF_DURABLE}", "{{durable}}"),),
            limits=((limits.consumer_lag_age_s, "red"),),
            alerts=("AaConsumerLagAge",),
        ),
        Panel(
            title="Unacknowledged and redelivered",
            description="Messages delivered but not acknowledged yet, and those of them that are redeliveries.",
            unit="short",
            width=8,
            targets=(
                Target(f"aa:consumer_ack_pending:messages{OF_DURABLE}", "unacknowledged {{durable}}"),
                Target(f"aa:consumer_redelivered:messages{OF_DURABLE}", "redelivered {{durable}}"),
            ),
        ),
        Panel(
            title="Retention used by pending messages",
            description="Age of the oldest pending message, as a share of max_age: at 100 % it is deleted.",
            unit="percentunit",
            width=8,
            max=1,
            targets=(Target(f"aa:retention_used:ratio{OF_DURABLE}", "{{durable}}"),),
            limits=((limits.retention_cliff_share, "orange"), (limits.retention_cliff_critical_share, "red")),
            alerts=("AaRetentionCliff",),
        ),
        Panel(
            title="Abandoned messages",
            description="Delivered, never acknowledged, never redelivered: the broker's lag does not show them.",
            unit="short",
            width=8,
            targets=(Target(f"aa:consumer_abandoned:messages{OF_DURABLE}", "{{durable}}"),),
            limits=((1, "red"),),
            alerts=("AaMessagesAbandoned",),
        ),
    )


def dead_letters(limits: Thresholds) -> tuple[Panel, ...]:
    """Return the panels on dead letters."""
    return (
        Panel(
            title="Dead letters, by subject",
            description="Dead letters that are waiting, quarantined or resolved.",
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
            description="Age of the oldest waiting dead letter; AA_DLQ deletes it at its max_age.",
            unit="s",
            width=6,
            targets=(Target("aa:dead_letter_oldest:seconds", "oldest"),),
            limits=((limits.dead_letter_oldest_s, "orange"),),
            alerts=("AaDeadLetterOld",),
        ),
    )


def capacity(limits: Thresholds) -> tuple[Panel, ...]:
    """Return the panels on storage, durability and drift."""
    return (
        Panel(
            title="Storage used by the streams",
            description="Bytes in each stream as a share of its max_bytes: a full stream refuses new messages.",
            unit="percentunit",
            width=8,
            max=1,
            targets=(Target(f"aa:stream_full:ratio{OF_STREAM}", "{{stream}}"),),
            limits=((limits.stream_full_share, "red"),),
            alerts=("AaStreamNearlyFull", "AaStreamFillingUp"),
        ),
        Panel(
            title="Bytes in the streams",
            description="Bytes of each stream on disk; processed messages count until max_age deletes them.",
            unit="bytes",
            width=8,
            targets=(Target(f"aa:stream:bytes{OF_STREAM}", "{{stream}}"),),
            alerts=("AaStreamFillingUp",),
        ),
        Panel(
            title="Replicas and flushing",
            description="Complete replicas of a stream; whether the server flushes first (-1: unknown).",
            unit="short",
            width=8,
            targets=(
                Target(f"aa:stream:replicas_current{OF_STREAM}", "{{stream}}"),
                Target("aa:nats_sync_always:bool", "flushes always"),
            ),
            alerts=("AaCopyMissing", "AaDurabilityWeak"),
        ),
        Panel(
            title="Streams without a leader",
            description="1 while a stream has no leader: it takes and delivers nothing.",
            unit="short",
            width=12,
            targets=(Target(f"aa:stream_leaderless:bool{OF_STREAM}", "{{stream}}"),),
            alerts=("AaStreamLeaderless",),
        ),
        Panel(
            title="Missing or paused",
            description="1 if a stream or durable is missing, or a durable is paused.",
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
            description="Fields in which a stream or durable differs from the environment's file.",
            unit="short",
            style="bars",
            width=12,
            targets=(Target("aa:config_differences:fields", "{{object}}"),),
            limits=((1, "orange"),),
            alerts=("AaConfigurationDrift",),
        ),
    )
