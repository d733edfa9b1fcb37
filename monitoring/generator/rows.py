"""The rows of the dashboard: first the overall health, then the details."""

from collections.abc import Callable

from athlete_ally.core.broker.environment import Thresholds
from generator.alerts_objectives import FRESHNESS_OBJECTIVE, INGEST_OBJECTIVE
from generator.choice import OF_DURABLE
from generator.panel import Panel, Target
from generator.rows_services import ingest, latency, services, traffic, vendors
from generator.rows_streams import capacity, dead_letters, lag

_BURN_FAST = 14.4

Row = tuple[str, tuple[Panel, ...]]


def rows(limits: Thresholds) -> list[Row]:
    """Return the rows, with limits drawn where an alert has them."""
    makers: tuple[tuple[str, Callable[[Thresholds], tuple[Panel, ...]]], ...] = (
        ("Overall health", _verdict),
        ("Traffic", traffic),
        ("Consumer lag", lag),
        ("Dead letters", dead_letters),
        ("Capacity and durability", capacity),
        ("Latency", latency),
        ("Ingest", ingest),
        ("Vendors", vendors),
        ("Services", services),
    )
    return [(title, make(limits)) for title, make in makers]


def _verdict(limits: Thresholds) -> tuple[Panel, ...]:
    return (
        Panel(
            title="Firing alerts",
            description="Number of firing alerts that need a reaction, without the watchdog.",
            unit="short",
            kind="stat",
            width=4,
            no_value="none",
            targets=(Target('count(ALERTS{alertstate="firing", alertname!="AaWatchdog"}) or vector(0)', "firing"),),
            limits=((1, "red"),),
            alerts=("AaWatchdog",),
            decimals=0,
        ),
        Panel(
            title="Error budget burn",
            description="Failures in the last hour, as a multiple of the rate that the objective allows.",
            unit="short",
            kind="stat",
            width=4,
            no_value="no traffic for an hour",
            targets=(
                Target(f"aa:ingest_errors:ratio1h / {_budget(INGEST_OBJECTIVE)}", "ingest"),
                Target(f"aa:readings_late:ratio1h / {_budget(FRESHNESS_OBJECTIVE)}", "freshness"),
            ),
            limits=((1, "orange"), (_BURN_FAST, "red")),
            alerts=("AaIngestBudgetBurn", "AaFreshnessBudgetBurn"),
            decimals=1,
        ),
        Panel(
            title="Dead letters waiting",
            description="Messages in AA_DLQ that are neither resolved nor quarantined: each one needs review.",
            unit="short",
            kind="stat",
            width=4,
            targets=(Target("aa:dead_letters:messages", "dead letters"),),
            limits=((1, "orange"),),
            alerts=("AaDeadLettersWaiting",),
            decimals=0,
        ),
        Panel(
            title="Longest wait",
            description="Age of the oldest pending message of all selected durables.",
            unit="s",
            kind="stat",
            width=4,
            targets=(Target(f"max(aa:consumer_oldest:seconds{OF_DURABLE})", "oldest"),),
            limits=((limits.consumer_lag_age_s, "red"),),
            alerts=("AaConsumerLagAge",),
        ),
        Panel(
            title="Unaccounted messages",
            description="Messages that are neither pending nor have a receipt: any value but 0 is a possible loss.",
            unit="short",
            kind="stat",
            width=4,
            targets=(Target("aa:ledger_unaccounted:messages", "{{kind}}"),),
            limits=((1, "red"),),
            alerts=("AaLedgerUnaccounted",),
            decimals=0,
        ),
        Panel(
            title="Time to data loss",
            description="Time until max_age deletes the oldest pending message, if it is not processed.",
            unit="s",
            kind="stat",
            width=4,
            no_value="nothing waits",
            targets=(Target(f"min(aa:consumer_time_to_loss:seconds{OF_DURABLE} < Inf)", "left"),),
            alerts=("AaRetentionCliff",),
        ),
    )


def _budget(objective: float) -> float:
    return round(1 - objective, 6)
