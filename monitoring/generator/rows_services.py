"""Rows of the dashboard on the services: throughput, latency and health."""

from athlete_ally.core.broker.environment import Thresholds
from generator.choice import RATE, US
from generator.panel import Panel, Target

_MESSAGES = f'{{__name__=~"normalize_.+_messages_total", durable=~"$durable", {US}}}'
_READINGS = f'{{__name__=~"normalize_.+_readings_total", durable=~"$durable", {US}}}'
_LATENCY = f'{{__name__=~"normalize_.+_latency_seconds_bucket", durable=~"$durable", {US}}}'
_BAD = "schema_invalid|dlq"
_QUANTILES = ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))


def traffic(_: Thresholds) -> tuple[Panel, ...]:
    """Return the panels on throughput."""
    return (
        Panel(
            title="Messages: success over error",
            description="Messages that were stored or already stored, against those that became dead letters.",
            unit="cps",
            style="area",
            width=12,
            no_value="no messages",
            targets=(
                Target(f"sum(rate({_with(_MESSAGES, 'success|duplicate')}{RATE}))", "success"),
                Target(f"sum(rate({_with(_MESSAGES, _BAD)}{RATE}))", "error"),
            ),
            colours=(("success", "green"), ("error", "red")),
        ),
        Panel(
            title="Messages, by result",
            description="Every delivery has one result; a retry is delivered again.",
            unit="cps",
            style="stack",
            width=12,
            no_value="no messages",
            targets=(Target(f"sum by (result) (rate({_MESSAGES}{RATE}))", "{{result}}"),),
        ),
        Panel(
            title="Readings: accepted and processed",
            description="Readings that the stream accepted, and readings with an outcome: the lines should meet.",
            unit="cps",
            width=12,
            no_value="no readings",
            targets=(
                Target(f"sum(rate(ingest_readings_accepted_total{{{US}}}{RATE}))", "accepted"),
                Target(f"sum(rate({_with(_READINGS, 'success|superseded|' + _BAD)}{RATE}))", "done"),
            ),
            colours=(("accepted", "blue"), ("done", "green")),
        ),
        Panel(
            title="Readings, by result",
            description="Outcomes of the readings of processed messages.",
            unit="cps",
            style="stack",
            width=12,
            no_value="no readings",
            targets=(Target(f"sum by (result) (rate({_READINGS}{RATE}))", "{{result}}"),),
        ),
    )


def latency(_: Thresholds) -> tuple[Panel, ...]:
    """Return the panels on freshness."""
    return (
        Panel(
            title="From receipt to row",
            description="Seconds from the receipt at ingest until the records were stored; exemplars link to traces.",
            unit="s",
            width=12,
            no_value="nothing stored",
            targets=tuple(
                Target(
                    f"histogram_quantile({share}, sum by (le) (rate({_LATENCY}{RATE})))", name, examples=name == "p99"
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


def ingest(_: Thresholds) -> tuple[Panel, ...]:
    """Return the panels on ingest."""
    return (
        Panel(
            title="Requests, by status",
            description="Responses of ingest.",
            unit="reqps",
            style="stack",
            width=8,
            no_value="no requests",
            targets=(Target(f"sum by (status) (rate(ingest_requests_total{{{US}}}{RATE})) > 0", "{{status}}"),),
            alerts=("AaIngestBudgetBurn",),
        ),
        Panel(
            title="Refusals by cause",
            description="Requests refused in five minutes; all but those by the sender's fault are our own failures.",
            unit="short",
            style="bars",
            width=8,
            targets=(Target("aa:ingest_refusals:increase5m", "{{cause}}"),),
            alerts=("AaIngestRefusing",),
        ),
        Panel(
            title="Message journal: free space",
            description="Free bytes on the disk of the journal that has least.",
            unit="bytes",
            width=12,
            no_value="no journal",
            targets=(Target("aa:message_journal_free:bytes", "free"),),
            alerts=("AaMessageJournalFailing",),
        ),
        Panel(
            title="Message journal: failures",
            description="Writes that failed in five minutes, and bytes deleted before their time.",
            unit="short",
            style="bars",
            width=12,
            no_value="no journal",
            targets=(
                Target("aa:message_journal_failures:increase5m", "failed writes"),
                Target("aa:message_journal_cut_short:increase5m", "bytes deleted early"),
            ),
        ),
        Panel(
            title="Time to answer",
            description="Seconds from a request to its answer, and to the acknowledgement of the stream.",
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


def vendors(_: Thresholds) -> tuple[Panel, ...]:
    """Return the panels on vendors."""
    return (
        Panel(
            title="Webhooks: verified and unverified",
            description="Webhooks accepted in half an hour, and those with a wrong signature.",
            unit="short",
            width=8,
            targets=(
                Target("aa:webhooks_verified:increase30m", "{{vendor}} proven"),
                Target("aa:webhooks_unverified:increase30m", "{{vendor}} not"),
            ),
            alerts=("AaWebhooksUnverified",),
        ),
        Panel(
            title="Resources fetched, by result",
            description="Resources that webhooks named and fetch requested; `later` counts every postponement.",
            unit="cps",
            style="stack",
            width=8,
            no_value="fetch does not run",
            targets=(Target(f"sum by (result) (rate(fetch_resources_total{{{US}}}{RATE}))", "{{result}}"),),
        ),
        Panel(
            title="Vendors with postponed requests",
            description="1 while fetch postpones requests to a vendor, because it is down or limits us.",
            unit="short",
            width=4,
            no_value="fetch does not run",
            targets=(Target("aa:vendor_paused:bool", "{{vendor}}"),),
            limits=((1, "orange"),),
            alerts=("AaVendorNotAsked",),
        ),
        Panel(
            title="Unaccounted webhooks",
            description="Webhooks and fetched resources that are neither pending nor have a receipt.",
            unit="short",
            kind="stat",
            width=4,
            targets=(Target("max(aa:ledger_unaccounted:webhooks)", "webhooks"),),
            limits=((1, "red"),),
            alerts=("AaWebhooksUnaccounted",),
            decimals=0,
        ),
    )


def services(_: Thresholds) -> tuple[Panel, ...]:
    """Return the panels on the health of services and workers."""
    return (
        Panel(
            title="Services up",
            description="Replicas that answer scrapes; whether ingest can publish, and normalize can poll the broker.",
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
            description="1 if the circuit breaker stops a worker, or all workers of a durable hold.",
            unit="short",
            width=6,
            targets=(
                Target('aa:fuse_open:bool{durable=~"$durable"}', "circuit breaker {{durable}}"),
                Target('aa:holding:bool{durable=~"$durable"}', "holding {{durable}}"),
            ),
            limits=((1, "red"),),
            alerts=("AaFuseOpen", "AaWorkerHolding"),
        ),
        Panel(
            title="Requests in progress",
            description="Requests that ingest is processing, and their limit.",
            unit="short",
            width=4,
            targets=(
                Target(f"sum(ingest_requests_in_flight{{{US}}})", "in progress"),
                Target(f"sum(ingest_requests_limit{{{US}}})", "limit"),
            ),
        ),
        Panel(
            title="Memory",
            description="Resident memory of each process.",
            unit="bytes",
            width=4,
            no_value="not on this system",
            targets=(Target(f"process_resident_memory_bytes{{{US}}}", "{{job}} {{instance}}"),),
        ),
        Panel(
            title="Processor",
            description="Cores that each process uses.",
            unit="percentunit",
            width=4,
            no_value="not on this system",
            targets=(Target(f"rate(process_cpu_seconds_total{{{US}}}{RATE})", "{{job}} {{instance}}"),),
        ),
    )


def _with(selector: str, results: str) -> str:
    return selector.replace("{", f'{{result=~"{results}", ', 1)


def _ingest_quantile(share: float, histogram: str) -> str:
    return f"histogram_quantile({share}, sum by (le) (rate({histogram}_bucket{{{US}}}{RATE})))"
