"""The alarms: what is wrong, where, and what to do about it. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from athlete_ally.console import wording
from athlete_ally.console.figures import Figures, Source
from athlete_ally.core.broker.environment import Thresholds
from athlete_ally.core.broker.topology import Topology

Severity = Literal["critical", "warning"]


@dataclass(frozen=True, slots=True)
class Alarm:
    """A problem at a station, and the command that fixes it or shows more.

    `link` is the console page with details; `runbook` is the alert whose runbook applies.
    """

    station: str
    severity: Severity
    text: str
    command: str = ""
    link: str = ""
    runbook: str = ""


@dataclass(frozen=True, slots=True)
class Situation:
    """All samples: of the broker, the database, and the two services, as they report it themselves."""

    broker: Source
    database: Source
    ingest: Source
    normalize: Source


def find_alarms(situation: Situation, desired: Topology, thresholds: Thresholds) -> tuple[Alarm, ...]:
    """Return the alarms, critical ones first; for a source that does not answer, only that."""
    found = [*_of_programs(situation), *_of_senders(situation.ingest), *_of_work(situation.normalize)]
    found += _of_streams(situation.broker.current, desired, thresholds)
    found += _of_durables(situation.broker.current, desired, thresholds)
    found += _of_letters(situation.broker.current, thresholds)
    return tuple(sorted(found, key=lambda each: each.severity != "critical"))


def _of_programs(situation: Situation) -> Iterator[Alarm]:
    for station, name, source, runbook in (
        ("broker", "NATS", situation.broker, ""),
        ("database", "PostgreSQL", situation.database, ""),
        ("ingest", "ingest", situation.ingest, "AaIngestDown"),
        ("normalize", "normalize", situation.normalize, "AaNormalizeDown"),
    ):
        # What the circuit breaker stops says so itself, with the remedy.
        is_tripped = name == "normalize" and source.current.worst("normalize_fuse_open")
        if source.problem and not is_tripped:
            yield Alarm(station, "critical", f"{name}: {source.problem}", "athlete-ally doctor", "", runbook)


def _of_senders(ingest: Source) -> Iterator[Alarm]:
    for cause in ("broker", "stream-full", "payload-limit"):
        if ingest.rate_per_s("ingest_refusals_total", cause=cause):
            text = f"ingest refuses requests, cause {cause}; senders are told to retry"
            yield Alarm("ingest", "critical", text, "athlete-ally doctor", "", "AaIngestRefusing")
    if ingest.rate_per_s("webhook_verification_failures_total"):
        text = "webhooks arrive with invalid signatures: the secret was changed, or they are forged"
        yield Alarm("ingest", "warning", text, "athlete-ally doctor", "", "AaWebhooksUnverified")


def _of_work(normalize: Source) -> Iterator[Alarm]:
    figures = normalize.current
    if figures.worst("normalize_fuse_open"):
        text = normalize.problem or "normalize stopped storing: readings of most senders fail"
        yield Alarm("normalize", "critical", text, "athlete-ally dlq top", "/letters", "AaFuseOpen")
    if figures.worst("normalize_holding"):
        text = "a worker holds its messages until the broker or the database is available again; nothing is lost"
        yield Alarm("normalize", "warning", text, "athlete-ally doctor", "", "AaWorkerHolding")
    lost = sum(value for name in figures.names("ledger_") for value in figures.values(name))
    if lost:
        text = f"{wording.count(lost)} messages are neither pending nor recorded as processed"
        yield Alarm("accounting", "critical", text, "athlete-ally doctor", "", "AaLedgerUnaccounted")


def _of_streams(figures: Figures, desired: Topology, thresholds: Thresholds) -> Iterator[Alarm]:
    for stream in desired.streams:
        labels = {"stream_name": stream.name}
        if figures.worst("aa_stream_missing", **labels):
            text, command = f"stream {stream.name} is missing", "athlete-ally streams apply"
            yield Alarm(stream.name, "critical", text, command, "", "AaStreamMissing")
            continue
        used = used_share(figures, stream.name)
        if used is not None and used >= thresholds.stream_full_share:
            text = f"{stream.name} is {wording.share(used)} full; at 100% ingest answers 503"
            yield Alarm(stream.name, "critical", text, "athlete-ally streams status", "/streams", "AaStreamNearlyFull")
        yield from _of_drift(figures, stream.name)
    if figures.least("aa_nats_sync_always") == 0:
        text = "nats-server acknowledges before it flushes to disk: a power cut can lose acknowledged data"
        yield Alarm("broker", "warning", text, "athlete-ally doctor", "", "AaDurabilityWeak")


def _of_durables(figures: Figures, desired: Topology, thresholds: Thresholds) -> Iterator[Alarm]:
    for durable in desired.durables:
        labels = {"consumer_name": durable.name}
        if figures.worst("aa_consumer_missing", **labels):
            text, command = f"durable {durable.name} is missing", "athlete-ally streams apply"
            yield Alarm(durable.name, "critical", text, command, "", "AaDurableMissing")
            continue
        yield from _of_drift(figures, durable.name)
        if figures.worst("aa_consumer_paused", **labels):
            text, command = f"{durable.name} is paused", f"athlete-ally streams consumers resume {durable.name}"
            yield Alarm(durable.name, "warning", text, command, "/streams", "AaConsumerPaused")
        if abandoned := figures.worst("aa_consumer_abandoned_messages", **labels):
            text = f"{durable.name}: {wording.counted(abandoned, 'message')} will not be delivered again"
            yield Alarm(durable.name, "critical", text, "athlete-ally doctor", "/streams", "AaMessagesAbandoned")
        age_s = figures.worst("aa_consumer_oldest_unprocessed_seconds", **labels) or 0.0
        left_s = figures.least("aa_consumer_time_to_data_loss_seconds", **labels)
        if age_s and left_s is not None and age_s / (age_s + left_s) >= thresholds.retention_cliff_share:
            text = f"{durable.name}: the oldest message will be deleted in {wording.span(left_s)}"
            yield Alarm(durable.name, "critical", text, "athlete-ally doctor", "/streams", "AaRetentionCliff")
        elif age_s >= thresholds.consumer_lag_age_s:
            text = f"{durable.name}: the oldest message has been pending for {wording.span(age_s)}"
            yield Alarm(durable.name, "warning", text, "athlete-ally doctor", "", "AaConsumerLagAge")


def _of_drift(figures: Figures, name: str) -> Iterator[Alarm]:
    if differs := figures.total("aa_config_differences", object=name):
        text = f"{name} differs from its desired state in {wording.counted(differs, 'field')}"
        yield Alarm(name, "warning", text, "athlete-ally streams plan", "/streams", "AaConfigurationDrift")


def _of_letters(figures: Figures, thresholds: Thresholds) -> Iterator[Alarm]:
    waiting = figures.total("dlq_messages_waiting")
    if not waiting:
        return
    age_s = figures.worst("dlq_oldest_seconds") or 0.0
    severity: Severity = "critical" if age_s >= thresholds.dead_letter_oldest_s else "warning"
    text = f"{wording.counted(waiting, 'dead letter')} in AA_DLQ, the oldest for {wording.span(age_s)}"
    yield Alarm("AA_DLQ", severity, text, "athlete-ally dlq top", "/letters", "AaDeadLettersWaiting")


def used_share(figures: Figures, stream: str) -> float | None:
    """Return the share of its storage limit that a stream uses; None when it has no limit or was never read."""
    used = figures.worst("jetstream_stream_total_bytes", stream_name=stream)
    limit = figures.worst("jetstream_stream_limit_bytes", stream_name=stream)
    return used / limit if used is not None and limit is not None and limit > 0 else None
