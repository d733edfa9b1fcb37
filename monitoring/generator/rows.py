"""The rows of the dashboard: first whether it is all right, then why not."""

from collections.abc import Callable

from athlete_ally.core.environment import Thresholds
from generator.alerts_objectives import FRESHNESS_OBJECTIVE, INGEST_OBJECTIVE
from generator.panel import Panel, Target

# What the services themselves say, chosen by the variables of the dashboard.
_US = 'job=~"$job", instance=~"$instance"'
_MESSAGES = f'{{__name__=~"normalize_.+_messages_total", durable=~"$durable", {_US}}}'
_READINGS = f'{{__name__=~"normalize_.+_readings_total", durable=~"$durable", {_US}}}'
_LATENCY = f'{{__name__=~"normalize_.+_latency_seconds_bucket", durable=~"$durable", {_US}}}'
# What is recorded of the broker, where replicas count once: it has streams and durables, and no instance.
_OF_DURABLE = '{stream=~"$stream", durable=~"$durable"}'
_OF_STREAM = '{stream=~"$stream"}'
_RATE = "[$__rate_interval]"
_BAD = "schema_invalid|dlq"
_QUANTILES = ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))
_BURN_FAST = 14.4

Row = tuple[str, tuple[Panel, ...]]


def rows(limits: Thresholds) -> list[Row]:
    """Return the rows, with limits drawn where an alert has them."""
    makers: tuple[tuple[str, Callable[[Thresholds], tuple[Panel, ...]]], ...] = (
        ("Is it all right?", _verdict),
        ("Traffic", _traffic),
        ("Consumer lag", _lag),
        ("Dead letters", _dead_letters),
        ("Capacity and durability", _capacity),
        ("Latency", _latency),
        ("Ingest", _ingest),
        ("Services", _services),
    )
    return [(title, make(limits)) for title, make in makers]


def _verdict(limits: Thresholds) -> tuple[Panel, ...]:
    return (
        Panel(
            title="Alerts that fire",
            description="How many alerts want somebody to act, the watchdog left out.",
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
            description="How many times faster than the objective allows failures happened in the last hour.",
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
            description="Messages in AA_DLQ that nobody has dealt with or put aside: each one needs a person.",
            unit="short",
            kind="stat",
            width=4,
            no_value="nothing measured",
            targets=(Target("aa:dead_letters:messages", "dead letters"),),
            limits=((1, "orange"),),
            alerts=("AaDeadLettersWaiting",),
            decimals=0,
        ),
        Panel(
            title="Longest wait",
            description="Age of the oldest message that is not settled yet, over all chosen durables.",
            unit="s",
            kind="stat",
            width=4,
            no_value="nothing measured",
            targets=(Target(f"max(aa:consumer_oldest:seconds{_OF_DURABLE})", "oldest"),),
            limits=((limits.consumer_lag_age_s, "red"),),
            alerts=("AaConsumerLagAge",),
        ),
        Panel(
            title="Unaccounted messages",
            description="Messages neither pending nor on record as settled: anything but 0 is a loss to explain.",
            unit="short",
            kind="stat",
            width=4,
            no_value="nothing measured",
            targets=(Target("aa:ledger_unaccounted:messages", "{{kind}}"),),
            limits=((1, "red"),),
            alerts=("AaLedgerUnaccounted",),
            decimals=0,
        ),
        Panel(
            title="Time to data loss",
            description="Until max_age deletes the oldest message that waits, if nobody processes it.",
            unit="s",
            kind="stat",
            width=4,
            no_value="nothing waits",
            targets=(Target(f"min(aa:consumer_time_to_loss:seconds{_OF_DURABLE} < Inf)", "left"),),
            alerts=("AaRetentionCliff",),
        ),
    )


def _traffic(_: Thresholds) -> tuple[Panel, ...]:
    return (
        Panel(
            title="Messages: success over error",
            description="Messages that were stored, or had been before, over those that became dead letters.",
            unit="cps",
            style="area",
            width=12,
            no_value="no messages",
            targets=(
                Target(f"sum(rate({_with(_MESSAGES, 'success|duplicate')}{_RATE}))", "success"),
                Target(f"sum(rate({_with(_MESSAGES, _BAD)}{_RATE}))", "error"),
            ),
            colours=(("success", "green"), ("error", "red")),
        ),
        Panel(
            title="Messages, by result",
            description="Every delivery has one result; a retry comes again.",
            unit="cps",
            style="stack",
            width=12,
            no_value="no messages",
            targets=(Target(f"sum by (result) (rate({_MESSAGES}{_RATE}))", "{{result}}"),),
        ),
        Panel(
            title="Readings: accepted and done",
            description="Readings that the stream took, and those that ended somewhere: the lines meet.",
            unit="cps",
            width=12,
            no_value="no readings",
            targets=(
                Target(f"sum(rate(ingest_readings_accepted_total{{{_US}}}{_RATE}))", "accepted"),
                Target(f"sum(rate({_with(_READINGS, 'success|superseded|' + _BAD)}{_RATE}))", "done"),
            ),
            colours=(("accepted", "blue"), ("done", "green")),
        ),
        Panel(
            title="Readings, by result",
            description="Where the readings of settled messages ended.",
            unit="cps",
            style="stack",
            width=12,
            no_value="no readings",
            targets=(Target(f"sum by (result) (rate({_READINGS}{_RATE}))", "{{result}}"),),
        ),
    )


def _lag(limits: Thresholds) -> tuple[Panel, ...]:
    return (
        Panel(
            title="Consumer lag in messages",
            description="Messages that wait or are in hand, by durable; the line is the alert's limit.",
            unit="short",
            width=12,
            no_value="nothing measured",
            targets=(Target(f"aa:consumer_lag:messages{_OF_DURABLE}", "{{durable}}"),),
            limits=((limits.consumer_lag_messages, "orange"),),
            alerts=("AaConsumerLag", "AaConsumerStuck"),
        ),
        Panel(
            title="Consumer lag in seconds",
            description="Age of the oldest message that is not settled, by durable; the line is the alert's limit.",
            unit="s",
            width=12,
            no_value="nothing measured",
            targets=(Target(f"aa:consumer_oldest:seconds{_OF_DURABLE}", "{{durable}}"),),
            limits=((limits.consumer_lag_age_s, "red"),),
            alerts=("AaConsumerLagAge",),
        ),
        Panel(
            title="In hand and redelivered",
            description="Messages that a worker has in hand, and those of them that were delivered before.",
            unit="short",
            width=8,
            no_value="nothing measured",
            targets=(
                Target(f"aa:consumer_ack_pending:messages{_OF_DURABLE}", "in hand {{durable}}"),
                Target(f"aa:consumer_redelivered:messages{_OF_DURABLE}", "redelivered {{durable}}"),
            ),
        ),
        Panel(
            title="Retention used by what waits",
            description="Age of the oldest message that waits, as a share of max_age: at 100 % it is deleted.",
            unit="percentunit",
            width=8,
            no_value="nothing measured",
            max=1,
            targets=(Target(f"aa:retention_used:ratio{_OF_DURABLE}", "{{durable}}"),),
            limits=((limits.retention_cliff_share, "orange"), (limits.retention_cliff_critical_share, "red")),
            alerts=("AaRetentionCliff",),
        ),
        Panel(
            title="Abandoned messages",
            description="Delivered, never settled, never to be delivered again: what the broker's lag does not show.",
            unit="short",
            width=8,
            no_value="nothing measured",
            targets=(Target(f"aa:consumer_abandoned:messages{_OF_DURABLE}", "{{durable}}"),),
            limits=((1, "red"),),
            alerts=("AaMessagesAbandoned",),
        ),
    )


def _dead_letters(limits: Thresholds) -> tuple[Panel, ...]:
    return (
        Panel(
            title="Dead letters, by subject",
            description="Letters that wait, and those put aside: they go down when somebody replays or resolves them.",
            unit="short",
            style="stack",
            width=12,
            no_value="nothing measured",
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
            no_value="nothing measured",
            targets=(Target("sum by (reason) (aa:dead_letters_arrived:increase10m)", "{{reason}}"),),
            limits=((limits.dead_letters_arriving_per_10m, "red"),),
            alerts=("AaDeadLettersArriving",),
        ),
        Panel(
            title="Oldest dead letter",
            description="How long the oldest dead letter has waited; AA_DLQ deletes it at its max_age.",
            unit="s",
            width=6,
            no_value="nothing measured",
            targets=(Target("aa:dead_letter_oldest:seconds", "oldest"),),
            limits=((limits.dead_letter_oldest_s, "orange"),),
            alerts=("AaDeadLetterOld",),
        ),
    )


def _capacity(limits: Thresholds) -> tuple[Panel, ...]:
    return (
        Panel(
            title="Room in the streams",
            description="Bytes in each stream as a share of its max_bytes: a full stream refuses.",
            unit="percentunit",
            width=8,
            no_value="nothing measured",
            max=1,
            targets=(Target(f"aa:stream_full:ratio{_OF_STREAM}", "{{stream}}"),),
            limits=((limits.stream_full_share, "red"),),
            alerts=("AaStreamNearlyFull", "AaStreamFillingUp"),
        ),
        Panel(
            title="Bytes in the streams",
            description="What each stream takes on disk; processed messages count until max_age deletes them.",
            unit="bytes",
            width=8,
            no_value="nothing measured",
            targets=(Target(f"aa:stream:bytes{_OF_STREAM}", "{{stream}}"),),
            alerts=("AaStreamFillingUp",),
        ),
        Panel(
            title="Replicas and flushing",
            description="Replicas that hold all of a stream; whether the server flushes first (-1: unknown).",
            unit="short",
            width=8,
            no_value="nothing measured",
            targets=(
                Target(f"aa:stream:replicas_current{_OF_STREAM}", "{{stream}}"),
                Target("aa:nats_sync_always:bool", "flushes always"),
            ),
            alerts=("AaDurabilityWeak",),
        ),
        Panel(
            title="Missing or paused",
            description="1 where a stream or durable is missing, or a durable is paused.",
            unit="short",
            width=12,
            no_value="nothing measured",
            targets=(
                Target(f"aa:stream_missing:bool{_OF_STREAM}", "missing {{stream}}"),
                Target(f"aa:consumer_missing:bool{_OF_DURABLE}", "missing {{durable}}"),
                Target(f"aa:consumer_paused:bool{_OF_DURABLE}", "paused {{durable}}"),
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
            no_value="nothing measured",
            targets=(Target("aa:config_differences:fields", "{{object}}"),),
            limits=((1, "orange"),),
            alerts=("AaConfigurationDrift",),
        ),
    )


def _latency(_: Thresholds) -> tuple[Panel, ...]:
    return (
        Panel(
            title="From receipt to row",
            description="Seconds from the receipt at ingest until the records were stored; points lead to traces.",
            unit="s",
            width=12,
            no_value="nothing stored",
            targets=tuple(
                Target(
                    f"histogram_quantile({share}, sum by (le) (rate({_LATENCY}{_RATE})))", name, examples=name == "p99"
                )
                for share, name in _QUANTILES
            ),
            alerts=("AaFreshnessBudgetBurn",),
        ),
        Panel(
            title="Late readings",
            description="Share of readings that took over 60 seconds to be stored, over five minutes.",
            unit="percentunit",
            width=12,
            no_value="nothing stored",
            max=1,
            targets=(Target("aa:readings_late:ratio5m", "late"),),
            alerts=("AaFreshnessBudgetBurn",),
        ),
    )


def _ingest(_: Thresholds) -> tuple[Panel, ...]:
    return (
        Panel(
            title="Requests, by status",
            description="What ingest answered.",
            unit="reqps",
            style="stack",
            width=8,
            no_value="no requests",
            targets=(Target(f"sum by (status) (rate(ingest_requests_total{{{_US}}}{_RATE})) > 0", "{{status}}"),),
            alerts=("AaIngestBudgetBurn",),
        ),
        Panel(
            title="Refusals by cause",
            description="Requests refused in five minutes: busy, stream-full, broker and stopping are ours to mend.",
            unit="short",
            style="bars",
            width=8,
            no_value="nothing measured",
            targets=(Target("aa:ingest_refusals:increase5m", "{{cause}}"),),
            alerts=("AaIngestRefusing",),
        ),
        Panel(
            title="Time to answer",
            description="Seconds from a request to its answer, and until the stream acknowledged.",
            unit="s",
            width=8,
            no_value="no requests",
            targets=(
                *(
                    Target(_ingest_quantile(share, "ingest_request_seconds"), f"answer {name}", examples=name == "p99")
                    for share, name in _QUANTILES
                ),
                Target(_ingest_quantile(0.99, "ingest_publish_seconds"), "stream p99"),
            ),
        ),
    )


def _services(_: Thresholds) -> tuple[Panel, ...]:
    return (
        Panel(
            title="Services up",
            description="Replicas that answer scrapes, and whether ingest can write and normalize can see the broker.",
            unit="short",
            width=6,
            no_value="nothing is scraped",
            targets=(
                Target('sum by (job) (up{job=~"$job", instance=~"$instance"})', "{{job}}"),
                Target("aa:ingest_ready:bool", "ingest can write"),
                Target("aa:watch_success:bool", "broker seen"),
            ),
            alerts=("AaIngestDown", "AaNormalizeDown", "AaTelemetryMissing"),
        ),
        Panel(
            title="Workers that stopped or hold",
            description="1 where the fuse is open, or where every worker of a durable waits for broker or database.",
            unit="short",
            width=6,
            no_value="nothing measured",
            targets=(
                Target('aa:fuse_open:bool{durable=~"$durable"}', "fuse {{durable}}"),
                Target('aa:holding:bool{durable=~"$durable"}', "holding {{durable}}"),
            ),
            limits=((1, "red"),),
            alerts=("AaFuseOpen", "AaWorkerHolding"),
        ),
        Panel(
            title="Requests in hand",
            description="Requests that ingest has in hand, and how many it takes at once.",
            unit="short",
            width=4,
            no_value="nothing measured",
            targets=(
                Target(f"sum(ingest_requests_in_flight{{{_US}}})", "in hand"),
                Target(f"sum(ingest_requests_limit{{{_US}}})", "limit"),
            ),
        ),
        Panel(
            title="Memory",
            description="Resident memory of each process.",
            unit="bytes",
            width=4,
            no_value="not on this system",
            targets=(Target(f"process_resident_memory_bytes{{{_US}}}", "{{job}} {{instance}}"),),
        ),
        Panel(
            title="Processor",
            description="Cores that each process uses.",
            unit="percentunit",
            width=4,
            no_value="not on this system",
            targets=(Target(f"rate(process_cpu_seconds_total{{{_US}}}{_RATE})", "{{job}} {{instance}}"),),
        ),
    )


def _with(selector: str, results: str) -> str:
    return selector.replace("{", f'{{result=~"{results}", ', 1)


def _ingest_quantile(share: float, histogram: str) -> str:
    return f"histogram_quantile({share}, sum by (le) (rate({histogram}_bucket{{{_US}}}{_RATE})))"


def _budget(objective: float) -> float:
    return round(1 - objective, 6)
