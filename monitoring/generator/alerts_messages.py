"""Alerts on messages: pending ones, dead letters, and those that may be lost."""

from typing import Any

from athlete_ally.core.broker.environment import Thresholds
from generator.alert import Alert
from generator.clock import Clock

# Retries after a failure are at most two minutes apart: five minutes without any progress are not normal.
STUCK_WINDOW_S = 300
STUCK_S = 600
LAG_S = 600
AGE_S = 300
# The ledger errs only towards 0 during traffic: the wait only tolerates a restart.
LEDGER_S = 600


def message_alerts(limits: Thresholds, clock: Clock) -> list[Alert]:
    """Return the alerts, with the thresholds of one environment."""
    return [*_dead_letters(limits), *_lag(limits, clock), *_loss(limits)]


def _dead_letters(limits: Thresholds) -> list[Alert]:
    return [
        Alert(
            name="AaDeadLettersWaiting",
            severity="ticket",
            service="normalize",
            # The number in the stream, not a rate: a dead letter counts until somebody has handled it.
            expr="aa:dead_letters:messages > 0",
            wait_s=limits.dead_letters_waiting_for_s,
            summary="Dead letters are waiting for review",
            description="{{ $value | humanize }} dead letters have been waiting for too long.",
            impact="Readings of these messages are not stored; all others are processed.",
            first_command="athlete-ally dlq top",
            panel="Dead letters waiting",
            limits=("dead_letters_waiting_for_s",),
        ),
        Alert(
            name="AaDeadLettersArriving",
            severity="page",
            service="normalize",
            # An account that is not linked is not a defect of our code; `AaDeadLettersWaiting` covers it.
            expr='sum by (consumer) (aa:dead_letters_arrived:increase10m{reason!="unknown-account"}) > '
            f"{limits.dead_letters_arriving_per_10m}",
            wait_s=0,
            summary="Many dead letters arrive from {{ $labels.consumer }}",
            description="{{ $labels.consumer }} wrote {{ $value | humanize }} dead letters in ten minutes.",
            impact="A bad deploy, a vendor's change, or one client; of several senders, the circuit breaker may trip.",
            first_command="athlete-ally dlq top",
            panel="Dead letters arriving, by reason",
            limits=("dead_letters_arriving_per_10m",),
        ),
        Alert(
            name="AaDeadLetterOld",
            severity="ticket",
            service="normalize",
            expr=f"aa:dead_letter_oldest:seconds > {limits.dead_letter_oldest_s}",
            wait_s=0,
            summary="A dead letter has been waiting for too long",
            description="The oldest dead letter is {{ $value | humanizeDuration }} old.",
            impact="AA_DLQ deletes dead letters at its max_age, whether they were handled or not.",
            first_command="athlete-ally dlq top",
            panel="Oldest dead letter",
            limits=("dead_letter_oldest_s",),
        ),
    ]


def _lag(limits: Thresholds, clock: Clock) -> list[Alert]:
    return [
        Alert(
            name="AaConsumerLag",
            severity="ticket",
            service="normalize",
            expr=f"aa:consumer_lag:messages > {limits.consumer_lag_messages}",
            wait_s=LAG_S,
            summary="The lag of {{ $labels.durable }} is high",
            description="{{ $value | humanize }} messages are pending for {{ $labels.durable }}.",
            impact="Readings are stored late; nothing is lost as long as AaRetentionCliff is silent.",
            first_command="athlete-ally streams status",
            panel="Consumer lag in messages",
            limits=("consumer_lag_messages",),
        ),
        Alert(
            name="AaConsumerLagAge",
            severity="page",
            service="normalize",
            expr=f"aa:consumer_oldest:seconds > {limits.consumer_lag_age_s}",
            wait_s=AGE_S,
            summary="{{ $labels.durable }} is late",
            description="The oldest pending message of {{ $labels.durable }} is {{ $value | humanizeDuration }} old.",
            impact="People see old values; the freshness objective is missed.",
            first_command="athlete-ally streams status",
            panel="Consumer lag in seconds",
            limits=("consumer_lag_age_s",),
        ),
        Alert(
            name="AaConsumerStuck",
            severity="page",
            service="normalize",
            expr=(
                f"aa:consumer_lag:messages > 0 and "
                f"changes(aa:consumer_ack_floor:sequence[{clock.span(STUCK_WINDOW_S)}]) == 0"
            ),
            wait_s=STUCK_S,
            summary="{{ $labels.durable }} makes no progress",
            description="{{ $value | humanize }} messages of {{ $labels.durable }} are pending, none is processed.",
            impact="Nothing of this kind is stored.",
            first_command="athlete-ally streams status",
            panel="Consumer lag in messages",
        ),
    ]


def _loss(limits: Thresholds) -> list[Alert]:
    used = "aa:retention_used:ratio"
    cliff: dict[str, Any] = {
        "service": "streams",
        "wait_s": 60,
        "summary": "Messages for {{ $labels.durable }} will be deleted unprocessed",
        "description": (
            "The oldest pending message of {{ $labels.durable }} has used {{ $value | humanizePercentage }} of "
            "max_age of {{ $labels.stream }}."
        ),
        "impact": "At 100 % the stream deletes acknowledged readings that were never stored.",
        "first_command": "athlete-ally streams status",
        "panel": "Retention used by pending messages",
    }
    return [
        Alert(
            name="AaRetentionCliff",
            severity="ticket",
            expr=f"{used} > {limits.retention_cliff_share}",
            limits=("retention_cliff_share",),
            **cliff,
        ),
        Alert(
            name="AaRetentionCliff",
            severity="page",
            expr=f"{used} > {limits.retention_cliff_critical_share}",
            limits=("retention_cliff_critical_share",),
            **cliff,
        ),
        Alert(
            name="AaMessagesAbandoned",
            severity="page",
            service="streams",
            expr="aa:consumer_abandoned:messages > 0",
            wait_s=300,
            summary="Messages of {{ $labels.durable }} are abandoned",
            description="Up to {{ $value | humanize }} unacknowledged messages will not be redelivered.",
            impact="These readings are neither stored nor dead-lettered, and the lag shows 0.",
            first_command="athlete-ally streams plan",
            panel="Abandoned messages",
        ),
        Alert(
            name="AaLedgerUnaccounted",
            severity="page",
            service="normalize",
            expr="aa:ledger_unaccounted:messages > 0",
            wait_s=LEDGER_S,
            summary="Messages of {{ $labels.kind }} are unaccounted for",
            description="{{ $value | humanize }} messages of {{ $labels.kind }} are not pending and have no receipt.",
            impact="Acknowledged readings may be lost.",
            first_command="athlete-ally doctor",
            panel="Unaccounted messages",
        ),
    ]
